"""What a decoder's output means: per-sample losses and log-densities, in a table by name.

Inside the core every array is *standardized*: centred and divided by one scale ``s``
for all features (see `modules`). A likelihood knows how to come back to the units of X.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn import Identity, Sigmoid
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss, mse_loss

from .arrays import library_of, tensor

__all__ = ["LIKELIHOODS", "MIN_DISPERSION", "Likelihood"]

# Smallest dispersion of the variational model, standardized: rows that are reconstructed
# exactly have no bound.
MIN_DISPERSION = 1e-10


def squared_error(output, target):
    """Mean over features of ``(x - x_hat)²``, shape (n_samples,)."""
    return mse_loss(output, target, reduction="none").mean(dim=1)


def squared_error_gradient(output, target, share, out=None):
    """``Σ_i share_i squared_error_i``, and its gradient with respect to the output."""
    difference, factor = output - target, 2 / output.shape[1]
    xp = library_of(output)
    gradient = xp.multiply(difference, factor * share, out=out)
    if isinstance(share, float):
        # One pass less over the numbers.
        flat = difference.reshape(-1)
        loss = xp.dot(flat, flat)
        loss *= factor * share / 2
        return loss, gradient
    return _inner(difference, gradient) / 2, gradient


def absolute_error(output, target):
    """Mean over features of ``|x - x_hat|``, shape (n_samples,)."""
    return l1_loss(output, target, reduction="none").mean(dim=1)


def absolute_error_gradient(output, target, share, out=None):
    """``Σ_i share_i absolute_error_i``, and its gradient, 0 where output and target are equal."""
    difference, xp = output - target, library_of(output)
    gradient = xp.multiply(xp.sign(difference), share / output.shape[1], out=out)
    return _inner(difference, gradient), gradient


def _inner(a, b):
    return library_of(a).dot(a.reshape(-1), b.reshape(-1))


def log_loss(logits, target):
    """Mean over features of ``-x log p - (1 - x) log(1 - p)``, p the sigmoid of the logits."""
    losses = binary_cross_entropy_with_logits(logits, target, reduction="none")
    return losses.mean(dim=1)


def log_loss_gradient(logits, target, share, out=None):
    """``Σ_i share_i log_loss_i``, and its gradient with respect to the logits."""
    logits, target, share, out = map(tensor, (logits, target, share, out))
    gradient = torch.mul(logits.sigmoid() - target, share / logits.shape[1], out=out)
    losses = binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (losses * (share / logits.shape[1])).sum(), gradient


def gaussian_log_density(x, mean, noise_variance):
    """``Σ_j log N(x_j; mean_j, σ²)``, in nats, shape (n_samples,)."""
    sigma = math.sqrt(noise_variance)
    log_norm = math.log(sigma) + 0.5 * math.log(2 * math.pi)
    return -(log_norm + ((x - mean) / sigma).square() / 2).sum(dim=1)


def laplace_log_density(x, mean, noise_variance):
    """``Σ_j log Laplace(x_j; mean_j, b)`` with ``2 b² = σ²``, in nats."""
    b = math.sqrt(noise_variance / 2)
    return -(math.log(2 * b) + (x - mean).abs() / b).sum(dim=1)


def bernoulli_log_density(x, logits, noise_variance=None):
    """``Σ_j x_j log p_j + (1 - x_j) log(1 - p_j)``, in nats; there is no noise variance."""
    return -log_loss(logits, x) * x.shape[1]


def standardized_start(weight, center, scale):
    """Weight and bias of a linear decoder of standardized means: as they are."""
    return weight, 0.0


def left_over(variance, center, scale):
    """Noise variance of a linear start: what PCA leaves."""
    return max(float(variance), MIN_DISPERSION)


def binary_variance(variance, center, scale):
    """Noise variance of a linear start: that of binary numbers of these means."""
    return max(float((center * (1 - center)).mean() / scale**2), 1e-6)


def logit_start(weight, center, scale):
    """Weight and bias of a linear decoder of logits, to first order about the mean.

    ``logit(m + s w) ≈ logit(m) + s w / (m (1 - m))``, with the slope bounded for features
    that are nearly constant.
    """
    mean = center.clamp(0.01, 0.99)
    slope = (mean * (1 - mean)).clamp(min=0.1)
    return weight * (scale / slope)[:, None], mean.logit()


def gaussian_nats(loss, dispersion):
    """``-log N`` per feature, of mean squared error ``loss`` at variance ``dispersion``."""
    return (math.log(2 * math.pi * dispersion) + loss / dispersion) / 2


def laplace_nats(loss, dispersion):
    """``-log Laplace`` per feature, of mean absolute error ``loss`` at scale ``dispersion``."""
    return math.log(2 * dispersion) + loss / dispersion


def bernoulli_nats(loss, dispersion):
    """``-log Bernoulli`` per feature: the log loss itself."""
    return loss


class Likelihood(NamedTuple):
    """One meaning of the decoder's output.

    ``loss`` is averaged over features, so that a constant reconstruction of
    standardized data costs about 1 whatever the number of features.
    """

    loss: Callable  # (output, target) -> (n_samples,), standardized units
    # (output, target, share, out) -> Σ_i share_i loss_i and its gradient, share a number or a
    # column, in the memory of out unless that is None
    gradient: Callable
    nats: Callable  # (loss, dispersion) -> -log p per feature; the best dispersion is E loss
    nats_slope: Callable  # dispersion -> nats for each unit of loss
    log_density: Callable  # (x, output, noise_variance) -> (n_samples,), units of X
    unit_power: int  # the loss in units of X is the standardized loss times s ** unit_power
    noise_variance: Callable | None  # mean loss in units of X -> its most likely σ²
    link: Callable  # builds the module from output to mean of x
    linear_start: Callable  # (weight, center, scale) -> weight, bias of the decoder
    start_noise: Callable  # (variance PCA leaves, center, scale) -> noise variance, standardized
    start_dispersion: Callable  # noise variance -> dispersion


LIKELIHOODS = {
    "gaussian": Likelihood(
        squared_error,
        squared_error_gradient,
        gaussian_nats,
        lambda dispersion: 0.5 / dispersion,
        gaussian_log_density,
        unit_power=2,
        noise_variance=lambda loss: loss,
        link=Identity,
        linear_start=standardized_start,
        start_noise=left_over,
        start_dispersion=lambda noise: noise,
    ),
    "laplace": Likelihood(
        absolute_error,
        absolute_error_gradient,
        laplace_nats,
        lambda dispersion: 1 / dispersion,
        laplace_log_density,
        unit_power=1,
        noise_variance=lambda loss: 2 * loss**2,
        link=Identity,
        linear_start=standardized_start,
        start_noise=left_over,
        start_dispersion=lambda noise: (noise / 2) ** 0.5,
    ),
    "bernoulli": Likelihood(
        log_loss,
        log_loss_gradient,
        bernoulli_nats,
        lambda dispersion: 1.0,
        bernoulli_log_density,
        unit_power=0,
        noise_variance=None,
        link=Sigmoid,
        linear_start=logit_start,
        start_noise=binary_variance,
        start_dispersion=lambda noise: noise,
    ),
}
