"""What a decoder's output means: per-sample losses and log-densities, in a table by name.

Inside the core every array is *standardized*: centred and divided by one scale ``s``
for all features (see `modules`). A likelihood knows how to come back to the units of X.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss, mse_loss

__all__ = ["LIKELIHOODS", "Likelihood"]


def squared_error(output, target):
    """Mean over features of ``(x - x_hat)²``, shape (n_samples,)."""
    return mse_loss(output, target, reduction="none").mean(dim=1)


def absolute_error(output, target):
    """Mean over features of ``|x - x_hat|``, shape (n_samples,)."""
    return l1_loss(output, target, reduction="none").mean(dim=1)


def log_loss(logits, target):
    """Mean over features of ``-x log p - (1 - x) log(1 - p)``, p the sigmoid of the logits."""
    losses = binary_cross_entropy_with_logits(logits, target, reduction="none")
    return losses.mean(dim=1)


def gaussian_log_density(x, mean, noise_variance):
    """``Σ_j log N(x_j; mean_j, σ²)``, in nats, shape (n_samples,)."""
    log_norm = 0.5 * math.log(2 * math.pi * noise_variance)
    return -(log_norm + (x - mean).square() / (2 * noise_variance)).sum(dim=1)


def laplace_log_density(x, mean, noise_variance):
    """``Σ_j log Laplace(x_j; mean_j, b)`` with ``2 b² = σ²``, in nats."""
    b = math.sqrt(noise_variance / 2)
    return -(math.log(2 * b) + (x - mean).abs() / b).sum(dim=1)


def bernoulli_log_density(x, logits, noise_variance=None):
    """``Σ_j x_j log p_j + (1 - x_j) log(1 - p_j)``, in nats; there is no noise variance."""
    return -log_loss(logits, x) * x.shape[1]


class Likelihood(NamedTuple):
    """One meaning of the decoder's output.

    ``loss`` is averaged over features, so that a constant reconstruction of
    standardized data costs about 1 whatever the number of features.
    """

    loss: Callable  # (output, target) -> (n_samples,), standardized units
    log_density: Callable  # (x, output, noise_variance) -> (n_samples,), units of X
    unit_power: int  # the loss in units of X is the standardized loss times s ** unit_power
    noise_variance: Callable | None  # mean loss in units of X -> its most likely σ²
    link: Callable  # output -> mean of x


LIKELIHOODS = {
    "gaussian": Likelihood(
        squared_error, gaussian_log_density, 2, lambda loss: loss, torch.nn.Identity
    ),
    "laplace": Likelihood(
        absolute_error, laplace_log_density, 1, lambda loss: 2 * loss**2, torch.nn.Identity
    ),
    "bernoulli": Likelihood(log_loss, bernoulli_log_density, 0, None, torch.nn.Sigmoid),
}
