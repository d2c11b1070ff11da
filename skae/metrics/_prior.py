"""How far the law of the codes is from the prior N(0, I), and in which way."""

import warnings
from functools import cache
from numbers import Integral

import numpy as np
from scipy.special import (
    betainccinv,
    betaincinv,
    chdtri,
    chndtrix,
    digamma,
    gammainc,
    gammaincc,
    gammaln,
    logsumexp,
    ndtr,
)
from sklearn.metrics import pairwise_distances_chunked
from sklearn.utils import check_consistent_length

from ._inputs import (
    canonical_order,
    check_choice,
    check_latent,
    check_n_neighbors,
    check_scalar,
    warn_of_few,
)
from ._resampling import (
    Streams,
    check_resampling,
    estimate,
    half_sample_error,
    subsample,
    symmetric_interval,
)
from ._search import NeighborSearch
from ._units import check_std, covariance_spectrum, kl_to_standard_normal

__all__ = ["latent_prior", "prior_mismatch"]

PRIORS = ["standard_normal"]

# Neighbours of the entropy estimate, and random directions of the sliced distance.
N_NEIGHBORS = 5
N_DIRECTIONS = 64

# Distances between whitened codes below which they count as duplicates.
DUPLICATE = 1e-9

# Nodes and weights of quadrature: finding them takes a third of the time of few codes.
_gauss_legendre = cache(np.polynomial.legendre.leggauss)

# Megabytes for blocks of the matrix of pairwise distances; rows of a block of densities.
BLOCK_MEGABYTES = 32
BLOCK_ROWS = 256


def prior_mismatch(
    X_latent, y=None, *, prior="standard_normal", max_samples=4000, random_state=None
):
    """Energy coefficient of the codes and the prior N(0, I).

    With N, N' independent draws from N(0, I) and z, z' two codes::

        prior_mismatch = D² / (2 E‖z − N‖)
        D² = 2 E‖z − N‖ − E‖N − N'‖ − E‖z − z'‖

    0 if and only if the codes have the law N(0, I), below 1 always. Lower is better.

    Parameters
    ----------
    X_latent : array-like of shape (n_samples, n_components)
        Codes. Of a variational model: posterior samples, not means.

    y : array-like of shape (n_samples,), default=None
        Not used, apart from its length being checked.

    prior : {"standard_normal"}, default="standard_normal"
        Law to compare with.

    max_samples : int, default=4000
        Codes used at most, chosen at random.

    random_state : int, RandomState instance or None, default=None
        Seed of the choice.

    Returns
    -------
    value : float
        Energy coefficient, in [0, 1).

    See Also
    --------
    latent_prior : The value with its interval, its noise floor, and what it consists of.
    unbounded_extent : Whether codes lie farther out than N(0, I) does.

    Notes
    -----
    Invariant to rotations; neither to translations nor to scale, by purpose. Cost:
    O(max_samples² · n_components) time, memory bounded. See `latent_prior` for more.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import prior_mismatch
    >>> X_latent = np.random.RandomState(0).normal(size=(1000, 2))
    >>> prior_mismatch(X_latent, random_state=0) < 0.001
    True
    >>> round(prior_mismatch(10 * X_latent, random_state=0), 1)
    0.2
    """
    streams = Streams(random_state)
    _, used, _ = _chosen_codes(X_latent, y, None, prior, max_samples, streams)
    return float(max(0.0, _coefficient(used, _mean_distance_to_normal(used))))


