"""The evidence lower bound: objective, training step and summary of the variational model."""

import math
from typing import NamedTuple

import numpy as np
import torch
from skorch.callbacks import Callback

from .arrays import array, library_of
from .batches import Batches, block_size
from .callbacks import compared, copied
from .likelihoods import LIKELIHOODS, MIN_DISPERSION
from .net import AutoencoderNet
from .noise import BANK_SIZE, fixed_bank, noises_for
from .penalties import share_of_rows, weighted_mean

__all__ = [
    "EvidenceBound",
    "KLWarmup",
    "StartIfBetter",
    "VariationalNet",
    "importance_weighted_bound",
]

# Share of the newest batch in the running estimates of the dispersion and of the codes' moments.
RATE = 0.1

# Batches whose moments are gathered before the codes are moved.
N_MOMENTS = 8

# Draws from posteriors, of all rows (a prime) and at most of each, that the summary averages, and
# the numbers decoded from them. The mean loss has a standard error of 0.2 % by them on digits.
N_DRAWS, MAX_DRAWS, MAX_NUMBERS = 10_007, 100, 2**22

# Draws of few rows that are decoded at once, at most.
N_DECODED = 1024


def kl_to_standard_normal(mean, log_variance):
    """``KL(N(mean, σ²) || N(0, 1)) = (mean² + σ² - 1 - log σ²) / 2``, element by element."""
    return (mean.square() + log_variance.exp() - 1 - log_variance) / 2


class Terms(NamedTuple):
    """What the KL divergence from N(0, scale²) is of moments of posteriors, in arrays."""

    scale: list
    precision: np.ndarray  # (n_components, 1)
    factors: np.ndarray  # (4 * n_components,), of what `EvidenceBound.moments_` has
    shifts: np.ndarray  # (n_components,), which are added to it
    shift: float  # their sum

    @classmethod
    def of(cls, scale, numbers):
        """Of a tensor, and its numbers."""
        scale = array(scale)
        xp = library_of(scale)
        precision, shifts = 1 / (scale * scale), xp.log(scale) - 0.5
        half = precision / 2
        factors = xp.concatenate([0 * half, half, half, 0 * half - 0.5])
        return cls(numbers, precision[:, None], factors, shifts, shifts.sum().item())


