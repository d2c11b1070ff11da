"""Analytic gradients of the built-in perceptrons.

For small networks the bookkeeping of autograd costs more than the arithmetic. Here a batch goes
forward and back through each network in a few matrix products, whose results go where those of
the last batch were. Modules of the user's, which have no analytic form here, go through autograd
by themselves.
"""

import math
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from .flat import FlatParameters
from .modules import Perceptron
from .products import product, sum_of_rows

__all__ = ["Backpropagation", "in_memory", "layers_of", "pass_through"]

_aten = torch.ops.aten

# Numbers at whose multiples tensors begin in shared memory: those of the widest registers.
ALIGNED = 16


class Activation(NamedTuple):
    """A function of numbers and its derivative, as calls on memory that is there already."""

    forth: Callable  # (input, place of the output) -> call
    # (gradient of the output, which becomes that of the input, input, output) -> call
    back: Callable


def nothing():
    """The gradient of the identity is that of its output."""


ACTIVATIONS = {
    nn.Identity: Activation(
        lambda x, y: partial(y.copy_, x),
        lambda gradient, x, y: nothing,
    ),
    nn.Sigmoid: Activation(
        lambda x, y: partial(torch.sigmoid, x, out=y),
        lambda gradient, x, y: partial(
            _aten.sigmoid_backward.grad_input, gradient, y, grad_input=gradient
        ),
    ),
    nn.ReLU: Activation(
        lambda x, y: partial(torch.clamp, x, min=0, out=y),
        lambda gradient, x, y: partial(
            _aten.threshold_backward.grad_input, gradient, x, 0, grad_input=gradient
        ),
    ),
    nn.SiLU: Activation(
        lambda x, y: partial(_aten.silu.out, x, out=y),
        lambda gradient, x, y: partial(
            _aten.silu_backward.grad_input, gradient, x, grad_input=gradient
        ),
    ),
    nn.Tanh: Activation(
        lambda x, y: partial(torch.tanh, x, out=y),
        lambda gradient, x, y: partial(
            _aten.tanh_backward.grad_input, gradient, y, grad_input=gradient
        ),
    ),
}


class Backpropagation:
    """Gradients of the objective for a batch, on the parameters of an optimizer.

    Parameters
    ----------
    module : Autoencoder
        Its parameters have views of flat tensors for data until `FlatParameters.release`.
    objective : torch.nn.Module
        With ``gradients(prediction, weights, out, draws)``: the loss, its gradient with respect
        to the decoder's output, in the memory of ``out`` unless that is None, and what the way
        between the networks takes of the latent space's, apart from what comes through the
        decoder.
    optimizer : Adam or SGD
        Of the parameters of the module.
    """

    def __init__(self, module, objective, optimizer):
        self.module, self.objective = module, objective
        self.like = module.standardize.center
        networks = {"encoder": module.encoder, "decoder": module.decoder}
        self.analytic = {name: is_analytic(network) for name, network in networks.items()}
        known = [networks[name] for name in networks if self.analytic[name]]
        self.parameters = FlatParameters([p for n in known for p in in_memory(n)], optimizer)
        with self.mode():
            self.encoder = self._pass("encoder", module.encode, onward=False)
            self.decoder = self._pass("decoder", module.decode, onward=True)
        self.latent = module.latent_pass()

    @contextmanager
    def mode(self):
        """That of steps: without autograd, and without NumPy's warnings of what is not finite."""
        # Autograd cannot go on from tensors of the quicker one.
        no_autograd = torch.inference_mode if self.is_whole else torch.no_grad
        with no_autograd(), np.errstate(all="ignore"):
            yield

    def _pass(self, name, function, onward):
        if self.analytic[name]:
            return pass_through(getattr(self.module, name), self.parameters, onward)
        return AutogradPass(function)

    @property
    def is_current(self):
        """Whether the networks can still be gone through as they could when this was made."""
        return all(
            is_analytic(getattr(self.module, name)) == analytic
            for name, analytic in self.analytic.items()
        )

    @property
    def is_whole(self):
        """Whether autograd has no part in it."""
        return all(self.analytic.values())

    def __call__(self, x, weights, prepared=None):
        """Loss and prediction for a batch, maybe prepared already; the gradients are set.

        What was prepared may stand for rows that the module does not take. The prediction lies
        in memory that the next batch takes.
        """
        if torch.is_inference_mode_enabled():  # entering it takes as long as a small product
            return self._gradients(x, weights, prepared)
        with self.mode():
            return self._gradients(x, weights, prepared)

    def _gradients(self, x, weights, prepared):
        module, n = self.module, x.shape[0]
        if prepared is None or x is not prepared[0]:
            x = x.to(self.like)
        weights = None if weights is None else weights.to(x.device, module.dtype)
        self.parameters.clear()
        encoder, decoder = self.encoder.way_of(n), self.decoder.way_of(n)
        between = self.latent.way_of(n, encoder, decoder)
        if prepared is None:
            # With noise, what the encoder gets is not what the decoder is to hit.
            prepared = module.prepared(x, None if module.noise else encoder.input)
        standard, numbers = prepared
        encoded = encoder.forward(module.corrupted(x, standard, encoder.input))
        latent = between.forward(encoded, numbers)
        output = decoder.forward(module.decoder_input(latent))
        prediction = module.prediction(latent, output, x, standard)
        loss, of_output, of_latent = self.objective.gradients(
            prediction, weights, decoder.of_output, between.draws
        )
        of_decoder_input = decoder.backward(of_output)
        encoder.backward(between.backward(of_decoder_input, of_latent))
        return loss, prediction


