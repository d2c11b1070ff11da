"""Trial runs of the variational model: whether rows held out get likelier than under PPCA."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from .arrays import array
from .likelihoods import LIKELIHOODS, MIN_DISPERSION
from .pilot import N_ERRORS, N_STEPS, Runs, Trial
from .posteriors import LOG_VARIANCES, Draws
from .principal import axes_of, sampled, start_at_ppca

__all__ = ["BoundTrial"]

# Share of the steps over which the weight of the KL term rises, and draws from each posterior that
# the bound of held-out rows is of.
WARMUP, N_DRAWS = 0.2, 16


class BoundRuns(Runs):
    """Trial runs of the variational model side by side.

    What a row costs is minus its importance-weighted bound, whatever weight the KL term has
    in training. The dispersion is that of held-out rows.

    Attributes
    ----------
    optimism : dict
        By multiples of the decays, how much more the loss of new rows is than that of the rows
        trained on.
    """

    # Larger than the plain model's: the weight of the KL term is to have its effect within few
    # steps.
    learning_rate = 0.02

    def __init__(self, networks, x, target, weights, held_out, trial):
        super().__init__(networks, x, target, weights, held_out, trial)
        self.beta = trial.beta
        self.seed, self.generator = trial.seed, torch.Generator()
        self.optimism = {}
        self.codes = self.x.new_empty(*self.x.shape[:2], trial.n_components)
        ends = self.encoder.output, self.encoder.of_output, self.codes
        self.draws = Draws(*map(as_matrix, ends))

    def gains(self, factor=1.0):
        """As of all runs, with the same noise every time."""
        self.generator.manual_seed(self.seed)
        gains = super().gains(factor)
        self.optimism[factor] = self.excess
        return gains

    def backpropagate(self, step):
        self.encoder(self.x)
        self.draws.forward(array(as_matrix(self._noise())), 0.0)
        output = self.decoder(self.codes)
        # The most likely dispersion is the loss itself.
        losses = (self.row_losses(output) * self.shares).sum(dim=1).tolist()
        slopes = [self.likelihood.nats_slope(max(loss, MIN_DISPERSION)) for loss in losses]
        self.set_loss_gradient(output, self.shares * self.shares.new_tensor(slopes)[:, None])
        of_codes = as_matrix(self.decoder.backward())
        warmth = min(1.0, step / (WARMUP * N_STEPS))
        share = array(self.shares.view(1, -1)) * (warmth * self.beta / self.x.shape[2])
        self.draws.backward(of_codes, share, share)
        self.encoder.backward()

    @torch.inference_mode()
    def costs(self, linear=False):
        mean, log_variance = self._posteriors(linear)
        center, scale = self._place(mean, log_variance)
        losses, log_ratios = [], []
        for _ in range(N_DRAWS):
            codes = self._draws(mean, log_variance)
            losses.append(self.row_losses(self.decoder(codes, linear)).double())
            # log N(z; 0, I) - log q(z | x) of the placed codes: the constants cancel.
            noise = (codes - mean).square() / log_variance.exp()
            ratio = noise - ((codes - center) / scale).square() + log_variance - 2 * scale.log()
            log_ratios.append(ratio.double().sum(dim=2) / 2)
        losses = torch.stack(losses, dim=1)
        dispersions = self._dispersions(losses.mean(dim=1))
        nats = [self.likelihood.nats(*pair) for pair in zip(losses, dispersions, strict=True)]
        log_weights = torch.stack(log_ratios, dim=1) - self.x.shape[2] * torch.stack(nats)
        return (math.log(N_DRAWS) - torch.logsumexp(log_weights, dim=1)).numpy()

    def _posteriors(self, linear=False):
        """Means and log-variances, (n_runs, n_samples, n_components)."""
        mean, log_variance = self.encoder(self.x, linear).chunk(2, dim=2)
        return mean, log_variance.clamp(*LOG_VARIANCES)

    def _draws(self, mean, log_variance):
        return mean + torch.exp(log_variance / 2) * self._noise()

    def _noise(self):
        return torch.randn(self.codes.shape, dtype=torch.float32, generator=self.generator)

    def _place(self, mean, log_variance):
        """Origin and unit of the latent space, where the KL term is smallest."""
        shares = self.shares[:, :, None]
        center = (mean * shares).sum(dim=1, keepdim=True)
        square = ((mean - center).square() + log_variance.exp()).mul(shares)
        return center, square.sum(dim=1, keepdim=True).sqrt()

    def _dispersions(self, losses):
        """Of each run: its own loss, times what rows held out cost more."""
        trained = (losses * self.shares).sum(dim=1)
        held_out = np.average(losses.T[self.held_out.T], weights=self.weights)
        self.excess = max(1.0, float(held_out / trained.mean().clamp(min=MIN_DISPERSION)))
        return [max(self.excess * loss, MIN_DISPERSION) for loss in trained.tolist()]


def as_matrix(tensor):
    """Rows of all runs one below the other, in the same memory."""
    return tensor.view(-1, tensor.shape[-1])


@dataclass(frozen=True)
class BoundTrial(Trial):
    """What is tried of the variational model.

    Parameters
    ----------
    beta : float
        Weight of the KL term in training.
    """

    beta: float

    runs_class, n_outputs, n_weak_rows = BoundRuns, 2, math.inf

    def n_errors(self, n_rows):
        return N_ERRORS

    def start(self, run, rows):
        sample = sampled(rows, run["center"], run["scale"], self.n_components, self.seed)
        axes = axes_of(sample, self.n_components)
        start_at_ppca(run, *axes, LIKELIHOODS[self.likelihood], self.n_components)
