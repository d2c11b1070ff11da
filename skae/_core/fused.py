"""Analytic gradients of the built-in perceptrons.

For small networks the bookkeeping of autograd costs more than the arithmetic. Here a batch goes
forward and back through each network in a few matrix products, whose results go where those of
the last batch were. Modules of the user's, which have no analytic form here, go through autograd
by themselves.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from .flat import FlatParameters
from .modules import Perceptron

__all__ = ["Backpropagation"]

_aten = torch.ops.aten


class Activation(NamedTuple):
    """A function of numbers and its derivative."""

    function: Callable  # (input, place of the output)
    gradient: Callable  # (gradient of the output, which becomes that of the input, input, output)


ACTIVATIONS = {
    nn.Identity: Activation(lambda x, out: out.copy_(x), lambda gradient, x, y: gradient),
    nn.Sigmoid: Activation(
        lambda x, out: torch.sigmoid(x, out=out),
        lambda gradient, x, y: _aten.sigmoid_backward.grad_input(gradient, y, grad_input=gradient),
    ),
    nn.ReLU: Activation(
        lambda x, out: torch.clamp(x, min=0, out=out),
        lambda gradient, x, y: _aten.threshold_backward.grad_input(
            gradient, x, 0, grad_input=gradient
        ),
    ),
    nn.SiLU: Activation(
        lambda x, out: _aten.silu.out(x, out=out),
        lambda gradient, x, y: _aten.silu_backward.grad_input(gradient, x, grad_input=gradient),
    ),
    nn.Tanh: Activation(
        lambda x, out: torch.tanh(x, out=out),
        lambda gradient, x, y: _aten.tanh_backward.grad_input(gradient, y, grad_input=gradient),
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
        self.standardize = module.standardize.forward
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

    @torch.no_grad()
    def __call__(self, x, weights):
        """Loss and prediction for a batch; the gradients are set."""
        module = self.module
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

    def set_gradients(self, gradient, transposed, x):
        """From the gradient of the output and its transpose, for the input x."""
        torch.mm(transposed, x, out=self.weight_gradient)
        if self.bias is not None:
            torch.sum(gradient, 0, out=self.bias_gradient)


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
        self.layer.set_gradients(gradient, gradient.t(), self.x)
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
        self.entrance, self.path = entrance, path
        self.activate, self.activation_gradient = activation
        self.rooms = {}

    def forward(self, x):
        """Output for a batch x of shape (n, n_in)."""
        self.x = x
        if len(x) not in self.rooms:
            self.rooms[len(x)] = Room(self.path, len(x))
        self.room = room = self.rooms[len(x)]
        torch.addmm(self.entrance.bias, x, self.entrance.transposed, out=room.entered)
        for layer, before, after, behind in room.forth:
            self.activate(before, after)
            if behind is None:
                return torch.addmm(room.direct, after, layer.transposed)
            torch.addmm(layer.bias, after, layer.transposed, out=behind)

    def backward(self, gradient, onward=True):
        """Gradient of the input from that of the output; those of the parameters are set."""
        room, behind, transposed = self.room, gradient, gradient.t()
        for layer, before, after, place, place_transposed in room.back:
            layer.set_gradients(behind, transposed, after)
            torch.mm(behind, layer.weight, out=place)
            self.activation_gradient(place, before, after)
            behind, transposed = place, place_transposed
        room.of_direct.copy_(gradient)
        self.entrance.set_gradients(room.of_entered, room.of_entered_transposed, self.x)
        return room.of_entered @ self.entrance.weight if onward else None


class Room:
    """Memory for n rows on their way through a perceptron and back, used batch after batch."""

    def __init__(self, path, n):
        n_out, n_first = len(path[-1].weight), path[0].weight.shape[1]
        widths = [layer.weight.shape[1] for layer in path]
        empty = path[0].weight.new_empty
        self.entered, self.of_entered = empty(2, n, n_out + n_first)
        self.of_entered_transposed = self.of_entered.t()
        self.direct, self.of_direct = self.entered[:, :n_out], self.of_entered[:, :n_out]
        before = [self.entered[:, n_out:], *(empty(n, width) for width in widths[1:])]
        after = [empty(n, width) for width in widths]
        places = [self.of_entered[:, n_out:], *(empty(n, width) for width in widths[1:])]
        transposed = [place.t() for place in places]
        self.forth = list(zip(path, before, after, [*before[1:], None], strict=True))
        self.back = list(zip(path, before, after, places, transposed, strict=True))[::-1]


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
