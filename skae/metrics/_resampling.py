"""Randomness of the metrics: named streams, subsamples, half-samples, intervals."""

from numbers import Integral, Real
from zlib import crc32

import numpy as np
from scipy.special import ndtri
from sklearn.utils import Bunch

from skae._validation import as_random_state

from ._inputs import check_scalar

__all__ = [
    "Streams",
    "check_resampling",
    "estimate",
    "half_sample_error",
    "share_interval",
    "subsample",
    "symmetric_interval",
    "wilson_interval",
]


class Streams:
    """Independent random states by name, from one seed.

    What one name draws does not depend on who else draws, so that a further metric
    changes no number of those before.
    """

    def __init__(self, random_state):
        self.entropy = _random_state(random_state).randint(2**31 - 1)

    def __call__(self, name):
        sequence = np.random.SeedSequence([self.entropy, crc32(name.encode())])
        return np.random.RandomState(np.random.MT19937(sequence))


def _random_state(random_state):
    """`as_random_state`, whose errors name the parameter."""
    try:
        return as_random_state(random_state)
    except ValueError as error:
        raise ValueError(f"random_state: {error}") from None


def check_resampling(n_resamples, confidence_level):
    """Raise for a number of half-samples or a level that give no interval."""
    check_scalar(n_resamples, "n_resamples", Integral, min_val=0)
    if n_resamples == 1:
        raise ValueError("n_resamples must be 0, for no intervals, or at least 2. Got 1 instead.")
    check_scalar(
        confidence_level,
        "confidence_level",
        Real,
        min_val=0,
        max_val=1,
        include_boundaries="neither",
    )


def subsample(n_samples, max_samples, rng):
    """Indices of at most ``max_samples`` of n_samples rows, without replacement, in order."""
    if n_samples <= max_samples:
        return np.arange(n_samples)
    return np.sort(rng.choice(n_samples, max_samples, replace=False))


def half_sample_error(statistic, n_samples, n_resamples, rng):
    """Standard error of a statistic by half-samples without replacement (delete-half jackknife).

    The variance of a statistic of half the rows, given all rows, is that of the
    statistic of all rows [J. Shao and C. F. J. Wu, Ann. Statist. 17, 1989]; and unlike a
    bootstrap it makes no ties, which neighbour statistics cannot bear.

    Parameters
    ----------
    statistic : callable
        From an index array of rows to a number or an array of numbers.
    n_samples : int
        Number of rows.
    n_resamples : int
        Number of half-samples; 0 gives NaN. Those of which the statistic is NaN throughout,
        as it has nothing to be computed from, do not count.
    rng : RandomState

    Returns
    -------
    error : float or ndarray
        Standard deviation over the half-samples, of the statistic's shape.
    """
    if n_resamples == 0:
        return np.nan
    values = [
        statistic(np.sort(rng.permutation(n_samples)[: n_samples // 2])) for _ in range(n_resamples)
    ]
    values = np.array(values)
    values = values[~np.isnan(values.reshape(n_resamples, -1)).all(axis=1)]
    return np.std(values, axis=0, ddof=1) if len(values) > 1 else np.nan


def symmetric_interval(value, error, confidence_level, *, low=-np.inf, high=np.inf):
    """Normal interval about the value, cut to the range [low, high]; NaN for a NaN error."""
    half_width = -ndtri((1 - confidence_level) / 2) * error
    return float(np.clip(value - half_width, low, high)), float(
        np.clip(value + half_width, low, high)
    )


def wilson_interval(share, n_trials, confidence_level):
    """Interval of a share of independent trials, of width above 0 for a share of 0 or 1 too.

    E. B. Wilson, J. Am. Stat. Assoc. 22, 1927; n_trials need not be an integer.
    """
    z2 = ndtri((1 - confidence_level) / 2) ** 2 / n_trials
    center = (share + z2 / 2) / (1 + z2)
    half_width = np.sqrt(z2 * share * (1 - share) + z2**2 / 4) / (1 + z2)
    # The share lies between, also where rounding has it otherwise.
    low, high = min(share, center - half_width), max(share, center + half_width)
    return max(0.0, float(low)), min(1.0, float(high))


def share_interval(share, error, n_trials, confidence_level):
    """Wilson interval of a share with a known standard error; NaN for a NaN error.

    It is that of as many independent trials as have this error, at most ``n_trials``.
    """
    if np.isnan(error):
        return np.nan, np.nan
    if error > 0 and 0 < share < 1:
        n_trials = min(n_trials, share * (1 - share) / error**2)
    return wilson_interval(share, n_trials, confidence_level)


def estimate(metric, value, *, codes, interval, floor, ideal, sampler=None, **details):
    """What every metric returns: a Bunch of the value, what it means, and the details.

    Parameters
    ----------
    metric : str
        Name of the function that returns the value alone.
    value : float
    codes : ndarray of shape (n_samples, n_components)
        All codes the metric was asked about.
    interval : tuple of (low, high)
        NaN where no resamples were asked for.
    floor : float
        What a perfect latent space of this size would stay below with probability 0.95.
    ideal : float
        What a perfect latent space of infinite size has.
    sampler : str or None
        Name of the law of the draws, if there are any.
    **details
        Further fields, own to the metric.
    """
    n_samples, n_components = codes.shape
    return Bunch(
        metric=metric,
        value=float(value),
        interval=tuple(float(end) for end in interval),
        floor=float(floor),
        ideal=float(ideal),
        sampler=sampler,
        n_samples=n_samples,
        n_components=n_components,
        **details,
    )