class EvidenceBound(torch.nn.Module):
    """Minus the evidence lower bound, in nats per feature of standardized rows.

    ``(E_q[-log p(x | z)] + beta Σ_j KL_j) / n_features``: sums over features and
    components, so that beta = 1 is the bound for any number of either. Divided by the number
    of features, gradients and tolerances mean what they do for the deterministic model.

    Parameters
    ----------
    likelihood : str
        Key of `LIKELIHOODS`.
    beta : float
        Weight of the KL term.
    free_bits : float
        Nats of KL that each component has for nothing in training, on the mean over a
        batch [D. P. Kingma et al., "Improved variational inference with inverse
        autoregressive flow", NeurIPS 2016, section C.8].
    """

    # Share of beta in force; `KLWarmup` changes it.
    kl_share = 1.0

    def __init__(self, likelihood, beta=1.0, free_bits=0.0):
        super().__init__()
        self.likelihood = likelihood
        self.beta = beta
        self.free_bits = free_bits
        self.moments_, self.terms_ = [], None
        # In a dict: modules are slow to take attributes.
        self.of_batch_ = {}

    def forward(self, posterior, weights, penalize):
        nats = weighted_mean(self._nats(posterior), weights)
        kl = kl_to_standard_normal(*posterior.placed())
        kl = weighted_mean(kl, None if weights is None else weights[:, None], dim=0)
        if penalize:
            kl = kl.clamp(min=self.free_bits)
        kl = self.beta * kl.sum() / posterior.target.shape[1]
        # Held-out rows are scored by the bound, not by what of it is in force yet.
        return nats + (self.kl_share if penalize else 1.0) * kl

    def gradients(self, posterior, weights, out, draws):
        """The objective of training, its gradient at the output, and what `Draws.backward` takes.

        The gradient is written into ``out``, unless that is None. Kept in ``of_batch_`` is the loss
        that the net solves for the dispersion with, and what of the KL term is ``held_back`` yet.
        """
        likelihood, n_features = LIKELIHOODS[self.likelihood], posterior.target.shape[1]
        share = share_of_rows(weights, posterior.mean.shape[0])
        share = share if weights is None else array(share)
        out = torch.empty_like(posterior.output) if out is None else out
        total = 1.0 if weights is None else weights.mean().item()
        # Numbers of Python: cheaper than tensors of one number.
        dispersion = posterior.dispersion.item()
        slope = likelihood.nats_slope(dispersion)
        pair = map(array, (posterior.output, posterior.target))
        loss, _ = likelihood.gradient(*pair, slope * share, array(out))
        loss = loss.item()
        self.of_batch_["loss"] = loss / (slope * total)
        kl, of_latent = self._kl_gradients(posterior, draws, weights, share, total)
        kl *= self.beta / n_features
        self.of_batch_["held_back"] = (1 - self.kl_share) * kl
        # What the likelihood costs is an affine function of the loss.
        loss += total * likelihood.nats(0.0, dispersion) + self.kl_share * kl
        # With an `item`, as tensors of one number have.
        return np.float64(loss), out, of_latent

    def _kl_gradients(self, posterior, draws, weights, share, total):
        """KL divergence, and its term's precision and share for the gradients at posteriors.

        The moments of the posteriors are kept for the place of the codes.
        """
        averages, terms = draws.averages(weights), self._terms(posterior.scale)
        self.moments_.append(averages)
        share = share if weights is None else share.T
        share = share * (self.kl_share * self.beta / posterior.target.shape[1])
        if self.free_bits:
            kl = ((averages * terms.factors).reshape(4, -1).sum(0) + terms.shifts) * total
            # 0 or 1, in the precision of the rest.
            share = share * ((kl >= self.free_bits) + 0 * kl)[:, None]
            kl = kl.clip(min=self.free_bits).sum().item()
        else:
            kl = total * ((averages @ terms.factors).item() + terms.shift)
        return kl, (terms.precision * share, share)

    def _terms(self, scale):
        """Those of this scale, which changes every few batches."""
        numbers = scale.tolist()
        if self.terms_ is None or self.terms_.scale != numbers:
            self.terms_ = Terms.of(scale, numbers)
        return self.terms_

    def _nats(self, posterior):
        likelihood = LIKELIHOODS[self.likelihood]
        losses = likelihood.loss(posterior.output, posterior.target)
        return likelihood.nats(losses, posterior.dispersion)

    def row_losses(self, posterior):
        """What each row costs."""
        kl = kl_to_standard_normal(*posterior.placed()).sum(dim=1)
        return self._nats(posterior) + self.beta * kl / posterior.target.shape[1]

    # The losses of epochs are of random draws: the start's cannot be held against them.
    is_exact = False

    def in_units(self, loss, module):
        """Nats of a whole row, as a density in units of X."""
        n_features = len(module.standardize.center)
        jacobian = 0.0 if module.has_logits else math.log(float(module.standardize.scale))
        return n_features * (loss + jacobian)


class KLWarmup(Callback):
    """Brings the weight of the KL term from 0 to its full value within n_steps steps."""

    def __init__(self, n_steps):
        self.n_steps = n_steps

    def on_train_begin(self, net, **kwargs):
        self.step_ = 0

    def on_batch_begin(self, net, training=False, **kwargs):
        if training:
            share = min(1.0, self.step_ / self.n_steps) if self.n_steps else 1.0
            if share != net.criterion_.kl_share:  # torch's modules are slow to take an attribute
                net.criterion_.kl_share = share
            self.step_ += 1

    def on_train_end(self, net, **kwargs):
        net.criterion_.kl_share = 1.0


