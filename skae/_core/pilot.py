"""Small trial runs before the training: whether rows held out gain by more than PCA.

The runs, one for each part of the rows that is held out, go side by side as one network of
stacked weights: one after another they would take twice the time.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from .batches import Rows, center_and_scale
from .callbacks import warmup_cosine
from .flat import FlatParameters
from .likelihoods import LIKELIHOODS
from .modules import ACTIVATIONS, Perceptron
from .optimizers import Adam
from .principal import start_at_pca

__all__ = ["Runs", "Trial"]

# Parts of the rows, each of which is held out once; and different rows below which there is
# nothing to be seen.
N_FOLDS, MIN_ROWS = 8, 10

# Of the trial runs. Smaller than what they stand for: they say whether there is anything to gain.
HIDDEN_LAYER_SIZES, N_STEPS = (32, 16), 50

# Standard errors that the mean gain is above 0; and rows from which on fewer will do: the more
# rows there are, the farther training gets than these few steps, and the less it can lose.
N_ERRORS, N_SURE_ROWS = 1.25, 150


class Runs:
    """Trial runs side by side.

    Parameters
    ----------
    networks : list of Stack
        Encoder and decoder.
    x, target : tensors of shape (n_runs, n_samples, n_features)
        What the encoder gets, and what the decoder's output is to hit.
    weights : array of shape (n_samples,)
        Of the rows.
    held_out : bool array of shape (n_runs, n_samples)
        Which rows a run does not train on; every row is held out once.
    trial : Trial
        What is tried.
    """

    learning_rate = 0.01

    def __init__(self, networks, x, target, weights, held_out, trial):
        self.networks, self.x, self.target = networks, x, target
        self.weights, self.held_out = weights, held_out
        self.loss = LIKELIHOODS[trial.likelihood].loss
        self.shares = _shares(np.where(held_out, 0.0, weights))
        decays = trial.decays(len(weights))
        groups = [
            {"params": network.weights, "weight_decay": decays[name]}
            for name, network in zip(("encoder", "decoder"), networks, strict=True)
        ]
        kept = [p for network in networks for p in network.kept]
        self.optimizer = Adam([*groups, {"params": kept}], fused=True)
        known = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.parameters = FlatParameters(known, self.optimizer)

    def gains(self):
        """Train; what every row, held out, costs under PCA, less what it costs then."""
        before = self.costs(linear=True)
        for step in range(N_STEPS):
            for group in self.optimizer.param_groups:
                group["lr"] = self.learning_rate * warmup_cosine((step + 0.5) / N_STEPS)
            self.parameters.gradients.zero_()
            self.objective(step).backward()
            self.parameters.step()
        # In the order of the rows.
        return (before - self.costs()).T[self.held_out.T]

    def objective(self, step):
        """What a step makes smaller, summed over runs."""
        return (self.losses() * self.shares).sum()

    @torch.no_grad()
    def costs(self, linear=False):
        """What every row costs in every run, as an array; by the linear paths alone if asked."""
        return self.losses(linear).double().numpy()

    def losses(self, linear=False):
        """Loss of every row in every run, (n_runs, n_samples)."""
        output = self.x
        for network in self.networks:
            output = network(output, linear)
        return self.row_losses(output)

    def row_losses(self, output):
        """Loss of every row in every run, by what it decodes to."""
        return self.loss(output.flatten(0, 1), self.target.flatten(0, 1)).view(self.x.shape[:2])


@dataclass(frozen=True)
class Trial:
    """What is tried.

    Parameters
    ----------
    likelihood, activation : str
    n_components : int
    first_gain : float
        Of the first layers, see `Perceptron`.
    decays : callable
        From a number of different rows to the decays of ``'encoder'`` and ``'decoder'``, a dict.
    seed : int
    """

    likelihood: str
    activation: str
    n_components: int
    first_gain: float
    decays: Callable
    seed: int

    # What runs, and the columns of an encoder's output for each component.
    runs_class, n_outputs = Runs, 1

    def pays(self, rows):
        """Whether a nonlinear model is likely to explain more of new rows than PCA does.

        Parts of the rows are held out in turn. What they cost under PCA, less what they cost
        after training on the others, is to be above 0 by some standard errors of its mean,
        the fewer the more rows there are. Copies of a row count as one of their weight.
        """
        runs = self.runs(rows)
        if runs is None:
            return False
        n_errors = N_ERRORS * min(1.0, N_SURE_ROWS / len(runs.weights)) ** 2
        return likely_positive(runs.gains(), runs.weights, n_errors)

    def runs(self, rows):
        """The runs, untrained; None if there are too few rows."""
        rows = different(rows)
        if len(rows) < MIN_ROWS:
            return None
        # Different rows are in the order of their numbers.
        fold = np.random.RandomState(self.seed).permutation(len(rows)) % N_FOLDS
        held_out = np.arange(N_FOLDS)[:, None] == fold
        return self.runs_class(*self._untrained(rows, held_out), rows.weights, held_out, self)

    def _untrained(self, rows, held_out):
        """Networks at PCA of the rows that are not held out, and what they get and are to hit."""
        networks, inputs = [], []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            for chosen in ~held_out:
                run = self._built(Rows(rows.X, rows.weights, np.flatnonzero(chosen)))
                networks.append((run["encoder"], run["decoder"]))
                inputs.append((torch.from_numpy(rows.X) - run["center"]) / run["scale"])
        x = torch.stack(inputs).float()
        has_logits = not isinstance(LIKELIHOODS[self.likelihood].link(), torch.nn.Identity)
        target = torch.from_numpy(rows.X).float().expand_as(x) if has_logits else x
        return (
            [Stack(stacked, self.activation) for stacked in zip(*networks, strict=True)],
            x,
            target,
        )

    def _built(self, rows):
        center, scale = center_and_scale(rows)
        sizes, n_components = HIDDEN_LAYER_SIZES, self.n_components
        encoder, decoder = (
            Perceptron(widths, self.activation, self.first_gain).to(center.dtype)
            for widths in (
                (len(center), *sizes, self.n_outputs * n_components),
                (n_components, *sizes[::-1], len(center)),
            )
        )
        run = {"encoder": encoder, "decoder": decoder, "center": center, "scale": scale}
        self.start(run, rows)
        return run

    def start(self, run, rows):
        """Bring the networks of a run to where the model starts."""
        start_at_pca(run, rows, LIKELIHOODS[self.likelihood], self.n_components, self.seed)


class Stack:
    """Perceptrons of one shape side by side, in single precision."""

    def __init__(self, perceptrons, activation):
        stacked = [
            torch.stack(of_all).float() for of_all in zip(*map(parts_of, perceptrons), strict=True)
        ]
        self.at_zero, *parts = stacked
        self.linear, *layers = (part.detach().requires_grad_() for part in parts)
        self.weights, self.biases = layers[::2], layers[1::2]
        self.activation = ACTIVATIONS[activation]()

    @property
    def kept(self):
        """Parameters without decay."""
        return [self.linear, *self.biases]

    def __call__(self, x, linear=False):
        """Outputs for inputs of shape (n_runs, n_samples, n_in), or those of the linear paths."""
        if linear:
            return torch.baddbmm(self.at_zero[:, None], x, self.linear.transpose(1, 2))
        hidden = x
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = hidden if i == 0 else self.activation(hidden)
            hidden = torch.baddbmm(bias[:, None], hidden, weight.transpose(1, 2))
        return torch.baddbmm(hidden, x, self.linear.transpose(1, 2))


@torch.no_grad()
def parts_of(perceptron):
    """What it gives at 0, and its parameters: of the linear path, then layer by layer."""
    linear = perceptron.linear.weight
    return [perceptron(torch.zeros_like(linear[:1]))[0], linear, *perceptron.layers.parameters()]


def different(rows):
    """The different ones among the rows, with the sums of their weights."""
    x, weights = rows[:]
    X, inverse = np.unique(x.numpy(), axis=0, return_inverse=True)
    weights = None if weights is None else weights.numpy()
    return Rows(X, np.bincount(inverse.ravel(), weights, len(X)))


def _shares(weights):
    """Of every row in the sum of its run, as a tensor."""
    return torch.from_numpy(weights / weights.sum(axis=1, keepdims=True)).float()


def likely_positive(values, weights, n_errors=N_ERRORS):
    """Whether their weighted mean is some standard errors above 0."""
    mean = np.average(values, weights=weights)
    variance = np.average((values - mean) ** 2, weights=weights)
    return bool(mean > n_errors * math.sqrt(variance / len(values)))
