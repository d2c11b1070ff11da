"""The training loop: skorch's, with the autoencoder's objective and a lean step."""

import copy
import math
from contextlib import nullcontext

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    LRScheduler,
    PassthroughScoring,
)
from skorch.helper import predefined_split
from skorch.utils import TeeGenerator
from tqdm.auto import tqdm

from .batches import Batches, block_size
from .fused import Backpropagation
from .likelihoods import LIKELIHOODS
from .penalties import PENALTIES, penalty_gradient, share_of_rows, weighted_mean

__all__ = ["OWN", "AutoencoderNet", "Objective", "training_callbacks"]

# Largest norm of the gradient. Losses are standardized, so one number fits all data.
MAX_GRADIENT_NORM = 1.0

# Share of the run over which the step size rises to its full value.
WARMUP = 0.1

# Rows that the start and the end of training are compared on, at most, and numbers in them, if
# that leaves some rows.
MAX_COMPARED, MAX_NUMBERS, MIN_COMPARED = 2000, 2**20, 256

# What the names of our own callbacks start with.
OWN = "skae_"

# Hooks that see batches.
BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")


class Objective(torch.nn.Module):
    """Weighted mean of the per-sample loss, plus the latent penalty at training.

    Parameters
    ----------
    likelihood : str
        Key of `LIKELIHOODS`.
    penalty : str or None
        Key of `PENALTIES`.
    penalty_weight : float
        What the penalty is multiplied by.
    """

    def __init__(self, likelihood, penalty=None, penalty_weight=0.0):
        super().__init__()
        self.likelihood = likelihood
        self.penalty = penalty
        self.penalty_weight = penalty_weight

    def forward(self, prediction, weights, penalize):
        loss = weighted_mean(self.row_losses(prediction), weights)
        if penalize and self.penalty is not None:
            loss = loss + self.penalty_weight * PENALTIES[self.penalty](prediction[0], weights)
        return loss

    def gradients(self, prediction, weights, out=None):
        """The objective of training, its gradient at the output, and at the codes or None.

        The former is written into ``out``, unless that is None.
        """
        codes, output, target = prediction
        share = share_of_rows(weights, len(codes))
        loss, of_output = LIKELIHOODS[self.likelihood].gradient(output, target, share, out)
        if self.penalty is None:
            return loss, of_output, None
        penalty, of_codes = penalty_gradient(self.penalty, codes, weights)
        return loss + self.penalty_weight * penalty, of_output, self.penalty_weight * of_codes

    def row_losses(self, prediction):
        """What each row costs, without penalties."""
        _, output, target = prediction
        return LIKELIHOODS[self.likelihood].loss(output, target)

    @property
    def is_exact(self):
        """Whether the mean of `row_losses` is all there is to it."""
        return self.penalty is None

    def in_units(self, loss, module):
        """A loss in units of X."""
        return loss * module.unit(LIKELIHOODS[self.likelihood])


