"""Analytic gradients of the built-in perceptrons, on flat parameters.

For small networks the bookkeeping of autograd and of the optimizer costs more than the
arithmetic. Here a batch goes forward and back through each network in a few matrix products,
and one call moves all parameters of a group, which lie side by side in one tensor. Modules of
the user's, which have no analytic form here, go through autograd by themselves.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import silu
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from .modules import Perceptron

__all__ = ["Backpropagation"]

_aten = torch.ops.aten

# Parameters from which a pass over them takes longer than a further call of the optimizer.
MANY = 2**17


class Activation(NamedTuple):
    """A function of numbers and its derivative."""

    function: Callable
    gradient: Callable  # gradient of the output, input, output -> gradient of the input


ACTIVATIONS = {
    nn.Identity: Activation(lambda x: x, lambda gradient, x, y: gradient),
    nn.Sigmoid: Activation(
        torch.sigmoid, lambda gradient, x, y: _aten.sigmoid_backward(gradient, y)
    ),
    nn.ReLU: Activation(
        torch.relu, lambda gradient, x, y: _aten.threshold_backward(gradient, y, 0)
    ),
    nn.SiLU: Activation(silu, lambda gradient, x, y: _aten.silu_backward(gradient, x)),
    nn.Tanh: Activation(torch.tanh, lambda gradient, x, y: _aten.tanh_backward(gradient, y)),
}


class Backpropagation:
    """Gradients of the objective for a batch, and the optimizer's step along them.

    Parameters
    ----------
    module : Autoencoder
        Its parameters have views of flat tensors for data until `release`.
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
        known = [p for name in networks if self.analytic[name] for p in networks[name].parameters()]
        self.parameters = FlatParameters(known, optimizer)
        self.encoder = self._pass("encoder", module.encode)
        self.decoder = self._pass("decoder", module.decode)

    def _pass(self, name, function):
        if self.analytic[name]:
            return PerceptronPass(getattr(self.module, name), self.parameters)
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
        standard = module.standardize(x)
        encoded = self.encoder.forward(module.corrupted(x, standard))
        latent = module.latent(encoded, x)
        output = self.decoder.forward(module.decoder_input(latent))
        prediction = module.prediction(latent, output, x, standard)
        loss, of_output, of_latent = self.objective.gradients(prediction, weights)
        of_decoder_input = self.decoder.backward(of_output)
        gradient = module.latent_gradient(encoded, prediction, of_decoder_input, of_latent)
        self.encoder.backward(gradient, onward=False)
        return loss, prediction


class PerceptronPass:
    """Forward and backward pass of a `Perceptron`, gradients of its parameters included."""

    def __init__(self, network, parameters):
        path, shortcut = layers_and_shortcut(network)
        self.path = [parameters.layer(linear) for linear in path]
        self.shortcut = None if shortcut is None else parameters.layer(shortcut)
        activation = nn.Identity() if shortcut is None else network.layers[1]
        self.activate, self.activation_gradient = ACTIVATIONS[type(activation)]

    def forward(self, x):
        """Output for a batch x of shape (n, n_in)."""
        self.x, self.saved, before, inputs = x, [], None, x
        for layer in self.path:
            if before is not None:
                inputs = self.activate(before)
            self.saved.append((layer, inputs, before))
            before = torch.addmm(layer.bias, inputs, layer.transposed)
        return before if self.shortcut is None else before.addmm_(x, self.shortcut.transposed)

    def backward(self, gradient, onward=True):
        """Gradient of the input from that of the output; those of the parameters are set."""
        behind = gradient
        for layer, inputs, before in reversed(self.saved):
            layer.set_gradients(behind, inputs)
            if before is not None:
                behind = self.activation_gradient(behind @ layer.weight, before, inputs)
        if self.shortcut is not None:
            self.shortcut.set_gradients(gradient, self.x)
        if not onward:
            return None
        of_input = behind @ self.path[0].weight
        return (
            of_input if self.shortcut is None else of_input.addmm_(gradient, self.shortcut.weight)
        )


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