def latent_prior(
    X_latent,
    y=None,
    *,
    X_latent_std=None,
    prior="standard_normal",
    max_samples=4000,
    n_resamples=20,
    confidence_level=0.95,
    random_state=None,
):
    """How far the law of the codes is from the prior N(0, I), and in which way.

    The value is the energy coefficient, with N, N' independent draws from N(0, I) and z, z'
    two codes::

        prior_mismatch = D² / (2 E‖z − N‖)
        D² = 2 E‖z − N‖ − E‖N − N'‖ − E‖z − z'‖

    Beside it stands the divergence KL(q ‖ N(0, I)) of the law q of the codes, of mean m and
    covariance S, in nats, as a sum of three terms::

        location = ‖m‖² / 2
        scale    = (tr S − d − log det S) / 2
        shape    = KL(q ‖ N(m, S))

    Parameters
    ----------
    X_latent : array-like of shape (n_samples, n_components)
        Codes. Of a variational model: posterior samples; or, with ``X_latent_std``, the
        posterior means.

    y : array-like of shape (n_samples,), default=None
        Not used, apart from its length being checked.

    X_latent_std : array-like of shape (n_samples, n_components), default=None
        Posterior standard deviations of a Gaussian encoder, all positive. Then one posterior
        sample of every row takes the place of its code in all that is computed.

    prior : {"standard_normal"}, default="standard_normal"
        Law to compare with.

    max_samples : int, default=4000
        Codes used at most, chosen at random.

    n_resamples : int, default=20
        Number of half-samples for the interval; 0 gives a NaN interval.

    confidence_level : float, default=0.95
        Level of the interval.

    random_state : int, RandomState instance or None, default=None
        Seed of everything drawn at random.

    Returns
    -------
    result : :class:`~sklearn.utils.Bunch`
        With the fields

        metric : str
            ``"prior_mismatch"``.
        value : float
            Energy coefficient, in [0, 1).
        interval : tuple of (low, high)
            Confidence interval of the value.
        floor : float
            What the value of as many codes from N(0, I) stays below with probability 0.95.
        ideal : float
            0.
        location, scale, shape : float
            Terms of the divergence, in nats; slightly below 0 at times, being free of bias.
        kl : float
            Their sum.
        sliced_ks : ndarray of shape (n_components,)
            Kolmogorov distance of every axis from N(0, 1).
        sliced_ks_mean, sliced_ks_max : float
            Mean and maximum of that distance over 64 random directions.
        marginal_kl, rate, mutual_information : float or None
            With q̄ the mixture of all posteriors, KL(q̄ ‖ N(0, I)); the mean divergence of
            the posteriors from N(0, I); and their difference I(x; z). In nats; None without
            ``X_latent_std``.
        sampler : None
            Nothing is drawn.
        n_samples, n_components : int
            Shape of ``X_latent``.

    Raises
    ------
    ValueError
        If all codes are equal, or a standard deviation is not positive.

    See Also
    --------
    prior_mismatch : The value alone.
    latent_extent : Whether codes lie farther out than N(0, I) does.
    active_units : Which axes differ from the prior for every single input.

    Notes
    -----
    Invariant to rotations are the value and the terms of the divergence, and the sliced
    distances over random directions, which are drawn in the frame of the codes' principal axes;
    ``sliced_ks`` belongs to axes. Nothing is invariant to translations or to scale but
    ``shape``, which no invertible affine map changes. Scale alone does not bring the
    value above 1 − 1/√2 = 0.293, distance brings it to 1.

    E‖z − N‖ is computed to rounding for every code, from an integral over one variable, and
    E‖z − z'‖ from all pairs, so that the value has no bias but for being cut at 0. If the codes
    are from N(0, I), n D² is a weighted sum of centred χ² variables. ``floor`` is the 95 %
    quantile of c (χ²_d − d), with c such that it has the exact variance; over 3000 samples of
    200 codes the value exceeded it in 4.7 to 6.0 % for d from 1 to 128.

    The interval comes from half-samples of the codes used, less the part of the error of pairs
    that half-samples count thrice. Nominal 95 % intervals held the truth in 0.88 to 0.98 of 150 to
    400 samples of 300 or 1500 codes at d = 2, 16 and 64, from N(0, σ²I) with σ = 1.1 or 2 and
    from N(a, I) with ‖a‖ = 0.2 or 1, with one exception: 0.84 at d = 2, n = 300, ‖a‖ = 0.2, a
    mismatch just above its floor. They are conservative, 0.96 to 0.99, for N(0, I).

    ``location`` and ``scale`` are free of the bias by d/(2n) and by some d²/(4n) that m and S of
    n codes bring in (the latter exactly for Gaussian codes only). ``shape`` is the entropy of a
    Gaussian less that of the codes by the distance to their fifth neighbours [2]_, both
    of whitened codes and with the same n, so that the estimate's bias cancels for codes that are
    Gaussian. It is too small in many dimensions, where neighbours are far; the exact mixture
    in ``marginal_kl`` is not. If the codes span fewer than d dimensions ``scale`` and ``kl`` are
    infinite, which they are for such a law, and ``shape`` is that of the subspace they span;
    with fewer than d + 2 codes ``scale``, ``shape`` and ``kl`` cannot be estimated and are
    NaN. If more than five codes coincide, their distance is taken for the smallest one
    that is not 0.

    Of a perfect axis of n codes used, ``sliced_ks`` is below 1.36/√n with probability 0.95.
    ``marginal_kl`` and ``mutual_information`` are of the mixture of the rows used: no information
    can exceed log n, and as it comes near, it is too small and ``marginal_kl`` too large (by
    0.07 nats of 4.8 for four axes of σ = 0.3 and n = 4000).

    Cost: O(n² d) for the n ≤ ``max_samples`` codes used, some five times that with the
    interval; memory bounded.

    References
    ----------
    .. [1] G. J. Székely and M. L. Rizzo, "Energy statistics: a class of statistics based on
       distances", J. Statistical Planning and Inference 143, 2013, section 5.1
       (the coefficient).
    .. [2] A. Kraskov, H. Stögbauer and P. Grassberger, "Estimating mutual information",
       Phys. Rev. E 69, 2004, eq. 20.
    .. [3] M. D. Hoffman and M. J. Johnson, "ELBO surgery", NIPS workshop on approximate
       Bayesian inference, 2016 (``rate`` = ``mutual_information`` + ``marginal_kl``).

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import latent_prior
    >>> X_latent = np.random.RandomState(0).normal(size=(2000, 2)) + [3, 4]
    >>> result = latent_prior(X_latent, random_state=0)
    >>> result.value > result.floor
    True
    >>> round(result.location), round(result.scale), round(result.shape)
    (12, 0, 0)
    """
    check_resampling(n_resamples, confidence_level)
    streams = Streams(random_state)
    codes, used, posteriors = _chosen_codes(X_latent, y, X_latent_std, prior, max_samples, streams)
    distances = _mean_distance_to_normal(used)
    value = _coefficient(used, distances)
    error = half_sample_error(
        lambda half: _coefficient(used[half], distances[half]),
        len(used),
        n_resamples,
        streams("half-samples"),
    )
    error = _without_excess(error, *used.shape)
    by_direction = _ks_to_normal(used @ _directions(used, streams("directions")))
    return estimate(
        "prior_mismatch",
        max(0.0, value),
        codes=codes,
        interval=symmetric_interval(value, error, confidence_level, low=0.0, high=1.0),
        floor=min(1.0, _null_quantile(*used.shape, 0.95)),
        ideal=0.0,
        **_kl_terms(used),
        sliced_ks=_ks_to_normal(used),
        sliced_ks_mean=float(by_direction.mean()),
        sliced_ks_max=float(by_direction.max()),
        **_mixture_divergences(posteriors, used),
    )


