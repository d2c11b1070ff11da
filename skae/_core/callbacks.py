"""What watches over training: step size, best weights, when to stop."""

import math

import numpy as np
import torch
from skorch.callbacks import Callback, EarlyStopping, LRScheduler, PassthroughScoring
from tqdm.auto import tqdm

__all__ = [
    "BATCH_HOOKS",
    "OWN",
    "at_rest",
    "compared",
    "copied",
    "listening",
    "sure_fall",
    "training_callbacks",
    "warmup_cosine",
]

# Share of the run over which the step size rises to its full value.
WARMUP = 0.1

# Rows that the start and the end of training are compared on, at most, and numbers in them, if
# that leaves some rows.
MAX_COMPARED, MAX_NUMBERS, MIN_COMPARED = 2000, 2**20, 256

# What the names of our own callbacks start with.
OWN = "skae_"

# Hooks that see batches.
BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")


def listening(hook, callbacks):
    """Those among pairs of name and callback that do something in a hook."""
    default = getattr(Callback, hook)
    return [c for _, c in callbacks if getattr(getattr(c, hook), "__func__", None) is not default]


class EpochBar(Callback):
    """A progress bar over epochs, with the loss and the time left."""

    def on_train_begin(self, net, **kwargs):
        self.bar_ = tqdm(total=net.max_epochs, unit="epoch")

    def on_epoch_end(self, net, **kwargs):
        last = net.epoch
        losses = {name: last[name] for name in ("train_loss", "valid_loss") if name in last}
        self.bar_.set_postfix(losses, refresh=False)
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        self.bar_.close()


def warmup_cosine(progress):
    """Factor of the step size: up linearly, then down along a half cosine to zero."""
    return min(1.0, progress / WARMUP) * 0.5 * (1 + math.cos(math.pi * progress))


class StepSize(Callback):
    """Follows `warmup_cosine` through a run of ``n_steps`` steps, or through a shorter one."""

    def __init__(self, n_steps):
        self.n_steps = n_steps

    def on_train_begin(self, net, **kwargs):
        self.largest_ = [group["lr"] for group in net.optimizer_.param_groups]
        self.progress_, self.pace_ = 0.0, 1 / self.n_steps

    def on_batch_begin(self, net, training=False, **kwargs):
        if not training:
            return
        factor = warmup_cosine(min(1.0, self.progress_ + self.pace_ / 2))
        for group, largest in zip(net.optimizer_.param_groups, self.largest_, strict=True):
            group["lr"] = largest * factor
        self.progress_ += self.pace_

    def finish_within(self, n_steps):
        """Go through the rest of the curve in n_steps at most."""
        self.pace_ = max(self.pace_, (1 - self.progress_) / n_steps)

    @property
    def is_warming_up(self):
        return self.progress_ <= WARMUP

    @property
    def is_cold(self):
        """Whether the step size is below a tenth, so that little is left to come."""
        return self.progress_ > 0.8


class MeanLoss(PassthroughScoring):
    """Records the mean loss of an epoch, in a fraction of the time that skorch's takes."""

    def on_epoch_end(self, net, **kwargs):
        size = "train_batch_size" if self.on_train else "valid_batch_size"
        batches = [b for b in net.epoch["batches"] if self.name in b]
        n_rows = sum(batch[size] for batch in batches)
        loss = sum(batch[size] * batch[self.name] for batch in batches) / n_rows
        net.epoch[self.name], net.epoch[f"{self.name}_best"] = loss, loss < self.best_score_
        self.best_score_ = min(self.best_score_, loss)


class AtStart(Callback):
    """Ends training after one epoch, and brings the weights of the start back."""

    def on_train_begin(self, net, X=None, **kwargs):
        self.start_ = copied(net.module_.state_dict())
        self.loss_ = net.mean_loss(compared(X))

    def on_epoch_end(self, net, **kwargs):
        raise KeyboardInterrupt

    def on_train_end(self, net, **kwargs):
        net.module_.load_state_dict(self.start_)
        net.start_loss = self.loss_