class Layer(NamedTuple):
    """A linear map and its gradients; without bias, the latter two are None."""

    weight: torch.Tensor  # (n_out, n_in)
    transposed: torch.Tensor
    weight_gradient: torch.Tensor
    bias: torch.Tensor | None  # (n_out,)
    bias_gradient: torch.Tensor | None

    def set_gradients(self, gradient, x):
        """From the gradient of the output, for the input x."""
        torch.mm(gradient.t(), x, out=self.weight_gradient)
        if self.bias is not None:
            torch.sum(gradient, 0, out=self.bias_gradient)


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


def layers_and_shortcut(network):
    """Linear layers of a perceptron one after another, and the linear path beside them or None."""
    if network.layers is None:
        return [network.linear], None
    return [layer for layer in network.layers if isinstance(layer, nn.Linear)], network.linear


class FlatParameters:
    """What the optimizer moves: known parameters in one flat tensor, and the others.

    The gradients of the known ones lie in another tensor, and what the optimizer keeps of
    them in further ones. Until `release` those of the single parameters are views.

    Parameters
    ----------
    known : list of Parameter
        Those whose gradients will be set in the parts that `layer` gives.
    optimizer : torch.optim.Adam or torch.optim.SGD
    """

    def __init__(self, known, optimizer):
        self.optimizer, self.rule = optimizer, RULES[type(optimizer)]
        known, groups = set(known), optimizer.param_groups
        by_group = [[p for p in group["params"] if p in known] for group in groups]
        self.others = [p for group in groups for p in group["params"] if p not in known]
        self.states = {p: optimizer.state[p] for group in by_group for p in group}
        values = self._join(p.detach() for p in self.states)
        kept = [self._shared(name) for name in self.rule.kept]
        self.all = Part(values, torch.zeros_like(values), kept)
        sizes = [sum(p.numel() for p in group) for group in by_group]
        self.by_group = list(zip(groups, self.all.split(sizes), strict=True))
        self.runs = {}
        views = zip(self._views(self.all.values), self._views(self.all.gradients), strict=True)
        self.views = dict(zip(self.states, views, strict=True))
        self._share_count()
        for p, (values, _) in self.views.items():
            p.data = values
        self.show_gradients()

    def _join(self, tensors):
        empty = self.optimizer.param_groups[0]["params"][0].detach().new_zeros(0)
        return torch.cat([empty, *(tensor.flatten() for tensor in tensors)])

    def _views(self, flat):
        """Parts of a flat tensor, shaped as the parameters."""
        parts = flat.split([p.numel() for p in self.states])
        return [part.view(p.shape) for p, part in zip(self.states, parts, strict=True)]

    def _shared(self, name):
        """One tensor for what the optimizer keeps of the parameters, zeros at first."""
        flat = self._join(s.get(name, torch.zeros_like(p)) for p, s in self.states.items())
        for state, view in zip(self.states.values(), self._views(flat), strict=True):
            state[name] = view
        return flat

    def _share_count(self):
        """One count of steps for all parameters."""
        counts = [state["step"] for state in self.states.values() if "step" in state]
        device = self.all.values.device
        self.n_steps = counts[0].clone() if counts else torch.zeros((), device=device)
        for state in self.states.values():
            state["step"] = self.n_steps

    def layer(self, linear):
        """A linear layer of known parameters, and its gradients."""
        weight, weight_gradient = self.views[linear.weight]
        bias, bias_gradient = (None, None) if linear.bias is None else self.views[linear.bias]
        return Layer(weight, weight.t(), weight_gradient, bias, bias_gradient)

    def clear(self):
        """Forget the gradients that autograd adds to."""
        for p in self.others:
            p.grad = None

    def show_gradients(self):
        """Let the known parameters have their gradients, which callbacks may look for."""
        for p, (_, gradient) in self.views.items():
            p.grad = gradient

    def adopt_gradients(self):
        """Take over gradients that callbacks put in the place of ours."""
        for p, (_, gradient) in self.views.items():
            if p.grad is not gradient:
                gradient.copy_(torch.zeros_like(gradient) if p.grad is None else p.grad)
                p.grad = gradient

    def clip(self, largest, smallest):
        """Scale the gradient to a norm of at most ``largest``, or to 0 if below ``smallest``."""
        gradients = [self.all.gradients, *(p.grad for p in self.others if p.grad is not None)]
        norm = math.hypot(*(torch.linalg.vector_norm(g).item() for g in gradients))
        factor = 0.0 if norm < smallest else largest / (norm + 1e-6)
        if factor < 1:
            for gradient in gradients:
                gradient.mul_(factor)

    def step(self):
        """Move the parameters along their gradients, as the optimizer would."""
        if self.others:
            self._step_others()
        if self.all.values.numel() < MANY:
            for group, part in self.by_group:
                if group["weight_decay"]:
                    part.gradients.add_(part.values, alpha=group["weight_decay"])
            for group, part in self._alike("lr"):
                self.rule.move(part, self.n_steps.clone(), group, 0.0)
        else:
            for group, part in self._alike("lr", "weight_decay"):
                self.rule.move(part, self.n_steps.clone(), group, group["weight_decay"])
        self.n_steps.add_(1)
        # What torch's schedulers look for: that the optimizer moves before they do.
        self.optimizer._opt_called = True

    def _alike(self, *options):
        """Neighbouring groups that share these options: the first one, and the part of all."""
        settings = [tuple(group[name] for name in options) for group, _ in self.by_group]
        changes = tuple(i for i in range(1, len(settings)) if settings[i] != settings[i - 1])
        if changes not in self.runs:
            bounds = pairwise((0, *changes, len(settings)))
            runs = [self.by_group[start:stop] for start, stop in bounds]
            parts = self.all.split([sum(len(p.values) for _, p in run) for run in runs])
            self.runs[changes] = [(run[0][0], part) for run, part in zip(runs, parts, strict=True)]
        return self.runs[changes]

    def _step_others(self):
        """The optimizer's own step, which passes over parameters without gradient."""
        for p in self.views:
            p.grad = None
        self.optimizer.step()
        self.show_gradients()

    def release(self):
        """Give every parameter data and states of its own again."""
        for p, state in self.states.items():
            p.data, p.grad = p.data.clone(), None
            state.update({name: value.clone() for name, value in state.items()})