def _chosen_codes(X_latent, y, X_latent_std, prior, max_samples, streams):
    """All codes; those used, or posterior samples of them; and their posteriors, if given.

    Posteriors are triples: means, standard deviations, and the standard normal noise of the
    samples.
    """
    check_choice(prior, "prior", PRIORS)
    check_scalar(max_samples, "max_samples", Integral, min_val=2)
    codes = check_latent(X_latent, spread=X_latent_std is None)
    if y is not None:
        check_consistent_length(codes, y)
    warn_of_few(min(len(codes), max_samples), name="X_latent")
    rows = subsample(len(codes), max_samples, streams("reference"))
    if X_latent_std is None:
        return codes, codes[canonical_order(codes)[rows]], None
    std = check_std(X_latent_std, codes.shape, name="X_latent_std")
    rows = canonical_order(np.hstack([codes, std]))[rows]
    noise = streams("posterior").standard_normal((len(rows), codes.shape[1]))
    return codes, codes[rows] + std[rows] * noise, (codes[rows], std[rows], noise)


# The energy coefficient


def _mean_norm(n_components):
    """E‖N‖ of N(0, I): √2 Γ((d + 1)/2) / Γ(d/2)."""
    half = n_components / 2
    return np.sqrt(2) * np.exp(gammaln(half + 0.5) - gammaln(half))