class WithDecay(Callback):
    """Records the ``objective`` of epochs: the training loss and the decay's term."""

    def on_epoch_end(self, net, **kwargs):
        net.epoch["objective"] = net.epoch["train_loss"] + net.decay_term()


class BestWeights(Callback):
    """When training ends, however it ends, the weights of the best epoch come back.

    The best is that of smallest ``monitor``, unless the epoch behind it went astray: then its
    weights had done so before. With ``try_start``, it is held against the start
    on some rows: where PCA is hard to beat, that is the best there is.
    """

    def __init__(self, monitor, try_start=False):
        self.monitor = monitor
        self.try_start = try_start

    def on_train_begin(self, net, X=None, **kwargs):
        self.best_ = self.before_ = (math.inf, None)
        self.start_, self.seen_, self.state_, self.memory_ = None, None, None, []
        net.start_loss = math.inf
        # Penalties are not seen in what rows cost.
        if self.try_start and net.criterion_.is_exact:
            self.rows_ = compared(X)
            self.start_, self.costs_ = copied(net.module_.state_dict()), self._costs(net)

    def on_epoch_end(self, net, **kwargs):
        loss = net.epoch[self.monitor]
        if is_astray(net, self.monitor):
            self.best_ = self.before_
        self.before_ = self.best_
        if loss < self.best_[0]:
            self.best_ = loss, self._noted(self._state(net))

    def on_train_end(self, net, **kwargs):
        if self.best_[1] is not None:
            net.module_.load_state_dict(self.best_[1])
        if self.start_ is not None and sum(self._costs(net)) > sum(self.costs_):
            net.module_.load_state_dict(self.start_)
            net.start_loss, _ = self.costs_

    def _state(self, net):
        """The module's, whose tensors stay the same as long as nobody else's are among them."""
        if self.seen_ is not net.backpropagation_ or not self.seen_.is_whole:
            self.seen_, self.state_ = net.backpropagation_, net.module_.state_dict()
            self.memory_ = []
        return self.state_

    def _noted(self, state):
        """A copy of it, in the memory of an earlier one that is out of use."""
        for memory in self.memory_:
            if memory is not self.before_[1]:
                torch._foreach_copy_(list(memory.values()), list(state.values()))
                return memory
        self.memory_.append(copied(state))
        return self.memory_[-1]

    def _costs(self, net):
        """Loss on some rows, and what the decay adds to it."""
        was_training = net.module_.training
        net.module_.eval()
        loss = net.mean_loss(self.rows_)
        net.module_.train(was_training)
        return loss, net.decay_term()


def is_astray(net, monitor):
    """Whether the loss is so far above where it began that always giving the mean costs less.

    So it is after steps that were too long for rows far off.
    """
    return net.epoch[monitor] > next(iter(net.history))[monitor] + 1


