"""The training loop: skorch's, with the autoencoder's objective and a lean step."""

import copy
import math
from contextlib import nullcontext

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.helper import predefined_split
from skorch.utils import TeeGenerator

from .batches import Batches, block_size
from .callbacks import BATCH_HOOKS, OWN, listening
from .fused import Backpropagation
from .likelihoods import LIKELIHOODS
from .penalties import PENALTIES, penalty_gradient, share_of_rows, weighted_mean

__all__ = ["AutoencoderNet", "Objective"]

# Largest norm of the gradient. Losses are standardized, so one number fits all data.
MAX_GRADIENT_NORM = 1.0


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

    def gradients(self, prediction, weights, out, draws):
        """The objective of training, its gradient at the output, and at the codes or None.

        The former is written into ``out``, unless that is None. There are no ``draws``.
        """
        codes, output, target = prediction
        share = share_of_rows(weights, codes.shape[0])
        loss, of_output = LIKELIHOODS[self.likelihood].gradient(output, target, share, out)
        if self.penalty is None:
            return loss, of_output, None
        penalty, of_codes = penalty_gradient(self.penalty, codes, weights)
        return self.penalty_weight * penalty + loss, of_output, self.penalty_weight * of_codes

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
        self._find_listeners()
        if training:
            self._renew_backpropagation()
            iterator.suffices = not (self.listeners_["others"] or self.module_.takes_rows)
            self.module_.renew_noise(iterator.dataset, iterator.batch_size, self.max_epochs)
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
                    step = {"loss": torch.as_tensor(step["loss"]), "y_pred": kept(step["y_pred"])}
                for callback in end:
                    callback.on_batch_end(self, batch=batch, training=training, **step)
        self.epoch[f"{prefix}_batch_count"] = len(batches) - n_before

    def get_iterator(self, dataset, training=False):
        """skorch's; batches of training come prepared where that saves time."""
        iterator = super().get_iterator(dataset, training)
        if training:
            iterator.prepare = self._prepared
        return iterator

    @torch.inference_mode(False)  # for any mode of later epochs
    def _prepared(self, x):
        return self.module_.prepared(x.to(self.module_.standardize.center))

    @property
    def epoch(self):
        """The newest of the history, which would copy itself to find it."""
        return next(reversed(self.history))

    def _epoch_mode(self):
        """That of the steps, if nobody else looks on: entered once, not once a step."""
        return nullcontext() if self.listeners_["others"] else self.backpropagation_.mode()

    def _find_listeners(self):
        """Callbacks by hook, but for those that pass over it, as skorch's base class does."""
        if self.listeners_ is not None and self.listeners_["all"] == self.callbacks_:
            return
        others = self._callbacks_of_others()
        self.listeners_ = {hook: listening(hook, self.callbacks_) for hook in BATCH_HOOKS}
        self.listeners_["all"] = list(self.callbacks_)
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
        parameters.clip(MAX_GRADIENT_NORM)
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
        loss, prediction = self.backpropagation_(*batch, getattr(batch, "prepared", None))
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
        self.module_.forget_noise()
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
        for p in twin.module_.parameters():
            p.data = p.data.contiguous()
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
        if not (self.callbacks is None and self.backpropagation_ is None):
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
    tensors = [t.clone(memory_format=torch.contiguous_format) for t in prediction]
    return prediction._make(tensors) if hasattr(prediction, "_make") else tuple(tensors)


def _raised_by_callback(interrupt):
    """Whether a stopping rule raised it: skorch's signal to stop is KeyboardInterrupt too."""
    traceback = interrupt.__traceback__
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    frame = traceback.tb_frame
    in_callback = isinstance(frame.f_locals.get("self"), Callback)
    return in_callback and frame.f_code.co_name == "on_epoch_end"