def _mean_distance_to_normal(codes):
    """E‖z − N‖ for every code z."""
    return _mean_distance_at(np.linalg.norm(codes, axis=1), codes.shape[1])


def _mean_distance_at(radius, n_components):
    """E‖z − N‖ at some distances r of z from the origin, to rounding.

    From E√Q = π^{-1/2} ∫ (1 − E exp(−u²Q)) u⁻² du over u > 0, for Q = ‖z − N‖²::

        π^{-1/2} ∫ (1 − (1 + 2u²)^{−d/2} exp(−r²u² / (1 + 2u²))) u⁻² du

    with u = c tan θ, c = (d + r²)^{-1/2}, by Gauss-Legendre nodes in θ. The confluent
    hypergeometric function of the closed form overflows at d = 128, r = 10 already.
    """
    radius = np.asarray(radius, dtype=np.float64)
    scale = 1 / np.sqrt(n_components + radius**2)
    nodes, weights = _nodes(0, np.pi / 2, 96)
    total = np.zeros_like(radius)
    for theta, weight in zip(nodes, weights, strict=True):  # one by one: memory
        square = (scale * np.tan(theta)) ** 2
        exponent = n_components / 2 * np.log1p(2 * square) + radius**2 * square / (1 + 2 * square)
        total -= weight / np.sin(theta) ** 2 * np.expm1(-exponent)
    return total / (np.sqrt(np.pi) * scale)


def _nodes(low, high, n_nodes):
    """Gauss-Legendre nodes and weights of an interval."""
    nodes, weights = _gauss_legendre(n_nodes)
    return low + (nodes + 1) * (high - low) / 2, weights * (high - low) / 2


def _coefficient(codes, distances):
    """D² / (2 E‖z − N‖), from codes and the mean distance of each to N(0, I)."""
    between = 2 * distances.mean()
    return 1 - (np.sqrt(2) * _mean_norm(codes.shape[1]) + _mean_distance(codes)) / between


def _mean_distance(codes):
    """Mean distance of two different codes; NaN for one code."""
    n_samples = len(codes)
    if n_samples < 2:
        return np.nan
    # Matrix products of far-off numbers would lose the distances to rounding.
    blocks = pairwise_distances_chunked(codes - codes.mean(axis=0), working_memory=BLOCK_MEGABYTES)
    return sum(block.sum() for block in blocks) / (n_samples * (n_samples - 1))


def _null_variance(n_components):
    """Variance of the centred distance of two codes from N(0, I), the kernel of D².

    With E‖x − y‖² = 2d it is 2d + (E‖x − y‖)² − 2 E[(E‖x − N‖)²]: the distance variance of
    N(0, I) [J. Dueck et al., Bernoulli 20, 2014].
    """
    radius, weights = _normal_radii(n_components)
    squares = weights @ _mean_distance_at(radius, n_components) ** 2
    return 2 * n_components + 2 * _mean_norm(n_components) ** 2 - 2 * squares


def _normal_radii(n_components):
    """Nodes of the norm of N(0, I), and their weights, which sum to 1."""
    middle = np.sqrt(n_components)
    radius, weights = _nodes(max(0.0, middle - 5), middle + 5, 64)
    log_density = (n_components - 1) * np.log(radius) - radius**2 / 2
    weights = weights * np.exp(log_density - log_density.max())
    return radius, weights / weights.sum()