class AutoencoderNet(NeuralNet):
    """A skorch net whose batches are pairs of rows and weights, and whose target is its input.

    ``interrupted`` says, after training, what ended it: ``None`` (all epochs were run),
    ``'stopped'`` (a stopping rule) or ``'keyboard'`` (Ctrl-C).
    """

    interrupted = None
    start_loss = math.inf
    # Of the training under way.
    backpropagation_ = None
    listeners_ = None

    @property
    def _default_callbacks(self):
        return []

    def infer(self, x, **fit_params):
        """The module's output for a batch, moved to the module's device and precision."""
        return self.module_(x.to(self.module_.standardize.center), **fit_params)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Objective of a batch; skorch's ``y_true`` holds the weights of the rows."""
        weights = None if y_true is None else y_true.to(y_pred[0])
        return self.criterion_(y_pred, weights, penalize=training)

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """skorch's, which calls those callbacks alone that have something to do."""
        if iterator is None:
            return
        if training:
            self._renew_backpropagation()
        begin, end = self.listeners_["on_batch_begin"], self.listeners_["on_batch_end"]
        batches = self.epoch["batches"]
        n_before = len(batches)
        with self._epoch_mode() if training else nullcontext():
            for batch in iterator:
                batches.append({})
                for callback in begin:
                    callback.on_batch_begin(self, batch=batch, training=training)
                step = step_fn(batch, **fit_params)
                batches[-1][f"{prefix}_loss"] = step["loss"].item()
                batches[-1][f"{prefix}_batch_size"] = batch[0].shape[0]
                if end:
                    step["y_pred"] = kept(step["y_pred"])
                for callback in end:
                    callback.on_batch_end(self, batch=batch, training=training, **step)
        self.epoch[f"{prefix}_batch_count"] = len(batches) - n_before

    @property
    def epoch(self):
        """The newest of the history, which would copy itself to find it."""
        return next(reversed(self.history))

    def _epoch_mode(self):
        """That of the steps, if nobody else looks on: entered once, not once a step."""
        return nullcontext() if self.listeners_["others"] else self.backpropagation_.mode()

    def _find_listeners(self):
        """Callbacks by hook, but for those that pass over it, as skorch's base class does."""
        others = self._callbacks_of_others()
        self.listeners_ = {hook: listening(hook, self.callbacks_) for hook in BATCH_HOOKS}
        self.listeners_["others"] = [c for hook in BATCH_HOOKS for c in listening(hook, others)]

    def _renew_backpropagation(self):
        """Make it once we know which networks callbacks left as they were."""
        # Only callbacks of others change it.
        own = all(name.startswith(OWN) for name, _ in self.callbacks_)
        if not (self.backpropagation_ and (own or self.backpropagation_.is_current)):
            self.release_parameters()
            parts = self.module_, self.criterion_, self.optimizer_
            self.backpropagation_ = Backpropagation(*parts)
        self.backpropagation_.parameters.begin_epoch()

    def train_step(self, batch, **fit_params):
        """One step without the closure that none of our solvers needs."""
        step = self.train_step_single(batch, **fit_params)
        self.check_finite(step["loss"].item())
        parameters = self.backpropagation_.parameters
        if self.listeners_["on_grad_computed"]:
            self._show_gradients(batch)
            parameters.adopt_gradients()
        # Adam would make whole steps of a gradient that is all rounding.
        parameters.clip(MAX_GRADIENT_NORM, 100 * torch.finfo(step["loss"].dtype).eps)
        parameters.step()
        return step

    def _show_gradients(self, batch):
        """Let callbacks see and change them."""
        for callback in self.listeners_["on_grad_computed"]:
            named_parameters = TeeGenerator(self.get_all_learnable_params())
            callback.on_grad_computed(
                self, named_parameters=named_parameters, batch=batch, training=True
            )

    def train_step_single(self, batch, **fit_params):
        """Set the gradients; skorch's is for networks that only autograd knows."""
        self._set_training(True)
        loss, prediction = self.backpropagation_(*batch)
        return {"loss": loss, "y_pred": prediction}

    def release_parameters(self):
        """Give every parameter its own memory, as before training."""
        if self.backpropagation_ is not None:
            self.backpropagation_.parameters.release()
        self.backpropagation_ = None

    def _set_training(self, training=True):
        """Switch dropout and its like on or off, where that is a change."""
        if self.module_.training != training:
            super()._set_training(training)

    def check_finite(self, loss):
        """A loss that left the numbers never comes back: stop, and say what to try."""
        if not math.isfinite(loss):
            raise ValueError(
                f"The training loss became {loss} in epoch {len(self.history)}. Try a smaller "
                "`learning_rate_init`, look for extreme values in X, or scale X "
                "(sklearn.preprocessing.StandardScaler)."
            )

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """skorch's loop, which also notes why it ended before the last epoch."""
        self.interrupted = None
        self._find_listeners()
        try:
            return super().fit_loop(X, y, epochs, **fit_params)
        except KeyboardInterrupt as interrupt:
            self.interrupted = "stopped" if _raised_by_callback(interrupt) else "keyboard"
            raise

    def prepare(
        self,
        *,
        objective,
        noise,
        lr,
        decays,
        shuffle,
        batch_size,
        max_epochs,
        valid_rows,
        callbacks,
    ):
        """Set up one run of training, the first or a further one."""
        for group in self.optimizer_.param_groups:
            group["lr"] = lr
            group["weight_decay"] = decays.get(group.get("part", "decoder"), 0.0)
            group.pop("initial_lr", None)  # left by a scheduler of an earlier run
        self.criterion_ = objective
        self.module_.noise = noise
        self.module_.train()
        self.iterator_train__shuffle = shuffle
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.train_split = None if valid_rows is None else predefined_split(valid_rows)
        self.callbacks = callbacks
        self.initialize_callbacks()
        self.initialize_history()

    def set_precision(self, dtype):
        """Compute in it, but for the centring and scaling of rows, which keep their own."""
        self.module_.set_precision(dtype)
        for parameter, state in self.optimizer_.state.items():
            for name, value in state.items():
                if value is not None and value.shape == parameter.shape:
                    state[name] = value.to(dtype)

    def trim(self):
        """Let go of the data, of our own callbacks and of the history of batches."""
        self.release_parameters()
        self.listeners_ = None
        self.set_precision(self.module_.standardize.center.dtype)
        self.train_split = None
        self.callbacks = None
        self.callbacks_ = self._callbacks_of_others()
        for epoch in self.history:
            epoch.pop("batches", None)
        self.module_.eval()
        return self

    def _callbacks_of_others(self):
        return [(name, cb) for name, cb in self.callbacks_ if not name.startswith(OWN)]

    def snapshot(self):
        """A trimmed copy, whose weights further training does not touch."""
        twin = copy.copy(self)
        twin.backpropagation_ = None
        twin.module_ = copy.deepcopy(self.module_)
        twin.history_ = copy.deepcopy(self.history_)
        return twin.trim()

    @torch.no_grad()
    def codes(self, rows):
        """Codes of the rows, as an array."""
        # Filled rather than joined: pieces among the freed blocks would keep memory from
        # being given back.
        codes, start = None, 0
        for x, _ in Batches(rows, block_size(rows.X.shape[1])):
            block = self.module_.codes(x.to(self.module_.standardize.center)).cpu().numpy()
            if codes is None:
                codes = np.empty((len(rows), block.shape[1]), dtype=block.dtype)
            codes[start : start + len(block)] = block
            start += len(block)
        return codes

    @torch.no_grad()
    def mean_loss(self, rows):
        """Weighted mean loss of the rows, without penalties."""
        total, weight = 0.0, 0.0
        for x, w in Batches(rows, block_size(rows.X.shape[1])):
            losses = self.criterion_.row_losses(self.infer(x)).double().cpu()
            w = torch.ones_like(losses) if w is None else w.double()
            total += float(w @ losses)
            weight += float(w.sum())
        return total / weight

    def __getstate__(self):
        """The attributes as they are; skorch's way to move from GPU to CPU only where needed.

        It pickles modules on the spot, which closes the door to copy and cloudpickle.
        """
        cuda = self.device.startswith("cuda")
        state = super().__getstate__() if cuda else vars(self).copy()
        if self.backpropagation_ is not None:
            # Callbacks may save the net in training; what trains it is not part of it.
            own = {"backpropagation_": None, "listeners_": None, "callbacks": None}
            state.update(own, callbacks_=self._callbacks_of_others(), train_split=None)
        return state

    def __setstate__(self, state):
        if "__cuda_dependent_attributes__" in state:
            super().__setstate__(state)
        else:
            vars(self).update(state)

    @torch.no_grad()
    def decay_term(self):
        """``Σ decay / 2 ||weights||²``, whose gradient the optimizer adds to the loss's."""
        if self.backpropagation_ is None:
            groups = self.optimizer_.param_groups
            decayed = [(g["weight_decay"], p) for g in groups for p in g["params"]]
        else:
            decayed = self.backpropagation_.parameters.decayed()
        norms = ((decay, torch.linalg.vector_norm(p)) for decay, p in decayed if decay)
        return sum(decay / 2 * norm.item() ** 2 for decay, norm in norms)

    def epoch_losses(self, name):
        """What the history calls so of every epoch completed, in standardized units."""
        return [float(epoch[name]) for epoch in self.history if name in epoch]


