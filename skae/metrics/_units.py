"""Axes of the latent space: which carry information, and how the spread is shared among them."""

import warnings
from numbers import Real

import numpy as np
from sklearn.utils import Bunch

from ._inputs import check_latent, check_scalar

__all__ = [
    "active_units",
    "check_std",
    "covariance_spectrum",
    "effective_dim",
    "kl_to_standard_normal",
]

# Variances below this share of the largest are rounding: a standard deviation of 1e-6 of the
# largest, somewhat above what float32 codes on a hyperplane have across it.
RANK_TOLERANCE = 1e-12

# Standard deviations below this have squares that codes of any size overflow by.
SMALLEST_STD = 1e-50


def active_units(X_mean, X_std=None, *, threshold=0.01):
    """Which axes of the latent space depend on the input, and the effective dimension.

    An axis j of posterior means μ_j(x) is active if Var_x μ_j > ``threshold`` [1]_. With the
    standard deviations σ_j(x) of a Gaussian encoder, it is active if its mean divergence from
    the prior exceeds the threshold, in nats::

        kl_j = E_x [μ_j² + σ_j² − 1 − log σ_j²] / 2

    The effective dimension is the participation ratio (Σ λ)² / Σ λ² of the eigenvalues λ of
    the covariance of the means.

    Parameters
    ----------
    X_mean : array-like of shape (n_samples, n_components)
        Posterior means; or the codes of any other model.

    X_std : array-like of shape (n_samples, n_components), default=None
        Posterior standard deviations, all positive.

    threshold : float, default=0.01
        Variance, or divergence in nats, above which an axis is active.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        With the fields

        n_active : int
            Number of active axes.
        active : ndarray of shape (n_components,), bool
            Which axes are active.
        variance : ndarray of shape (n_components,)
            Variance of the means along every axis.
        kl : ndarray of shape (n_components,) or None
            Mean divergence of every axis from N(0, 1), in nats; None without ``X_std``.
        prior_variance : ndarray of shape (n_components,) or None
            Var_x μ_j + E_x σ_j², the variance of posterior samples, 1 where they match
            the prior; None without ``X_std``.
        effective_dim : float
            Participation ratio, from 1 (all spread along one direction) to
            n_components (equal spread along all); 0 if all means are equal.
        variance_share : ndarray of shape (n_components,)
            λ / Σ λ, in descending order; 0 if all means are equal.

    See Also
    --------
    latent_prior : Divergence of all axes together from the prior.

    Notes
    -----
    If the codes are rotated, ``effective_dim`` and ``variance_share`` do not change; the
    units do, since units are axes. The threshold is absolute: for models without a prior of
    unit variance it means nothing, and only ``effective_dim`` and ``variance_share`` do.
    An axis with ``kl`` above the threshold need not depend on the input: a constant
    posterior other than N(0, 1) is enough, and has a ``variance`` of 0.

    Nothing is drawn at random. Cost: O(n_samples · n_components²).

    References
    ----------
    .. [1] Y. Burda, R. Grosse and R. Salakhutdinov, "Importance weighted autoencoders",
       ICLR 2016, section 5.2.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import active_units
    >>> X_mean = np.random.RandomState(0).normal(size=(1000, 3)) * [1, 0.5, 0.01]
    >>> result = active_units(X_mean)
    >>> result.n_active, result.active.tolist()
    (2, [True, True, False])
    >>> round(result.effective_dim, 1)
    1.5
    """
    check_scalar(threshold, "threshold", Real, min_val=0)
    means = check_latent(X_mean, name="X_mean", spread=False)
    variance, kl, prior_variance = means.var(axis=0), None, None
    if X_std is not None:
        std = check_std(X_std, means.shape, name="X_std")
        kl = kl_to_standard_normal(means, std).mean(axis=0)
        prior_variance = variance + np.square(std).mean(axis=0)
    active = (variance if kl is None else kl) > threshold
    spread = _spread(means)
    return Bunch(
        n_active=int(active.sum()),
        active=active,
        variance=variance,
        kl=kl,
        prior_variance=prior_variance,
        effective_dim=effective_dim(spread),
        variance_share=spread / (spread.sum() or 1.0),
    )


def _spread(means):
    """Variances along the principal axes; 0, with a warning, for means that are all equal."""
    if np.ptp(means, axis=0).any():
        return covariance_spectrum(means)[1]
    warnings.warn(
        f"All {len(means)} codes in X_mean are equal: the latent space has collapsed, and no unit "
        "depends on the input.",
        UserWarning,
        stacklevel=3,
    )
    return np.zeros(means.shape[1])


def kl_to_standard_normal(means, std):
    """KL(N(μ, σ²) ‖ N(0, 1)) in nats, of every element."""
    return 0.5 * (np.square(means) + np.square(std) - 1) - np.log(std)


def covariance_spectrum(codes):
    """Mean, variances along the principal axes, these axes, and the rank of the covariance.

    Returns
    -------
    mean : ndarray of shape (n_components,)
    variances : ndarray of shape (n_components,)
        In descending order.
    axes : ndarray of shape (n_components, n_components)
        Unit vectors in columns, each pointing to the side of the last code: in canonical
        order the farthest from the mean, so that they turn with the codes.
    rank : int
    """
    mean = codes.mean(axis=0)
    centred = codes - mean
    variances, axes = np.linalg.eigh(centred.T @ centred / max(1, len(codes) - 1))
    variances, axes = np.maximum(variances[::-1], 0), axes[:, ::-1]
    axes = axes * np.where(centred[-1] @ axes < 0, -1, 1)
    return mean, variances, axes, int(np.sum(variances > RANK_TOLERANCE * variances[0]))


def effective_dim(variances):
    """Participation ratio (Σ λ)² / Σ λ² of variances; 0 if all are 0."""
    largest = variances.max()
    if largest == 0:
        return 0.0
    variances = variances / largest
    return float(variances.sum() ** 2 / np.square(variances).sum())


def check_std(X_std, shape, *, name):
    """Standard deviations as a positive finite float64 array of some shape."""
    std = check_latent(X_std, name=name, min_samples=1, spread=False)
    if std.shape != shape:
        raise ValueError(
            f"{name} must have one standard deviation for each mean, shape {shape}. Got shape "
            f"{std.shape} instead."
        )
    if not (std > 0).all():
        row, column = np.argwhere(std <= 0)[0]
        raise ValueError(
            f"{name} must be positive. Got {std[row, column]!r} in row {row}, column {column} "
            "instead."
        )
    if std.min() < SMALLEST_STD:
        raise ValueError(
            f"{name} must be {SMALLEST_STD:g} or more, since the densities overflow. Got "
            f"{std.min():.3g} instead."
        )
    return std
