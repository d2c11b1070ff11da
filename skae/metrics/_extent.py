"""How far codes lie from where N(0, I) is drawn: radius, centre, tails."""

from numbers import Real

import numpy as np
from scipy.special import bdtr, betaincinv, chdtrc, gammaincinv
from sklearn.utils import check_consistent_length

from ._inputs import canonical_order, check_choice, check_latent, check_scalar, warn_of_few
from ._resampling import (
    Streams,
    check_resampling,
    estimate,
    half_sample_error,
    symmetric_interval,
    wilson_interval,
)
from ._units import covariance_spectrum, effective_dim

__all__ = ["latent_extent", "unbounded_extent"]

REFERENCES = ["standard_normal", None]

# Shares of the codes whose radius is reported, and the two that tails are judged by.
RADIUS_QUANTILES = (0.5, 0.9, 0.99, 1.0)
TAIL_QUANTILES = (0.5, 0.99)


def unbounded_extent(X_latent, y=None, *, level=0.99):
    """Excess share of codes outside the ball that holds 99 % of N(0, I).

    With R₀ the radius that holds the share ``level`` of N(0, I)::

        unbounded_extent = max(0, (P(‖z‖ > R₀) − (1 − level)) / level)

    0 if no more codes lie outside than of N(0, I), 1 if all do. Lower is better.

    Parameters
    ----------
    X_latent : array-like of shape (n_samples, n_components)
        Codes. Of a variational model: posterior samples, not means.

    y : array-like of shape (n_samples,), default=None
        Not used, apart from its length being checked.

    level : float, default=0.99
        Share of N(0, I) that lies in the ball.

    Returns
    -------
    value : float
        Excess share, in [0, 1].

    See Also
    --------
    latent_extent : The value with its interval, its noise floor, and where the codes lie.
    prior_mismatch : All differences from N(0, I), not only those of the norm.

    Notes
    -----
    Nothing is drawn at random, and all codes are used. Cost: O(n_samples · n_components).

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import unbounded_extent
    >>> X_latent = np.random.RandomState(0).normal(size=(1000, 2))
    >>> unbounded_extent(5 * X_latent) > 0.8
    True
    """
    codes = _check_codes(X_latent, y, level)
    outside = _outside_fraction(codes, _chi_quantile(codes.shape[1], level))
    return float(_excess(outside, level))