def kept(prediction):
    """A prediction in memory that the next batch does not take."""
    tensors = [tensor.clone() for tensor in prediction]
    return prediction._make(tensors) if hasattr(prediction, "_make") else tuple(tensors)


def listening(hook, callbacks):
    """Those among pairs of name and callback that do something in a hook."""
    default = getattr(Callback, hook)
    return [c for _, c in callbacks if getattr(getattr(c, hook), "__func__", None) is not default]


def _raised_by_callback(interrupt):
    """Whether a stopping rule raised it: skorch's signal to stop is KeyboardInterrupt too."""
    traceback = interrupt.__traceback__
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    frame = traceback.tb_frame
    in_callback = isinstance(frame.f_locals.get("self"), Callback)
    return in_callback and frame.f_code.co_name == "on_epoch_end"


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
        # Noise and penalties are not seen in what rows cost.
        if self.try_start and not net.module_.noise and net.criterion_.is_exact:
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

    Once the step size is small, training ends when the last ``patience`` epochs together
    brought less than ``tol``; decay alone no longer counts as progress then: weights that say
    nothing would shrink for ever.
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
            if self._stands_still(net):
                raise KeyboardInterrupt
        elif not (self.schedule.is_warming_up or is_astray(net, self.monitor)):
            try:
                super().on_epoch_end(net, **kwargs)
            except KeyboardInterrupt:
                self._finish(net.epoch)

    def _stands_still(self, net):
        losses = net.epoch_losses("train_loss" if self.monitor == "objective" else self.monitor)
        window = self.patience + 1
        return len(losses) >= window and losses[-window] - losses[-1] < self.threshold

    def _finish(self, epoch):
        self.is_finishing_ = True
        n_epochs = max(self.patience, epoch["epoch"] // 4)
        self.schedule.finish_within(n_epochs * epoch["train_batch_count"])


def training_callbacks(
    user_callbacks, *, n_steps, monitor, tol, patience, verbose, stays=False, further=(), n_held=0
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
        (
            f"{OWN}best_weights",
            BestWeights(monitor, n_steps is not None and not held_out),
        ),
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
