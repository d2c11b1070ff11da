"""Parameters side by side in one tensor, and an optimizer's steps on them.

For small networks the bookkeeping of an optimizer costs more than its arithmetic. One call
moves all parameters that share its options.
"""

import math
from collections.abc import Callable
from itertools import accumulate, groupby
from operator import itemgetter
from typing import NamedTuple

import torch
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from .optimizers import SGD, Adam

__all__ = ["FlatParameters", "Layout", "adam_step"]

_hardshrink = torch.ops.aten.hardshrink.out

# Options of a group.
STEP_SIZE, STEP_SIZE_AND_DECAY = itemgetter("lr"), itemgetter("lr", "weight_decay")

# Parameters from which a pass over them takes longer than a further call of the optimizer.
MANY = 2**17

# Steps between looks at what is too small, at least. No number gets from there to the
# subnormal ones in fewer than hundreds.
FLUSH_EVERY = 16


class Layout:
    """Where parameters lie side by side in flat tensors, some of them transposed.

    Parameters
    ----------
    turned : dict
        Of every parameter, in the order in which they are to lie, whether its transpose does.
    """

    def __init__(self, turned):
        self.turned = turned
        self.starts = dict(zip(turned, accumulate([0, *map(torch.numel, turned)]), strict=False))

    def flat(self, tensors):
        """One tensor of what is shaped as the parameters, in their order."""
        pairs = zip(self.turned.values(), tensors, strict=True)
        return torch.cat([(t.mT if turned else t).flatten() for turned, t in pairs])

    def part(self, flat, first, *others):
        """Of one flat tensor, or a row for each of many: where neighbours lie.

        One below the other, as if they were one parameter; transposed ones side by side.
        """
        turned, parameters = self.turned[first], (first, *others)
        _, *rest = first.mT.shape if turned else first.shape
        shape = sum(p.shape[1 if turned else 0] for p in parameters), *rest
        part = flat.narrow(-1, self.starts[first], math.prod(shape)).unflatten(-1, shape)
        return part.mT if turned else part

    def views(self, flat):
        """Of one flat tensor: where every parameter lies."""
        return [self.part(flat, p) for p in self.turned]