class VariationalNet(AutoencoderNet):
    """A net that keeps the dispersion and the place of the codes where the bound is largest."""

    def train_step(self, batch, **fit_params):
        """A step whose loss is reported with the KL term in full, so that epochs compare."""
        step = super().train_step(batch, **fit_params)
        objective, of_batch = self.criterion_, self.criterion_.of_batch_
        self.set_dispersion(of_batch["loss"], RATE)
        if len(objective.moments_) == N_MOMENTS:
            self.place_codes(sum(objective.moments_) / N_MOMENTS)
            objective.moments_.clear()
        if of_batch["held_back"]:
            step["loss"] = step["loss"] + of_batch["held_back"]
        return step

    def place_codes(self, moments):
        """Move the codes towards mean 0 and mean square 1 along every axis.

        By the mean of what `Draws.averages` gave for some batches.
        """
        offset, square, variance, _ = moments.reshape(4, -1)
        # Rounding may bring the difference below zero.
        square = (square - offset * offset).clip(min=0) + variance
        scale, rate = array(self.module_.to_latent.scale), 1 - (1 - RATE) ** N_MOMENTS
        place = rate * offset / scale, (square / (scale * scale)) ** (rate / 2)
        self.module_.place(*map(torch.as_tensor, place))

    def set_dispersion(self, loss, rate=1.0):
        """Move the dispersion towards its most likely value, the mean loss."""
        dispersion = array(self.module_.dispersion)
        before = dispersion.item()
        dispersion[...] = max(before + rate * (loss - before), MIN_DISPERSION)

    def settle(self, rows, decoded):
        """Set what is solved for by the rows: the place of the codes, and the dispersion.

        The dispersion is the loss, times the module's ``optimism``. The codes get mean 0 and
        mean square 1 along every axis. Of all shifts and scales of
        the axes these make the mean KL divergence from N(0, I) smallest; the reconstructions
        stay, so that the bound can only gain. Training moves the axes every few batches, so
        that weights need not: they would be slow. Of a model that stays at probabilistic PCA
        the place is kept, and with normal noise the dispersion.

        Parameters
        ----------
        rows : Rows
            Those whose codes are placed.
        decoded : Rows
            Those that the loss is of.

        Returns
        -------
        means, stds : ndarrays of shape (n_samples, n_components)
            Of the posteriors.
        codes : ndarray of shape (n_samples, n_components)
            A draw from each posterior.
        loss : float
            Weighted mean loss, over draws from posteriors.
        """
        module, loss = self.module_, self._decoded_loss(decoded)
        self.check_finite(loss)
        if not (module.is_ppca and self.criterion_.likelihood == "gaussian"):
            self.set_dispersion(loss * module.optimism)
        means, stds, codes = self._posteriors(rows)
        if module.is_ppca:
            return means, stds, codes, loss
        weights = rows.row_weights
        center = np.average(means, axis=0, weights=weights)
        scale = np.sqrt(np.average((means - center) ** 2 + stds**2, axis=0, weights=weights))
        module.place(*map(torch.from_numpy, (center, scale)))
        return (means - center) / scale, stds / scale, (codes - center) / scale, loss

    @torch.no_grad()
    def _posteriors(self, rows):
        """Means and standard deviations of posteriors, and draws from them, as arrays."""
        blocks = []
        for x in self._blocks(rows):
            mean, std, codes = self._drawn(x, self.module_.standardized(x))
            blocks.append((mean, std, codes[:, 0]))
        return [torch.cat(parts).cpu().numpy() for parts in zip(*blocks, strict=True)]

    @torch.no_grad()
    def _decoded_loss(self, rows):
        """Weighted mean loss of the rows, over draws from their posteriors."""
        module = self.module_
        affordable = MAX_NUMBERS // (len(rows) * rows.X.shape[1])
        n_draws = max(1, min(MAX_DRAWS, N_DRAWS // len(rows), affordable))
        losses = []
        for x in self._blocks(rows):
            standard = module.standardized(x)
            *_, codes = self._drawn(x, standard, n_draws)
            target = module.target(x, standard)
            # Of few rows one draw after another is mostly calls.
            parts = codes.split(max(1, N_DECODED // len(x)), dim=1)
            losses.append(sum(self._losses(z, target).sum(dim=1) for z in parts) / n_draws)
        return float(np.average(torch.cat(losses).cpu(), weights=rows.row_weights))

    def _losses(self, codes, target):
        """Of what (n, n_draws, n_components) codes decode to, (n, n_draws)."""
        module, n_draws = self.module_, codes.shape[1]
        output = module.decode(module.from_latent(codes.flatten(0, 1)))
        loss = LIKELIHOODS[self.criterion_.likelihood].loss
        losses = loss(output, target.repeat_interleave(n_draws, dim=0))
        return losses.view(-1, n_draws).double()

    def _blocks(self, rows):
        """The rows, as many at a time as fit into memory."""
        place = self.module_.standardize.center
        return (x.to(place) for x, _ in Batches(rows, block_size(rows.X.shape[1])))

    def _drawn(self, x, standard, n_draws=1):
        """Means and standard deviations of posteriors, and (n, n_draws, n_components) draws."""
        mean, log_variance = self.module_.posterior(x, standard)
        std = torch.exp(log_variance / 2)
        # So large a bank that rows hardly share their noise.
        bank = fixed_bank(mean.shape[1], mean, size=N_DRAWS + n_draws - 1)
        noises = noises_for(self.module_.numbers(x), bank, n_draws)
        return mean, std, torch.addcmul(mean[:, None], std[:, None], noises)


class StartIfBetter(Callback):
    """Brings the start back if training, in the end, is below it by the same noise.

    The losses of epochs are of random draws, which the start's cannot be held against. Where
    the noise of the data is small, optima are too narrow for the steps of an optimizer.
    """

    def on_train_begin(self, net, X=None, **kwargs):
        self.rows_, self.start_ = compared(X), copied(net.module_.state_dict())
        self.loss_ = self._loss(net)

    def on_train_end(self, net, **kwargs):
        if self._loss(net) > self.loss_:
            net.module_.load_state_dict(self.start_)

    def _loss(self, net):
        was_training = net.module_.training
        net.module_.eval()
        loss = net.mean_loss(self.rows_)
        net.module_.train(was_training)
        return loss


def importance_weighted_bound(x, module, log_density, n_draws, n_rows):
    """``log (1/K) Σ_k p(x, z_k) / q(z_k | x)``, z_k drawn from q, for each row.

    A lower bound of log p(x) in expectation, the tighter the larger K [Y. Burda, R. Grosse and
    R. Salakhutdinov, "Importance weighted autoencoders", ICLR 2016, eq. 8]. The noise of the
    draws belongs to the row.

    Parameters
    ----------
    x : tensor of shape (n, n_features)
        In units of X.
    module : VariationalAutoencoder
        At rest.
    log_density : callable
        From rows and decoder's output in units of X to log p(x | z) of shape (n,).
    n_draws : int
        K.
    n_rows : int
        Rows to decode at a time, at most.
    """
    mean, log_variance = module.posterior(x.clone(), module.standardize(x))
    decode, n_components = module.output_decoder(), mean.shape[1]
    vectors = fixed_bank(n_components, x, size=BANK_SIZE + n_draws - 1)
    noises = noises_for(module.numbers(x), vectors, n_draws)
    total = torch.full((len(x),), -math.inf, dtype=x.dtype, device=x.device)
    for noise in noises.split(max(1, n_rows // len(x)), dim=1):
        codes = mean[:, None] + torch.exp(log_variance / 2)[:, None] * noise
        rows = x.repeat_interleave(noise.shape[1], dim=0)
        log_likelihood = log_density(rows, decode(codes.reshape(-1, n_components)))
        # log N(z; 0, I) - log q(z | x): the constants cancel.
        log_ratio = (noise.square() - codes.square() + log_variance[:, None]).sum(dim=2) / 2
        log_weights = log_likelihood.reshape(len(x), -1) + log_ratio
        total = torch.logaddexp(total, torch.logsumexp(log_weights, dim=1))
    return total - math.log(n_draws)