def latent_extent(
    X_latent,
    y=None,
    *,
    level=0.99,
    reference="standard_normal",
    n_resamples=20,
    confidence_level=0.95,
    random_state=None,
):
    """How far the codes reach, and how far off the origin they lie.

    With R₀ the radius that holds the share ``level`` of N(0, I), the value is the excess
    share of codes outside::

        unbounded_extent = max(0, (P(‖z‖ > R₀) − (1 − level)) / level)

    Beside it stand the reach of the codes in units of R₀, three measures of how far their
    centre is from the origin, and whether their tails are heavier than Gaussian ones.

    Parameters
    ----------
    X_latent : array-like of shape (n_samples, n_components)
        Codes. Of a variational model: posterior samples, not means.

    y : array-like of shape (n_samples,), default=None
        Not used, apart from its length being checked.

    level : float, default=0.99
        Share of N(0, I) that lies in the ball of radius R₀.

    reference : {"standard_normal", None}, default="standard_normal"
        Law that latent points are drawn from. None for codes that nobody promised to be
        N(0, I), such as those of PCA or UMAP: then what depends on R₀ is NaN.

    n_resamples : int, default=20
        Number of half-samples for the intervals; 0 gives NaN intervals.

    confidence_level : float, default=0.95
        Level of the intervals.

    random_state : int, RandomState instance or None, default=None
        Seed of the half-samples; the numbers themselves do not depend on it.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        With the fields

        metric : str
            ``"unbounded_extent"``.
        value : float
            Excess share of codes outside the ball, in [0, 1].
        interval : tuple of (low, high)
            Confidence interval of the value.
        floor : float
            What the value of as many codes from N(0, I) stays at or below with probability
            0.95.
        ideal : float
            0.
        level, reference
            As given.
        radius : float
            R₀, in latent units.
        outside_fraction : float
            P(‖z‖ > R₀); 1 − ``level`` for N(0, I).
        outside_fraction_interval : tuple of (low, high)
            Wilson interval.
        reach, reach_interval : float, tuple of (low, high)
            Quantile of the norms at ``level``, over R₀: above 1 the codes reach farther than
            draws from N(0, I) do, below 1 less far.
        off_centre, off_centre_interval : float, tuple of (low, high)
            Length of the mean direction ‖E[z / ‖z‖]‖, in [0, 1]: 0 if directions balance, 1
            if all codes lie in one direction from the origin.
        off_centre_pvalue : float
            p-value of the hypothesis that directions balance.
        off_centre_direction : ndarray of shape (n_components,)
            Mean direction of the codes (not a unit vector).
        sign_balance : ndarray of shape (n_components,)
            P(z_j > 0) − P(z_j < 0), in [−1, 1]: −0.7 if 85 % of codes are negative.
        offset, offset_interval : float, tuple of (low, high)
            Norm of the coordinatewise median, over the median distance to it: how many
            radii the centre is from the origin.
        tail_ratio, tail_ratio_interval : float, tuple of (low, high)
            Ratio of the 99 % quantile to the median of the Mahalanobis radius, over that
            ratio for a Gaussian: 1 for Gaussian codes, below 1 for bounded ones, above 1
            for heavy tails (or clusters).
        min, max, median : ndarray of shape (n_components,)
            Along every axis, in latent units.
        radius_quantiles : dict
            Quantiles of the norms at 0.5, 0.9, 0.99 and 1.0, in latent units.
        anisotropy : float
            √(λ_max / λ_min) of the covariance's eigenvalues; infinite if the codes do not
            span all dimensions.
        effective_dim : float
            (Σ λ)² / Σ λ² of the covariance's eigenvalues.
        sampler : None
            Nothing is drawn.
        n_samples, n_components : int
            Shape of ``X_latent``.

    See Also
    --------
    unbounded_extent : The value alone.
    latent_prior : All differences from N(0, I), not only those of the norm.

    Notes
    -----
    Invariance. Rotation changes only what belongs to axes: ``off_centre_direction`` turns,
    and ``sign_balance``, ``min``, ``max``, ``median`` and the ``offset`` of the median are new
    (``offset`` by no more than its error if the law is symmetric about a point). Scale
    changes neither ``off_centre``, ``sign_balance``, ``offset`` nor ``tail_ratio``, but does
    change what is measured against R₀, on purpose: draws have a fixed scale. Translation leaves
    only ``tail_ratio``, ``anisotropy`` and ``effective_dim`` as they are, since draws are
    centred at the origin. ``tail_ratio`` is that of the subspace spanned by the codes.

    ``off_centre`` is √max(0, (‖ū‖² − 1/n) / (1 − 1/n)), with ū the mean of z / ‖z‖ over the n
    codes other than 0, free of the bias by 1/n. Its p-value compares n‖ū‖² with the law
    it has if E ū = 0, a weighted sum of χ² variables, by its first two moments: d·n‖ū‖² is
    χ² with d degrees of freedom if directions are uniform, and fewer if they concentrate along
    few axes.

    All estimates are consistent; the 99 % quantiles need some 500 codes, and ``tail_ratio`` is
    compared with as many Gaussian codes. ``max`` grows with the number of codes and should not
    be compared.

    Intervals: of ``outside_fraction`` and of the value, Wilson [1]_; of the others, half-samples
    without replacement, of ``off_centre`` and ``offset`` for their squares, which are smooth at
    0. Nominal 95 % intervals held the truth in the following shares of 300 to 400 samples of
    N(0, I), N(3e₁, I) and a t law with 5 degrees of freedom, at n = 300 and 2000, d = 2 and 16:
    ``outside_fraction`` 0.92 to 0.98, ``reach`` 0.88 to 0.94, ``off_centre`` and ``offset`` 0.92 to
    0.96 where they are not 0 and 0.99 or more where they are, ``tail_ratio`` 0.89 to 0.96 but for
    heavy tails in many dimensions from few codes (0.57 for the t law at n = 300, d = 16, where it
    is 0.17 too small). The level of the p-value was 0.048 to 0.07 at nominal 0.05, for
    isotropic codes and for an axis five times as wide as the others.

    Failure modes. The ball sees nothing but the norm: an anisotropic law of the same mean
    square, or a shift that is small against √d, passes. Two clusters at ±a have an
    ``off_centre`` of 0 though nothing is at the origin, which is a gap and not an offset.
    ``tail_ratio`` takes clusters for tails. A finite sample is always bounded: that the
    encoder declares no bound, and that outer codes lie far beyond what is sampled, is all that
    can be said.

    Cost: O(n d + d³) beside the sorting of the codes, for every half-sample again.

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical
       inference", J. Am. Stat. Assoc. 22, 1927.
    .. [2] J. Möttönen and H. Oja, "Multivariate spatial sign and rank methods", J.
       Nonparametric Statistics 5, 1995 (the mean direction and its test).

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import latent_extent
    >>> X_latent = np.random.RandomState(0).normal(size=(1000, 2))
    >>> result = latent_extent(5 * X_latent, random_state=0)
    >>> round(result.reach)
    5
    >>> result.value > result.floor
    True
    >>> bool(result.off_centre_pvalue > 0.05)
    True
    """
    check_resampling(n_resamples, confidence_level)
    check_choice(reference, "reference", REFERENCES)
    codes = _check_codes(X_latent, y, level)
    codes = codes[canonical_order(codes)]
    norms = np.linalg.norm(codes, axis=1)
    radius = np.nan if reference is None else _chi_quantile(codes.shape[1], level)
    outside = np.nan if reference is None else _outside_fraction(codes, radius)
    outside_interval = (np.nan, np.nan)
    if n_resamples and reference is not None:
        outside_interval = wilson_interval(outside, len(codes), confidence_level)
    values = _statistics(codes, norms, radius, level)
    with np.errstate(invalid="ignore"):  # where half of the codes are equal
        errors = half_sample_error(
            lambda half: _statistics(codes[half], norms[half], radius, level),
            len(codes),
            n_resamples,
            Streams(random_state)("half-samples"),
        )
    return estimate(
        "unbounded_extent",
        _excess(outside, level),
        codes=codes,
        interval=_excess(outside_interval, level),
        floor=np.nan if reference is None else _floor(len(codes), level),
        ideal=0.0,
        level=level,
        reference=reference,
        radius=float(radius),
        outside_fraction=float(outside),
        outside_fraction_interval=outside_interval,
        **_with_intervals(values, np.broadcast_to(errors, len(values)), confidence_level),
        **_direction(codes, norms),
        sign_balance=np.sign(codes).mean(axis=0),
        min=codes.min(axis=0),
        max=codes.max(axis=0),
        median=_median(codes),
        radius_quantiles={q: float(_quantile(norms, q)) for q in RADIUS_QUANTILES},
        **_spread(codes),
    )