class FlatParameters:
    """What the optimizer moves: known parameters in one flat tensor, and the others.

    The gradients of the known ones lie in another tensor, and what the optimizer keeps of
    them in further ones. Until `release` those of the single parameters are views.

    Parameters
    ----------
    layout : Layout
        Of the known ones; `joined` gives neighbours.
    optimizer : Adam or SGD
    """

    def __init__(self, layout, optimizer):
        self.layout, known = layout, list(layout.turned)
        self.optimizer, self.rule = optimizer, RULES[type(optimizer)]
        groups = optimizer.param_groups
        group_of = {p: i for i, group in enumerate(groups) for p in group["params"]}
        self.states = {p: optimizer.state[p] for p in known}
        self.others = [p for p in group_of if p not in self.states]
        self.values = self._join([p.detach() for p in known])
        self.gradients = torch.zeros_like(self.values)
        self.is_small = self.values.numel() < MANY
        self.rounding = 100 * torch.finfo(self.values.dtype).eps
        self.kept = kept = [self._shared(name) for name in self.rule.kept]
        self.runs = list(self._runs(known, group_of, [self.values, self.gradients, *kept]))
        self.whole = [[self.values], [self.gradients], *([tensor] for tensor in kept)]
        self.decays_by_run = None
        self._note_decays()
        views = zip(layout.views(self.values), layout.views(self.gradients), strict=True)
        self.views = dict(zip(self.states, views, strict=True))
        self._share_count()
        self.n_flushed = self.n_steps.item()
        for p, (values, _) in self.views.items():
            p.data = values
        self.show_gradients()

    def _runs(self, known, group_of, tensors):
        """Pairs of a group and parts of flat tensors, for neighbours in the same group."""
        start = 0
        for i, run in groupby(known, group_of.get):
            stop = start + sum(p.numel() for p in run)
            yield self.optimizer.param_groups[i], [tensor[start:stop] for tensor in tensors]
            start = stop

    def _note_decays(self):
        """One for each number, where that is quicker than a call of the optimizer for each."""
        by_run = [group["weight_decay"] for group, _ in self.runs]
        if self.is_small and by_run != self.decays_by_run:
            self.decays_by_run = by_run
            pairs = zip(by_run, self.runs, strict=True)
            parts = [torch.full_like(values, decay) for decay, (_, (values, *_)) in pairs]
            self.decays = torch.cat([self.values.new_zeros(0), *parts])

    def _join(self, tensors):
        """The layout's, which has no device of its own if it is empty."""
        groups = self.optimizer.param_groups
        empty = next(p for group in groups for p in group["params"]).detach().new_zeros(0)
        return self.layout.flat(tensors) if tensors else empty

    def _shared(self, name):
        """One tensor for what the optimizer keeps of the parameters, zeros at first."""
        flat = self._join([s.get(name, torch.zeros_like(p)) for p, s in self.states.items()])
        for state, view in zip(self.states.values(), self.layout.views(flat), strict=True):
            state[name] = view
        return flat

    def _share_count(self):
        """One count of steps for all parameters."""
        counts = [state["step"] for state in self.states.values() if "step" in state]
        device = self.values.device
        self.n_steps = counts[0].clone() if counts else torch.zeros((), device=device)
        for state in self.states.values():
            state["step"] = self.n_steps

    def joined(self, *parameters):
        """One tensor of neighbours, one below the other, and that of their gradients.

        Both are tensors of inference mode where that is on.
        """
        tensors = self.values, self.gradients
        here = [flat.new_empty(0).set_(flat.untyped_storage(), 0, flat.shape) for flat in tensors]
        return [self.layout.part(flat, *parameters) for flat in here]

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

    def clip(self, largest):
        """Scale the gradient to a norm of at most ``largest``, or to 0 if it is all rounding.

        Of that Adam would make whole steps.
        """
        gradients = [self.gradients] + [p.grad for p in self.others if p.grad is not None]
        norm = math.hypot(*[torch.linalg.vector_norm(g).item() for g in gradients])
        factor = 0.0 if norm < self.rounding else largest / (norm + 1e-6)
        if factor < 1:
            for gradient in gradients:
                gradient.mul_(factor)

    def step(self):
        """Move the parameters along their gradients, as the optimizer would."""
        self.n_steps.add_(1)
        if self.others:
            self._step_others()
        if self.is_small:
            self.gradients.addcmul_(self.values, self.decays)
            for group, parts in self._alike(STEP_SIZE):
                self.rule.move(parts, self.n_steps, group, 0.0)
        else:
            for group, parts in self._alike(STEP_SIZE_AND_DECAY):
                self.rule.move(parts, self.n_steps, group, group["weight_decay"])
        # What torch's schedulers look for: that the optimizer moves before they do.
        self.optimizer._opt_called = True

    def _alike(self, options):
        """Pairs of a group, and lists of parts of all groups that share its options."""
        settings = [options(group) for group, _ in self.runs]
        if settings and settings.count(settings[0]) == len(settings):
            yield self.runs[0][0], self.whole
            return
        for i, setting in enumerate(settings):
            if settings.index(setting) == i:
                alike = [parts for j, (_, parts) in enumerate(self.runs) if settings[j] == setting]
                yield self.runs[i][0], list(map(list, zip(*alike, strict=True)))

    def decayed(self):
        """Pairs of a decay and a tensor of parameters, those of neighbours together."""
        pairs = [(group["weight_decay"], values) for group, (values, *_) in self.runs]
        if not self.others:
            return pairs
        groups = self.optimizer.param_groups
        decays = {p: group["weight_decay"] for group in groups for p in group["params"]}
        return [*pairs, *((decays[p], p) for p in self.others)]

    def begin_epoch(self):
        """Note the decays and, now and then, flush what is on its way to nothing."""
        self._note_decays()
        n_steps = self.n_steps.item()
        if n_steps >= self.n_flushed + FLUSH_EVERY:
            self.n_flushed = n_steps
            self._flush()

    def _flush(self):
        """Make zeros of numbers on their way below the normal ones, which slow processors down.

        Weights that the data say nothing of, those of constant features say, decay so far.
        """
        limits = torch.finfo(self.values.dtype)
        for values in (self.values, *self.kept):
            _hardshrink(values, limits.tiny / limits.eps**2, out=values)

    def _step_others(self):
        """The optimizer's own step, which passes over parameters without gradient."""
        for p in self.views:
            p.grad = None
        self.optimizer.step()
        self.show_gradients()

    def release(self):
        """Give every parameter data and states of its own again."""
        rows = {"memory_format": torch.contiguous_format}
        for p, state in self.states.items():
            p.data, p.grad = p.data.clone(**rows), None
            state.update({name: value.clone(**rows) for name, value in state.items()})


class Rule(NamedTuple):
    """How an optimizer moves parameters; its options are those of a group."""

    kept: tuple  # names of what it keeps of each parameter, beside a count of steps
    # (lists of values, gradients and what is kept, number of steps, group, weight decay)
    move: Callable


def adam_step(parts, n_steps, group, weight_decay):
    """A step of Adam."""
    options = {
        "amsgrad": False,
        "beta1": group["betas"][0],
        "beta2": group["betas"][1],
        "lr": group["lr"],
        "weight_decay": weight_decay,
        "eps": group["eps"],
        "maximize": False,
    }
    counts = [n_steps] * len(parts[0])
    if group["fused"]:
        # What torch.optim's functional form calls, in half its time for small networks.
        torch._fused_adam_(*parts, [], counts, **options)
    else:
        # It counts on.
        adam(*parts, [], [count - 1 for count in counts], foreach=False, fused=False, **options)


def sgd_step(parts, n_steps, group, weight_decay):
    """A step of gradient descent with momentum."""
    sgd(
        *parts,
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
    Adam: Rule(("exp_avg", "exp_avg_sq"), adam_step),
    SGD: Rule(("momentum_buffer",), sgd_step),
}