def compared(rows):
    """Those that the start and the end of training are compared on."""
    most = min(MAX_COMPARED, MAX_NUMBERS // rows.X.shape[1])
    return rows.subsample(max(MIN_COMPARED, most), 0)


def copied(state):
    """A state of a module, with tensors of its own."""
    return {name: values.clone() for name, values in state.items()}


class Stopping(EarlyStopping):
    """Ends training once a loss has not improved by ``tol`` for ``patience`` epochs.

    Epochs of the warm-up do not count, nor those that went astray. Where the step size is
    still large, the loss may stand still for that reason alone: then the rest of the schedule
    is run through in ``patience`` epochs, or in a quarter of those so far, before training
    ends. The first ``n_held`` steps do not count either.

    Once the step size is small, training ends when it is `at_rest`; decay alone no longer counts
    as progress then: weights that say nothing would shrink for ever.
    """

    def __init__(self, monitor, tol, patience, schedule, n_held=0):
        super().__init__(
            monitor, patience=patience, threshold=tol, threshold_mode="abs", sink=_silent
        )
        self.schedule = schedule
        self.n_held = n_held

    def on_train_begin(self, net, **kwargs):
        super().on_train_begin(net, **kwargs)
        self.is_finishing_, self.n_steps_ = False, 0

    def on_epoch_end(self, net, **kwargs):
        self.n_steps_ += net.epoch["train_batch_count"]
        if self.n_steps_ <= self.n_held:
            return
        if self.schedule is None:
            super().on_epoch_end(net, **kwargs)
        elif self.is_finishing_:
            if self.schedule.progress_ > 1 - 1e-6:
                raise KeyboardInterrupt
        elif self.schedule.is_cold:
            name = "train_loss" if self.monitor == "objective" else self.monitor
            if at_rest(net.epoch_losses(name), self.patience, self.threshold):
                raise KeyboardInterrupt
        elif not (self.schedule.is_warming_up or is_astray(net, self.monitor)):
            try:
                super().on_epoch_end(net, **kwargs)
            except KeyboardInterrupt:
                self._finish(net.epoch)

    def _finish(self, epoch):
        self.is_finishing_ = True
        n_epochs = max(self.patience, epoch["epoch"] // 4)
        self.schedule.finish_within(n_epochs * epoch["train_batch_count"])


def at_rest(losses, patience, tol):
    """Whether the last ``patience`` epochs brought less than ``tol``, as far as noise shows."""
    window = patience + 1
    return len(losses) >= window and sure_fall(losses[-window:]) < tol


def sure_fall(losses):
    """What losses fall by along a straight line through them, less two standard errors of it."""
    steps = np.arange(len(losses)) - (len(losses) - 1) / 2
    slope = steps @ losses / (steps @ steps)
    rest = losses - np.mean(losses) - slope * steps
    error = math.sqrt(rest @ rest / max(1, len(losses) - 2) / (steps @ steps))
    return -(len(losses) - 1) * (slope + 2 * error)


def training_callbacks(
    user_callbacks,
    *,
    n_steps,
    monitor,
    tol,
    patience,
    verbose,
    try_start,
    stays=False,
    further=(),
    n_held=0,
):
    """All callbacks of a run, in the order they are called.

    Parameters
    ----------
    user_callbacks : list of skorch callbacks or pairs of name and callback
        A learning rate scheduler among them replaces ours.
    n_steps : int or None
        Steps over which the step size rises and falls; None keeps it constant.
    monitor : {'objective', 'valid_loss'}
        Loss that decides when to stop, and which weights to keep.
    tol : float
        What counts as an improvement of the loss.
    patience : int or inf
        Epochs without improvement that end training.
    verbose : bool
        Whether a progress bar is shown.
    try_start : bool
        Whether the result is held against the start.
    stays : bool
        Whether training is to end where it starts.
    further : list of pairs of name and callback
        Of the model's own.
    n_held : int
        Steps before which training does not stop.
    """
    schedule = None if n_steps is None else StepSize(n_steps)
    held_out = monitor == "valid_loss"
    if any(_is_scheduler(_callback_of(item)) for item in user_callbacks):
        schedule = None
    callbacks = [
        (f"{OWN}train_loss", MeanLoss("train_loss", on_train=True)),
        *([(f"{OWN}valid_loss", MeanLoss("valid_loss"))] if held_out else []),
        (f"{OWN}objective", WithDecay()),
        (f"{OWN}best_weights", BestWeights(monitor, try_start)),
        *([] if schedule is None else [(f"{OWN}step_size", schedule)]),
        *([(f"{OWN}progress", EpochBar())] if verbose else []),
        *((f"{OWN}{name}", callback) for name, callback in further),
    ]
    # Last, because it ends the epoch for those behind it.
    last = AtStart() if stays else Stopping(monitor, tol, patience, schedule, n_held)
    return [*callbacks, *user_callbacks, (f"{OWN}stopping", last)]


def _callback_of(item):
    """The callback of skorch's ``callback`` or ``(name, callback)``."""
    return item[1] if isinstance(item, (tuple, list)) else item


def _is_scheduler(callback):
    """Whether it is skorch's learning rate scheduler, or that class."""
    return issubclass(callback if isinstance(callback, type) else type(callback), LRScheduler)


def _silent(message):
    """Where skorch's callbacks print to."""
