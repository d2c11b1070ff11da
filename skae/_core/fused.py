"""Analytic gradients of the built-in perceptrons.

For small networks the bookkeeping of autograd costs more than the arithmetic. Here a batch goes
forward and back through each network in a few matrix products, whose results go where those of
the last batch were. Modules of the user's, which have no analytic form here, go through autograd
by themselves.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import nn

from .flat import FlatParameters
from .modules import Perceptron

__all__ = ["Backpropagation"]

_aten = torch.ops.aten


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
    """Gradients of the objective for a batch, and the optimizer's step along them.

    Parameters
    ----------
    module : Autoencoder
        Its parameters have views of flat tensors for data until `FlatParameters.release`.
    objective : torch.nn.Module
        With ``gradients(prediction, weights)``: the loss, and its gradients with respect to
        the decoder's output and, apart from what goes through the decoder, the latent space.
    optimizer : torch.optim.Adam or torch.optim.SGD
        Of the parameters of the module.
    """

    def __init__(self, module, objective, optimizer):
        self.module, self.objective = module, objective
        networks = {"encoder": module.encoder, "decoder": module.decoder}
        self.analytic = {name: is_analytic(network) for name, network in networks.items()}
        known = [networks[name] for name in networks if self.analytic[name]]
        self.parameters = FlatParameters([p for n in known for p in in_memory(n)], optimizer)
        self.like, self.standardize = module.standardize.center, module.standardize.forward
        # Autograd cannot go on from tensors of the quicker one.
        self.mode = torch.inference_mode if self.is_whole else torch.no_grad
        with self.mode():
            self.encoder = self._pass("encoder", module.encode)
            self.decoder = self._pass("decoder", module.decode)

    def _pass(self, name, function):
        if self.analytic[name]:
            return pass_through(getattr(self.module, name), self.parameters)
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

    def __call__(self, x, weights):
        """Loss and prediction for a batch; the gradients are set."""
        with self.mode():
            return self._gradients(x, weights)

    def _gradients(self, x, weights):
        module = self.module
        x = x.to(self.like)
        weights = None if weights is None else weights.to(x)
        self.parameters.clear()
        standard = self.standardize(x)
        encoded = self.encoder.forward(module.corrupted(x, standard))
        latent = module.latent(encoded, x)
        output = self.decoder.forward(module.decoder_input(latent))
        prediction = module.prediction(latent, output, x, standard)
        loss, of_output, of_latent = self.objective.gradients(prediction, weights)
        of_decoder_input = self.decoder.backward(of_output)
        gradient = module.latent_gradient(encoded, prediction, of_decoder_input, of_latent)
        self.encoder.backward(gradient, onward=False)
        return loss, prediction


class Layer(NamedTuple):
    """A linear map, with its gradients."""

    weight: torch.Tensor  # (n_out, n_in)
    transposed: torch.Tensor
    weight_gradient: torch.Tensor
    bias: torch.Tensor | None  # (n_out,); None if it is part of another's
    bias_gradient: torch.Tensor | None


def layer_of(weight, bias=(None, None)):
    """A `Layer` of pairs of values and gradients."""
    return Layer(weight[0], weight[0].t(), weight[1], *bias)


class LinearPass:
    """Forward and backward pass of a linear map, gradients of its parameters included."""

    def __init__(self, layer):
        self.layer = layer

    def forward(self, x):
        """Output for a batch x of shape (n, n_in)."""
        self.x = x
        return torch.addmm(self.layer.bias, x, self.layer.transposed)

    def backward(self, gradient, onward=True):
        """Gradient of the input from that of the output; those of the parameters are set."""
        torch.mm(gradient.t(), self.x, out=self.layer.weight_gradient)
        torch.sum(gradient, 0, out=self.layer.bias_gradient)
        return gradient @ self.layer.weight if onward else None


class PerceptronPass:
    """Forward and backward pass of hidden layers and the linear path beside them.

    Gradients of the parameters are included. The linear path and the first hidden layer have
    the same input: they are one map, the entrance, whose bias is that of the output beside
    that of the first layer.

    Parameters
    ----------
    entrance : Layer
        Its output has the columns of the perceptron's output, then those of the first layer.
    path : list of Layer
        The layers behind; the last one's bias is in the entrance.
    activation : Activation
    """

    def __init__(self, entrance, path, activation):
        self.entrance, self.path, self.activation = entrance, path, activation
        self.n_rows, self.routes = 0, {}

    def forward(self, x):
        """Output for a batch x of shape (n, n_in)."""
        self.x, n = x, x.shape[0]
        if n not in self.routes:
            self._find_route(n)
        self.route = route = self.routes[n]
        torch.addmm(self.entrance.bias, x, self.entrance.transposed, out=route.entered)
        for call in route.forth:
            call()
        return torch.addmm(route.direct, route.last, self.path[-1].transposed)

    def _find_route(self, n):
        """Batches differ in size by one row: they have one memory, and a route through it each."""
        if n > self.n_rows:
            self.n_rows, self.routes = n + 1, {}
            self.memory = Memory(self.path, n + 1)
        self.routes[n] = Route(self.path, self.activation, self.memory, n)

    def backward(self, gradient, onward=True):
        """Gradient of the input from that of the output; those of the parameters are set."""
        route, entrance = self.route, self.entrance
        route.of_direct.copy_(gradient)
        for call in route.back:
            call()
        torch.mm(route.of_entered.t(), self.x, out=entrance.weight_gradient)
        torch.sum(route.of_entered, 0, out=entrance.bias_gradient)
        return route.of_entered @ entrance.weight if onward else None


class Memory:
    """Tensors for batches of at most n rows on their way through a perceptron.

    Attributes
    ----------
    entered, of_entered : tensors of shape (n, n_out + n_first)
        The entrance's output, and its gradient.
    before, after, of_before : lists of tensors of shape (n, n_hidden)
        Hidden layers before and after activation, and gradients of the former. The first of
        ``before`` and ``of_before`` are part of the tensors above.
    """

    def __init__(self, path, n):
        n_out, widths = len(path[-1].weight), [layer.weight.shape[1] for layer in path]
        empty = path[0].weight.new_empty
        self.entered, self.of_entered = empty(2, n, n_out + widths[0])
        first, of_first = self.entered[:, n_out:], self.of_entered[:, n_out:]
        self.before = [first, *(empty(n, width) for width in widths[1:])]
        self.of_before = [of_first, *(empty(n, width) for width in widths[1:])]
        self.after = [empty(n, width) for width in widths]


class Route:
    """The way of n rows through the hidden layers: memory, and what is called on it.

    Attributes
    ----------
    entered, of_entered : tensors of shape (n, n_out + n_first)
        The entrance's output, and its gradient.
    direct, of_direct : tensors of shape (n, n_out)
        Their first columns: the linear path's output, and the gradient of all of the output.
    last : tensor of shape (n, n_last)
        What the last layer gets.
    forth, back : lists of callables
        From ``entered`` to ``last``; and from ``of_direct`` to ``of_entered``, the gradients
        of the layers' parameters included.
    """

    def __init__(self, path, activation, memory, n):
        n_out = len(path[-1].weight)
        self.entered, self.of_entered = memory.entered[:n], memory.of_entered[:n]
        self.direct, self.of_direct = self.entered[:, :n_out], self.of_entered[:, :n_out]
        before, after, of_before = (
            [place[:n] for place in places]
            for places in (memory.before, memory.after, memory.of_before)
        )
        self.last = after[-1]
        self.forth = [activation.forth(before[0], after[0])]
        for layer, inputs, x, y in zip(path[:-1], after, before[1:], after[1:], strict=False):
            step = partial(torch.addmm, layer.bias, inputs, layer.transposed, out=x)
            self.forth += [step, activation.forth(x, y)]
        self.back, behind = [], self.of_direct
        for layer, x, y, of_x in reversed(list(zip(path, before, after, of_before, strict=True))):
            self.back.append(partial(torch.mm, behind.t(), y, out=layer.weight_gradient))
            if layer.bias is not None:
                self.back.append(partial(torch.sum, behind, 0, out=layer.bias_gradient))
            self.back.append(partial(torch.mm, behind, layer.weight, out=of_x))
            self.back.append(activation.back(of_x, x, y))
            behind = of_x


class AutogradPass:
    """Forward and backward pass of any function of a batch, by autograd."""

    def __init__(self, function):
        self.function = function

    def forward(self, x):
        """Output for a batch x."""
        with torch.enable_grad():
            self.x = x.detach().requires_grad_()
            # A copy, since the user's modules may work in place.
            self.output = self.function(self.x.clone())
        return self.output.detach()

    def backward(self, gradient, onward=True):
        """Gradient of the input from that of the output; those of parameters are added to."""
        self.output.backward(gradient)
        return self.x.grad


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


def pass_through(network, parameters):
    """Forward and backward pass of a perceptron, whose parameters are among the flat ones."""
    joined, linear = parameters.joined, network.linear
    if network.layers is None:
        return LinearPass(layer_of(joined(linear.weight), joined(linear.bias)))
    first, *middle, last = layers_of(network)
    weight, bias = joined(linear.weight, first.weight), joined(last.bias, first.bias)
    path = [layer_of(joined(layer.weight), joined(layer.bias)) for layer in middle]
    path.append(layer_of(joined(last.weight)))
    return PerceptronPass(layer_of(weight, bias), path, ACTIVATIONS[type(network.layers[1])])