def _check_codes(X_latent, y, level):
    """Codes as an array; raises for a level that is no share."""
    check_scalar(level, "level", Real, min_val=0, max_val=1, include_boundaries="neither")
    codes = check_latent(X_latent)
    if y is not None:
        check_consistent_length(codes, y)
    warn_of_few(len(codes), name="X_latent")
    return codes


def _chi_quantile(n_components, level):
    """Radius that holds the share ``level`` of N(0, I)."""
    return np.sqrt(2 * gammaincinv(n_components / 2, level))


def _outside_fraction(codes, radius):
    """P(‖z‖ > radius)."""
    return np.mean(np.einsum("ij,ij->i", codes, codes) > radius**2)


def _excess(outside, level):
    """max(0, (outside − (1 − level)) / level)."""
    return np.maximum(0.0, (np.asarray(outside) - (1 - level)) / level)


def _floor(n_samples, level):
    """95 % quantile of the value of N(0, I): of n codes, a binomial number lies outside."""
    mean, sd = n_samples * (1 - level), np.sqrt(n_samples * level * (1 - level))
    counts = np.arange(max(0, int(mean - sd)), int(mean + 10 * sd) + 10)
    quantile = counts[np.argmax(bdtr(counts, n_samples, 1 - level) >= 0.95)]
    return _excess(quantile / n_samples, level)


def _median(codes):
    """Coordinatewise median; by one axis at a time, which is faster."""
    return np.array([np.median(axis) for axis in codes.T])