def _null_quantile(n_samples, n_components, probability):
    """Quantile of the coefficient of n codes from N(0, I).

    n D² is a weighted sum of centred χ² variables; the d directions of a shift have the largest
    weights, and nearly all of the variance in many dimensions. So it is close to
    c (χ²_d − d), with c such that the variance 2 c² d is the true one, twice that of the kernel.
    """
    scale = np.sqrt(_null_variance(n_components) / n_components)
    quantile = chdtri(n_components, 1 - probability) - n_components
    return scale * quantile / (n_samples * 2 * np.sqrt(2) * _mean_norm(n_components))


def _without_excess(error, n_samples, n_components):
    """Standard error of the coefficient, from that of half-samples.

    A mean over pairs varies by V₁/n + V₂/n², and half-samples find V₁/n + 3 V₂/n². V₂ is
    taken from N(0, I), since it matters only where the law is near it.
    """
    pairs = 2 * _null_variance(n_components)
    pairs /= (n_samples * 2 * np.sqrt(2) * _mean_norm(n_components)) ** 2
    return np.sqrt(np.maximum(error**2 - 2 * pairs, pairs))


# The divergence in nats


def _kl_terms(codes):
    """Location, scale and shape of KL(q ‖ N(0, I)), and their sum."""
    n_samples, n_components = codes.shape
    mean, variances, axes, rank = covariance_spectrum(codes)
    location = (mean @ mean - variances.sum() / n_samples) / 2
    if rank == 0 or n_samples < n_components + 2:
        _warn(
            f"{n_samples} codes of {n_components} components do not determine a covariance: scale, "
            f"shape and kl are NaN. They need {n_components + 2} codes or more."
        )
        scale = shape = np.nan
    else:
        scale = _scale(variances, n_samples) if rank == n_components else np.inf
        shape = _shape((codes - mean) @ axes[:, :rank] / np.sqrt(variances[:rank]))
        if rank < n_components:
            _warn(
                f"The codes span {rank} of {n_components} dimensions: their divergence from "
                f"N(0, I) is infinite, and shape is that of the {rank} dimensions."
            )
    terms = {"location": location, "scale": scale, "shape": shape}
    return {name: float(term) for name, term in {**terms, "kl": sum(terms.values())}.items()}


def _warn(message):
    """Warn in the name of whoever called the public function."""
    warnings.warn(message, UserWarning, stacklevel=4)


def _scale(variances, n_samples):
    """(tr S − d − log det S) / 2, less its bias for Gaussian codes (E log det of a Wishart)."""
    n_components = len(variances)
    degrees = (n_samples - np.arange(1, n_components + 1)) / 2
    log_det_bias = np.sum(digamma(degrees) - np.log((n_samples - 1) / 2))
    log_det = np.log(variances).sum() - log_det_bias
    return (variances.sum() - n_components - log_det) / 2


def _shape(whitened):
    """Entropy of a Gaussian less that of whitened codes, by nearest neighbours.

    The estimates are the same function of the mean log distance to the k-th neighbour, for which
    that of as many Gaussian codes is known.
    """
    n_samples, n_components = whitened.shape
    k = check_n_neighbors(N_NEIGHBORS, n_samples, name="k of the entropy")
    distances = NeighborSearch(whitened).own(k)[0][:, -1]
    distinct = distances > DUPLICATE
    if not distinct.all():
        _warn(f"{np.sum(~distinct)} codes have {k} exact copies or more: shape tells little.")
    if not distinct.any():
        return np.inf
    logs = np.log(np.maximum(distances, distances[distinct].min()))
    return n_components * (_gaussian_log_distance(n_samples, n_components, k) - logs.mean())


