"""Small trial runs before the training: whether rows held out gain by more than PCA.

The runs, one for each part of the rows that is held out, go side by side as one network of
stacked weights: one after another they would take twice the time. Their gradients are analytic.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from .batches import Rows, center_and_scale
from .callbacks import warmup_cosine
from .flat import adam_step
from .fused import layers_of, layout_of, pass_through
from .likelihoods import LIKELIHOODS
from .modules import Perceptron
from .principal import start_at_pca

__all__ = ["Runs", "Trial"]

# Parts of the rows, each of which is held out once; and different rows below which there is
# nothing to be seen.
N_FOLDS, MIN_ROWS = 8, 10

# Of the trial runs. Smaller than what they stand for: they say whether there is anything to gain.
HIDDEN_LAYER_SIZES, N_STEPS = (32, 16), 50

# Options of their steps, beside the step size.
ADAM = {"betas": (0.9, 0.999), "eps": 1e-8, "fused": True}

# Standard errors that the mean gain is above 0; and rows from which on fewer will do: the more
# rows there are, the farther training gets than these few steps, and the less it can lose.
N_ERRORS, N_SURE_ROWS = 1.25, 150

# Share of the decay that is tried, too, and the standard errors that it is to gain more.
WEAK, N_WEAK_ERRORS = 0.3, 2.0


class Runs:
    """Trial runs side by side.

    Parameters
    ----------
    networks : list of dict
        Of every run: ``encoder`` and ``decoder``.
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
        self.x, self.target, self.weights, self.held_out = x, target, weights, held_out
        self.likelihood = LIKELIHOODS[trial.likelihood]
        self.shares = _shares(np.where(held_out, 0.0, weights))
        self.parameters = Stacked(networks, trial.decays(len(weights)))
        self.encoder, self.decoder = (
            Stack([run[name] for run in networks], self.parameters, x.shape[1], onward)
            for name, onward in (("encoder", False), ("decoder", True))
        )

    @torch.inference_mode()
    @np.errstate(all="ignore")
    def gains(self, factor=1.0):
        """Train; what every row, held out, costs under PCA, less what it costs then.

        Every time anew, with so many times the decays.
        """
        self.parameters.restart(factor)
        before = self.costs(linear=True)
        for step in range(N_STEPS):
            self.backpropagate(step)
            self.parameters.step(self.learning_rate * warmup_cosine((step + 0.5) / N_STEPS))
        # In the order of the rows.
        return (before - self.costs()).T[self.held_out.T]

    def backpropagate(self, step):
        """Set the gradients of what a step makes smaller, summed over runs."""
        self.set_loss_gradient(self.decoder(self.encoder(self.x)), self.shares)
        self.encoder.backward(self.decoder.backward())

    def set_loss_gradient(self, output, shares):
        """Set the decoder's, of the sum of `row_losses` times their shares."""
        n_features = output.shape[2]
        flat = (t.view(-1, n_features) for t in (output, self.target, self.decoder.of_output))
        output, target, of_output = flat
        self.likelihood.gradient(output, target, shares.view(-1, 1), of_output)

    @torch.inference_mode()
    def costs(self, linear=False):
        """What every row costs in every run, as an array; by the linear paths alone if asked."""
        output = self.decoder(self.encoder(self.x, linear), linear)
        return self.row_losses(output).double().numpy()

    def row_losses(self, output):
        """Loss of every row in every run, by what it decodes to, (n_runs, n_samples)."""
        losses = self.likelihood.loss(output.flatten(0, 1), self.target.flatten(0, 1))
        return losses.view(self.x.shape[:2])


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

    # Rows below which a weaker decay is tried: what more lose by it shows after more steps.
    n_weak_rows = N_SURE_ROWS

    def outcome(self, rows):
        """The `factor` of the decays, and the runs that say so, None if there are too few rows."""
        runs = self.runs(rows)
        return math.inf if runs is None else self.factor(runs), runs

    def factor(self, runs):
        """What to multiply the decays by; infinity if new rows are not likely to gain over PCA.

        Parts of the rows are held out in turn. What they cost under PCA, less what they cost
        after training on the others, is to be above 0 by some standard errors of its mean.
        Where it is, a weaker decay may gain more. Copies of a row count as one of their weight.
        """
        gains, weights = runs.gains(), runs.weights
        if not likely_positive(gains, weights, self.n_errors(len(weights))):
            return math.inf
        if len(weights) >= self.n_weak_rows:
            return 1.0
        gains_more = likely_positive(runs.gains(WEAK) - gains, weights, N_WEAK_ERRORS)
        return WEAK if gains_more else 1.0

    def n_errors(self, n_rows):
        """Standard errors that the mean gain is to be above 0."""
        return N_ERRORS * min(1.0, N_SURE_ROWS / n_rows) ** 2

    def runs(self, rows):
        """The runs, untrained; None if there are too few rows."""
        rows = different(rows)
        if len(rows) < MIN_ROWS:
            return None
        # Different rows are in the order of their numbers.
        fold = np.random.RandomState(self.seed).permutation(len(rows)) % N_FOLDS
        held_out = np.arange(N_FOLDS)[:, None] == fold
        untrained = self._untrained(rows, held_out)
        with torch.inference_mode():
            return self.runs_class(*untrained, rows.weights, held_out, self)

    def _untrained(self, rows, held_out):
        """Networks at PCA of the rows that are not held out, and what they get and are to hit."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            runs = [self._built(Rows(rows.X, rows.weights, np.flatnonzero(c))) for c in ~held_out]
        X = torch.from_numpy(rows.X)
        x = torch.stack([(X - run["center"]) / run["scale"] for run in runs]).float()
        has_logits = not isinstance(LIKELIHOODS[self.likelihood].link(), torch.nn.Identity)
        networks = [{name: run[name] for name in ("encoder", "decoder")} for run in runs]
        return networks, x, X.float().repeat(len(runs), 1, 1) if has_logits else x

    def _built(self, rows):
        center, scale = center_and_scale(rows)
        sizes, n_components = HIDDEN_LAYER_SIZES, self.n_components
        encoder, decoder = (
            Perceptron(widths, self.activation, self.first_gain)
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


class Stacked:
    """Parameters of networks of one shape side by side.

    Parameters
    ----------
    networks : list of dict
        Of every run: ``encoder`` and ``decoder``.
    decays : dict
        Of the weights of their hidden layers; the linear paths and biases have none.

    Attributes
    ----------
    values, gradients : tensors of shape (n_runs, n_parameters)
    """

    def __init__(self, networks, decays):
        layouts = [layout_of(run.values()) for run in networks]
        self.layout, *_ = layouts
        self.start = torch.stack([lay.flat([p.detach() for p in lay.turned]) for lay in layouts])
        self.values = self.start.clone()
        self.gradients, *self.kept = (torch.zeros_like(self.values) for _ in range(3))
        self.n_steps = self.values.new_zeros(())
        self.of_weights = torch.zeros_like(self.values[0])
        for name, network in networks[0].items():
            for layer in layers_of(network):
                self.layout.part(self.of_weights, layer.weight).fill_(decays[name])
        self.decays = self.of_weights

    def restart(self, factor):
        """Go back to where all began, with so many times the decays."""
        self.values.copy_(self.start)
        for tensor in (*self.kept, self.n_steps):
            tensor.zero_()
        self.decays = factor * self.of_weights

    def joined(self, *parameters):
        """One tensor of neighbours, one below the other in every run, and their gradients.

        Those of vectors have a row for each run.
        """
        parts = [self.layout.part(t, *parameters) for t in (self.values, self.gradients)]
        return [part.unsqueeze(1) for part in parts] if parameters[0].dim() == 1 else parts

    def step(self, learning_rate):
        """A step of Adam."""
        self.n_steps.add_(1)
        self.gradients.addcmul_(self.values, self.decays)
        parts = [[tensor] for tensor in (self.values, self.gradients, *self.kept)]
        adam_step(parts, self.n_steps, {**ADAM, "lr": learning_rate}, weight_decay=0.0)


class Stack:
    """Perceptrons of one shape side by side, gone through by the same rows again and again.

    Parameters
    ----------
    perceptrons : list of Perceptron
    parameters : Stacked
    n_rows : int
        In every run.
    onward : bool
        Whether the gradient of the input is asked for.

    Attributes
    ----------
    output, of_output : tensors of shape (n_runs, n_rows, n_out)
        What came out, and its gradient.
    """

    def __init__(self, perceptrons, parameters, n_rows, onward):
        first, *_ = perceptrons
        self.route = pass_through(first, parameters, onward).way_of(n_rows)
        self.output, self.of_output = self.route.output, self.route.of_output
        self.at_zero = torch.stack(list(map(output_at_zero, perceptrons)))
        self.linear, _ = parameters.joined(first.linear.weight)

    def __call__(self, x, linear=False):
        """Outputs for inputs of shape (n_runs, n_rows, n_in), or those of the linear paths."""
        if linear:
            return torch.baddbmm(self.at_zero, x, self.linear.mT)
        return self.route.forward(x)

    def backward(self, gradient=None):
        """Gradient of the input from that of the output, which may be where it belongs."""
        return self.route.backward(self.of_output if gradient is None else gradient)


def output_at_zero(perceptron):
    """As one row."""
    return perceptron(torch.zeros_like(perceptron.linear.weight[:1]))


def different(rows):
    """The different ones among the rows, with the sums of their weights."""
    x, weights = rows[:]
    X, inverse = np.unique(x.numpy(), axis=0, return_inverse=True)
    weights = None if weights is None else weights.numpy()
    return Rows(X, np.bincount(inverse.ravel(), weights, len(X)))


def _shares(weights):
    """Of every row in the sum of its run, as a tensor."""
    return torch.from_numpy(weights / weights.sum(axis=1, keepdims=True)).float()


def likely_positive(values, weights, n_errors):
    """Whether their weighted mean is some standard errors above 0."""
    mean = np.average(values, weights=weights)
    variance = np.average((values - mean) ** 2, weights=weights)
    return bool(mean > n_errors * math.sqrt(variance / len(values)))