def _statistics(codes, norms, radius, level):
    """What half-samples give errors of.

    The reach, the tail ratio, the squares of off_centre and of the offset, which unlike
    their roots are smooth at 0, and the median in units of the offset.
    """
    median = _median(codes)
    with np.errstate(divide="ignore", invalid="ignore"):  # where half of the codes are equal
        median_radii = median / np.median(np.linalg.norm(codes - median, axis=1))
        return np.array(
            [
                _quantile(norms, level) / radius,
                _tail_ratio(codes),
                _off_centre_square(*_mean_direction(codes, norms)),
                median_radii @ median_radii,
                *median_radii,
            ]
        )


def _with_intervals(values, errors, confidence_level):
    """Estimates and their intervals, from what `_statistics` returns and its errors."""
    reach, tail_ratio, off_centre, offset = (
        symmetric_interval(value, error, confidence_level, low=0.0)
        for value, error in zip(values[:4], errors[:4], strict=True)
    )
    # A squared norm is too large by the variance of what it is the norm of.
    offset = np.maximum(0.0, offset[0] - np.square(errors[4:]).sum()), offset[1]
    return {
        "reach": float(values[0]),
        "reach_interval": reach,
        "tail_ratio": float(values[1]),
        "tail_ratio_interval": tail_ratio,
        "off_centre": float(_root(values[2])),
        "off_centre_interval": tuple(_root(off_centre).tolist()),
        "offset": float(_root(values[3])),
        "offset_interval": tuple(_root(offset).tolist()),
    }


def _mean_direction(codes, norms):
    """Mean of z / ‖z‖ over the codes other than 0, and their number."""
    used = np.count_nonzero(norms)
    return np.divide(1, norms, out=np.zeros_like(norms), where=norms > 0) @ codes / used, used


def _off_centre_square(direction, n_samples):
    """Estimate of ‖E z/‖z‖‖² free of bias, which may be below 0; NaN for one code."""
    return (direction @ direction - 1 / n_samples) / np.float64(1 - 1 / n_samples)


def _root(square):
    """Root of an estimated square, 0 where it is below 0."""
    return np.sqrt(np.maximum(0.0, square))


def _direction(codes, norms):
    """The mean direction ū, and a p-value of E ū = 0.

    Under it, n ū is asymptotically Gaussian with covariance n C, C = E z zᵀ / ‖z‖² of trace 1,
    and n ‖ū‖² / tr C² nearly χ² with 1 / tr C² degrees of freedom: it has that mean and
    variance. tr C² is estimated from pairs of codes, since tr C² of the estimated C is
    larger by (1 − tr C²) / n.
    """
    direction, used = _mean_direction(codes, norms)
    units = codes[norms > 0] / norms[norms > 0, None]
    trace = np.square(units.T @ units / used).sum()
    trace = max((used * trace - 1) / max(used - 1, 1), 1 / codes.shape[1])
    pvalue = chdtrc(1 / trace, used * (direction @ direction) / trace)
    return {"off_centre_direction": direction, "off_centre_pvalue": float(pvalue)}


def _tail_ratio(codes):
    """Ratio of quantiles of the Mahalanobis radius, over that of as many Gaussian codes.

    With mean and covariance of the n codes themselves, n / (n − 1)² times the squared radius of
    a Gaussian code has the law Beta(d/2, (n − d − 1)/2), which for large n is that of χ²/n.
    """
    mean, variances, axes, rank = covariance_spectrum(codes)
    whitened = (codes - mean) @ axes[:, :rank] / np.sqrt(variances[:rank])
    middle, outer = _quantile(np.linalg.norm(whitened, axis=1), TAIL_QUANTILES)
    gaussian = betaincinv(rank / 2, (len(codes) - rank - 1) / 2, TAIL_QUANTILES)
    return (outer / middle) / np.sqrt(gaussian[1] / gaussian[0])


def _quantile(norms, level):
    """Quantile, without the bias towards the middle that the default has in the tails."""
    return np.quantile(norms, level, method="median_unbiased")


def _spread(codes):
    """How unequal the spread along the principal axes is."""
    _, variances, _, rank = covariance_spectrum(codes)
    full = rank == codes.shape[1]
    return {
        "anisotropy": float(np.sqrt(variances[0] / variances[-1])) if full else np.inf,
        "effective_dim": effective_dim(variances),
    }