def _gaussian_log_distance(n_samples, n_components, k):
    """Mean log distance to the k-th neighbour, for whitened codes from a Gaussian.

    For known mean and covariance, the squared distance from a code at radius r is the quantile
    of a non-central χ²(d, r²) at a Beta(k, n − k) variable. Whitening by the codes' own
    covariance turns half the squared distance of two codes from χ²_d into (n − 1)
    Beta(d/2, (n − 1 − d)/2); quantiles are mapped from the one to the other. By simulation
    the result is right to 0.1/d, for d up to 128 and n from 2.3 d on.
    """
    radius, weights = _normal_radii(n_components)
    levels, level_weights = _nodes(0, 1, 24)
    levels = betaincinv(k, n_samples - k, levels)
    half_squares = chndtrix(levels, n_components, radius[:, None] ** 2) / 2
    half, rest = n_components / 2, (n_samples - 1 - n_components) / 2
    lower, upper = gammainc(half, half_squares / 2), gammaincc(half, half_squares / 2)
    shares = np.where(lower < 0.5, betaincinv(half, rest, lower), betainccinv(half, rest, upper))
    return weights @ np.log(2 * (n_samples - 1) * shares) @ level_weights / 2


# One axis or direction at a time


def _directions(codes, rng):
    """Random unit vectors in columns, in a frame that turns with the codes."""
    directions = rng.standard_normal((codes.shape[1], N_DIRECTIONS))
    return covariance_spectrum(codes)[2] @ (directions / np.linalg.norm(directions, axis=0))


def _ks_to_normal(values):
    """Kolmogorov distance of every column from N(0, 1)."""
    n_samples = len(values)
    expected = ndtr(np.sort(values, axis=0))
    steps = np.arange(n_samples + 1)[:, None] / n_samples
    return np.maximum(steps[1:] - expected, expected - steps[:-1]).max(axis=0)


# Gaussian encoders


def _mixture_divergences(posteriors, codes):
    """KL of the mixture of posteriors from N(0, I), rate and mutual information.

    Of one sample z of every posterior, log q̄(z)/p(z) estimates the divergence, and
    log q(z|x)/p(z) the rate, which is known: the error of the latter, as far as it goes along
    with that of the former for inputs of the same rate, is taken off.
    """
    if posteriors is None:
        return {"marginal_kl": None, "rate": None, "mutual_information": None}
    means, std, noise = posteriors
    rates = kl_to_standard_normal(means, std).sum(axis=1)
    log_prior = -np.square(codes).sum(axis=1) / 2
    log_posterior = -np.square(noise).sum(axis=1) / 2 - np.log(std).sum(axis=1)
    ratio = _log_mixture(codes, means, std, log_posterior) - log_prior
    surplus = log_posterior - log_prior - rates
    columns = np.column_stack([surplus, rates, np.ones(len(codes))])
    slope = np.linalg.lstsq(columns, ratio, rcond=None)[0][0]
    marginal_kl, rate = ratio.mean() - slope * surplus.mean(), rates.mean()
    return {
        "marginal_kl": float(marginal_kl),
        "rate": float(rate),
        "mutual_information": float(rate - marginal_kl),
    }


def _log_mixture(codes, means, std, log_posterior):
    """log of the mean density of all posteriors at codes; like all here up to (d/2) log 2π.

    ``log_posterior`` is each code's density in its own posterior, which matrix products would
    lose to rounding for narrow posteriors.
    """
    center = means.mean(axis=0)
    codes, means, precision = codes - center, means - center, std**-2.0
    scaled, offsets = means * precision, np.square(means / std).sum(axis=1)
    log_scale, log_density = np.log(std).sum(axis=1), np.empty(len(codes))
    for start in range(0, len(codes), BLOCK_ROWS):
        block = codes[start : start + BLOCK_ROWS]
        squares = np.square(block) @ precision.T - 2 * block @ scaled.T + offsets
        logs = -np.maximum(squares, 0) / 2 - log_scale
        own = np.arange(len(block))
        logs[own, start + own] = log_posterior[start + own]
        log_density[start + own] = logsumexp(logs, axis=1)
    return log_density - np.log(len(codes))