class Layer(NamedTuple):
    """A linear map, with its gradients; or those of several networks, along a first axis."""

    weight: torch.Tensor  # (n_out, n_in)
    weight_gradient: torch.Tensor
    bias: torch.Tensor | None  # (n_out,) or as a row; None if it is part of another's
    bias_gradient: torch.Tensor | None

    @classmethod
    def of(cls, weight, bias=(None, None)):
        """Of pairs of values and gradients."""
        return cls(*weight, *bias)

    def forth(self, x, y):
        """Calls from x of shape (..., n, n_in) to y, which, without a bias, stays a part of it."""
        return [product(x, self.weight.mT, y, plus=y if self.bias is None else self.bias)]

    def back(self, x, of_x, of_y):
        """Calls from the gradient of y to those of the parameters and, unless None, of x."""
        calls = [product(of_y.mT, x, self.weight_gradient)]
        if self.bias is not None:
            calls.append(sum_of_rows(of_y, self.bias_gradient))
        return calls if of_x is None else [*calls, product(of_y, self.weight, of_x)]


class PerceptronPass:
    """Forward and backward pass of hidden layers and the linear path beside them.

    Gradients of the parameters are included. The linear path and the first hidden layer have
    the same input: they are one map, the entrance, whose bias is that of the output beside
    that of the first layer. What comes out lies in memory that the next batch takes.

    Parameters
    ----------
    layers : list of Layer
        The entrance, whose output has the columns of the perceptron's, then those of the first
        hidden layer; then the layers behind that one, the last of them without a bias.
    activation : Activation
    onward : bool
        Whether the gradient of the input is asked for.
    """

    def __init__(self, layers, activation, onward):
        self.layers, self.activation, self.onward = layers, activation, onward
        self.n_rows, self.routes = 0, {}

    def way_of(self, n):
        """Batches differ in size by one row: they have one memory, and a route through it each."""
        if n not in self.routes:
            first = self.layers[0].weight
            if n > self.n_rows:
                self.n_rows, self.routes = n + 1, {}
                self.memory = first.new_empty(self._n_numbers(n + 1))
            cut = Cuts(self.memory, (*first.shape[:-2], n))
            self.routes[n] = Route(self.layers, self.activation, self.onward, cut)
        return self.routes[n]

    def _n_numbers(self, n):
        """What a route of n rows takes, at most."""
        *stacked, _, _ = self.layers[0].weight.shape
        widths = sum(sum(layer.weight.shape[-2:]) for layer in self.layers)
        return 2 * (n * math.prod(stacked) * widths + 2 * ALIGNED * len(self.layers))


