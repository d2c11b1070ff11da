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

from .flat import FlatParameters, Layout
from .modules import Perceptron
from .products import product, sum_of_rows

__all__ = ["Backpropagation", "layers_of", "layout_of", "pass_through"]

_aten = torch.ops.aten

# Outputs from which on it pays to have the linear path at the exit: half as many products have
# all outputs in them, for one call more.
MANY_OUTPUTS = 256

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
        self.parameters = FlatParameters(layout_of(known), optimizer)
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

    def back(self, x, of_x, of_y, adds=False):
        """Calls from the gradient of y to those of the parameters and, unless None, of x.

        The latter may be added to what is there.
        """
        calls = [product(of_y.mT, x, self.weight_gradient)]
        if self.bias is not None:
            calls.append(sum_of_rows(of_y, self.bias_gradient))
        if of_x is not None:
            calls.append(product(of_y, self.weight, of_x, plus=of_x if adds else None))
        return calls


class PerceptronPass:
    """Forward and backward pass of hidden layers and the linear path beside them.

    Gradients of the parameters are included. The linear path is one map with the first layer,
    which takes the same input, or with the last one, which adds to the same output. What comes
    out lies in memory that the next batch takes.

    Parameters
    ----------
    layers : list of Layer
        The first gives the columns of the output, then those of the first hidden layer, with the
        biases of both, and the last has none; or, at the exit, the last takes the columns of
        the last hidden layer, then those of the input.
    activation : Activation
    onward : bool
        Whether the gradient of the input is asked for.
    at_exit : bool
        Whether the linear path is one map with the last layer.
    """

    def __init__(self, layers, activation, onward, at_exit=False):
        self.layers, self.activation = layers, activation
        self.onward, self.at_exit = onward, at_exit
        self.n_rows, self.routes = 0, {}

    def way_of(self, n):
        """Batches differ in size by one row: they have one memory, and a route through it each."""
        if n not in self.routes:
            first = self.layers[0].weight
            if n > self.n_rows:
                self.n_rows, self.routes = n + 1, {}
                self.memory = first.new_empty(self._n_numbers(n + 1))
            cut = Cuts(self.memory, (*first.shape[:-2], n))
            options = self.activation, self.onward, self.at_exit
            self.routes[n] = Route(self.layers, *options, cut)
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

    def __init__(self, layers, activation, onward, at_exit, cut):
        first, *path = layers
        widths = [layer.weight.shape[-2] for layer in layers]
        # Before activations, and their gradients.
        places = [(cut(width), cut(width)) for width in widths[: len(path) or 1]]
        n_in, n_out = first.weight.shape[-1], widths[-1]
        if at_exit:
            n_last = path[-1].weight.shape[-1]
            self.output, self.of_output, last, of_last = map(cut, (n_out, n_out, n_last, n_last))
            self.input, self.of_input = last[..., -n_in:], of_last[..., -n_in:]
            places[-1] = places[-1][0], of_last[..., :-n_in]
        x, of_x = places[0]
        if not at_exit:
            self.input, self.of_input = cut(n_in), cut(n_in) if onward else None
            self.output, self.of_output = x[..., :n_out], of_x[..., :n_out]
            places[0] = x[..., n_out:], of_x[..., n_out:]
        self.forth = first.forth(self.input, x)
        self.back = first.back(self.input, self.of_input if onward else None, of_x, adds=at_exit)
        ends = [*places[1:], (self.output, self.of_output)]
        for layer, (x, of_x), (z, of_z) in zip(path, places, ends, strict=False):
            is_joint = at_exit and layer is path[-1]
            taken, of_taken = (last, of_last) if is_joint else (cut(x.shape[-1]), of_x)
            y = taken[..., : x.shape[-1]]
            self.forth += [activation.forth(x, y), *layer.forth(taken, z)]
            # The gradient of y becomes that of x where it is.
            self.back = [
                *layer.back(taken, of_taken, of_z),
                activation.back(of_x, x, y),
                *self.back,
            ]

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


def joins_at_exit(network):
    """Whether the linear path of a perceptron is one map with its last layer."""
    linear = network.linear
    widens = linear.in_features < linear.out_features >= MANY_OUTPUTS
    return widens and network.layers is not None


def layout_of(networks):
    """Of the parameters of perceptrons, as `pass_through` takes them to lie in memory."""
    return Layout({p: turned for network in networks for p, turned in in_memory(network)})


def in_memory(network):
    """Pairs of a parameter and whether it lies there transposed."""
    linear, layers = network.linear, layers_of(network)
    if not layers:
        return [(linear.weight, False), (linear.bias, False)]
    first, *middle, last = layers
    straight, turned = [linear.weight, *(layer.weight for layer in layers)], []
    if joins_at_exit(network):
        straight, turned = straight[1:-1], [last.weight, linear.weight]
    biases = [last.bias, first.bias, *(layer.bias for layer in middle)]
    pairs = [(straight, False), (turned, True), (biases, False)]
    return [(p, is_turned) for parameters, is_turned in pairs for p in parameters]


def pass_through(network, parameters, onward):
    """Forward and backward pass of a perceptron, whose parameters are among the joined ones."""
    joined, linear = parameters.joined, network.linear
    if network.layers is None:
        only = Layer.of(joined(linear.weight), joined(linear.bias))
        return PerceptronPass([only], ACTIVATIONS[nn.Identity], onward)
    first, *middle, last = layers_of(network)
    path = [Layer.of(joined(layer.weight), joined(layer.bias)) for layer in middle]
    at_exit = joins_at_exit(network)
    if at_exit:
        entrance = Layer.of(joined(first.weight), joined(first.bias))
        way_out = Layer.of(joined(last.weight, linear.weight), joined(last.bias))
    else:
        entrance = Layer.of(joined(linear.weight, first.weight), joined(last.bias, first.bias))
        way_out = Layer.of(joined(last.weight))
    activation = ACTIVATIONS[type(network.layers[1])]
    return PerceptronPass([entrance, *path, way_out], activation, onward, at_exit)