class Part(NamedTuple):
    """Flat tensors of the same parameters."""

    values: torch.Tensor
    gradients: torch.Tensor
    kept: list  # what the optimizer keeps

    def split(self, sizes):
        """Parts of these sizes."""
        kept = zip(*(tensor.split(sizes) for tensor in self.kept), strict=True)
        return map(Part, self.values.split(sizes), self.gradients.split(sizes), map(list, kept))


class Rule(NamedTuple):
    """How an optimizer moves parameters; its options are those of a group."""

    kept: tuple  # names of what it keeps of each parameter, beside a count of steps
    move: Callable  # (part, count of steps, group, weight decay); the step


def adam_step(part, n_steps, group, weight_decay):
    """A step of Adam."""
    adam(
        [part.values],
        [part.gradients],
        *([kept] for kept in part.kept),
        [],
        [n_steps],
        foreach=False,
        fused=group["fused"],
        amsgrad=False,
        beta1=group["betas"][0],
        beta2=group["betas"][1],
        lr=group["lr"],
        weight_decay=weight_decay,
        eps=group["eps"],
        maximize=False,
    )


def sgd_step(part, n_steps, group, weight_decay):
    """A step of gradient descent with momentum."""
    sgd(
        [part.values],
        [part.gradients],
        part.kept,
        foreach=False,
        fused=group["fused"],
        weight_decay=weight_decay,
        momentum=group["momentum"],
        lr=group["lr"],
        dampening=group["dampening"],
        nesterov=group["nesterov"],
        maximize=False,
    )


RULES = {
    torch.optim.Adam: Rule(("exp_avg", "exp_avg_sq"), adam_step),
    torch.optim.SGD: Rule(("momentum_buffer",), sgd_step),
}