class Cuts:
    """Tensors of rows, cut from a flat one one after another."""

    def __init__(self, flat, rows):
        self.flat, self.rows, self.start = flat, rows, 0

    def __call__(self, width):
        stop = self.start + math.prod(self.rows) * width
        part = self.flat[self.start : stop]
        self.start = -(-stop // ALIGNED) * ALIGNED
        return part.view(*self.rows, width)


class Route:
    """The way of n rows through a perceptron: memory, and what is called on it.

    Attributes
    ----------
    input, of_input : tensors of shape (..., n, n_in)
        What comes in, and its gradient, or None.
    output, of_output : tensors of shape (..., n, n_out)
        What comes out, and its gradient.
    forth, back : lists of callables
        From ``input`` to ``output``; and from ``of_output`` to ``of_input``, the gradients of
        the parameters included.
    """

    def __init__(self, layers, activation, onward, cut):
        entrance, *path = layers
        n_out, (n_entered, n_in) = layers[-1].weight.shape[-2], entrance.weight.shape[-2:]
        entered, of_entered = cut(n_entered), cut(n_entered)
        self.output, self.of_output = entered[..., :n_out], of_entered[..., :n_out]
        self.input, self.of_input = cut(n_in), cut(n_in) if onward else None
        self.forth = entrance.forth(self.input, entered)
        self.back = entrance.back(self.input, self.of_input, of_entered)
        x, of_x = entered[..., n_out:], of_entered[..., n_out:]
        for layer in path:
            y = cut(x.shape[-1])
            z, of_z = self.output, self.of_output
            if layer is not path[-1]:
                width = layer.weight.shape[-2]
                z, of_z = cut(width), cut(width)
            self.forth += [activation.forth(x, y), *layer.forth(y, z)]
            # The gradient of y becomes that of x where it is.
            self.back = [*layer.back(y, of_x, of_z), activation.back(of_x, x, y), *self.back]
            x, of_x = z, of_z

    def forward(self, x):
        """Output for a batch x, which need not be copied if it is ``input``."""
        if x is not self.input:
            self.input.copy_(x)
        for call in self.forth:
            call()
        return self.output

    def backward(self, gradient):
        """Gradient of the input from that of the output; those of the parameters are set.

        The former need not be copied if it is ``of_output``.
        """
        if gradient is not self.of_output:
            self.of_output.copy_(gradient)
        for call in self.back:
            call()
        return self.of_input


class AutogradPass:
    """Forward and backward pass of any function of a batch, by autograd."""

    # It has no memory of its own.
    input = output = of_output = None

    def __init__(self, function):
        self.function = function

    def forward(self, x):
        """Output for a batch x."""
        with torch.enable_grad():
            self.x = x.detach().requires_grad_()
            # A copy, since the user's modules may work in place.
            self.y = self.function(self.x.clone())
        return self.y.detach()

    def backward(self, gradient):
        """Gradient of the input from that of the output; those of parameters are added to."""
        self.y.backward(gradient)
        return self.x.grad

    def way_of(self, n):
        """The same for any number of rows."""
        return self


def is_analytic(network):
    """Whether it is a perceptron that is trained as a whole, and that nobody listens in on."""
    return (
        isinstance(network, Perceptron)
        and all(p.requires_grad for p in network.parameters())
        and not any(_hooks(module) for module in network.modules())
    )


def _hooks(module):
    forward = module._forward_hooks or module._forward_pre_hooks
    return forward or module._backward_hooks or module._backward_pre_hooks


def layers_of(network):
    """Linear layers of a perceptron, one after another."""
    return [layer for layer in network.layers or () if isinstance(layer, nn.Linear)]


def in_memory(network):
    """Parameters in the order in which `pass_through` takes them to lie in memory."""
    linear, layers = network.linear, layers_of(network)
    if not layers:
        return [linear.weight, linear.bias]
    first, *path = layers
    weights = [linear.weight, first.weight, *(layer.weight for layer in path)]
    return [*weights, path[-1].bias, first.bias, *(layer.bias for layer in path[:-1])]


def pass_through(network, parameters, onward):
    """Forward and backward pass of a perceptron, whose parameters are among the joined ones."""
    joined, linear = parameters.joined, network.linear
    if network.layers is None:
        only = Layer.of(joined(linear.weight), joined(linear.bias))
        return PerceptronPass([only], ACTIVATIONS[nn.Identity], onward)
    first, *middle, last = layers_of(network)
    entrance = joined(linear.weight, first.weight), joined(last.bias, first.bias)
    path = [Layer.of(joined(layer.weight), joined(layer.bias)) for layer in middle]
    layers = [Layer.of(*entrance), *path, Layer.of(joined(last.weight))]
    return PerceptronPass(layers, ACTIVATIONS[type(network.layers[1])], onward)
