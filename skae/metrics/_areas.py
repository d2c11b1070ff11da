"""Areas that classes cover in a latent space, and how unequal they are."""

import warnings
from numbers import Integral

import numpy as np
from scipy.special import digamma, entr, gammaln, polygamma, softmax

from ._inputs import (
    check_choice,
    check_labels,
    check_latent,
    check_max_samples,
    check_scalar,
    class_list,
    labelled_order,
)
from ._resampling import Streams, check_resampling, estimate, half_sample_error, subsample
from ._search import NeighborSearch

__all__ = ["class_area_imbalance", "class_areas", "class_target", "total_variation"]

METHODS = ["knn", "gaussian"]

MIN_SAMPLES = 20

# Codes used for max_samples='auto', and those that every class keeps.
AUTO_SAMPLES, MIN_CLASS_SAMPLES = 20_000, 200

# Neighbours looked at in one class, at most; beyond, the entropy is averaged over fewer codes.
MAX_NEIGHBORS = 1_000_000

# Simulated sets of entropies that intervals and floor are quantiles of.
N_SIMULATIONS = 4000

# Halvings of the range that an end of the interval is searched in.
N_HALVINGS = 12

# How far shares are moved from the target at most, in units of the distance found.
MAX_STRETCH = 64

# Codes of which a half has a neighbour.
MIN_HALVED = 4

# Codes whose smallest extent is this share of the largest are flat.
FLATNESS = 1e-6


def knn_entropy(codes, k):
    """Kozachenko-Leonenko entropy in nats; -inf if every code has k duplicates.

    Zero distances, between duplicates, count as the smallest positive one.
    """
    n_samples, n_components = codes.shape
    k = min(k, n_samples - 1)
    step = -(-n_samples * k // MAX_NEIGHBORS)
    radii = NeighborSearch(codes).own(k, slice(None, None, step))[0][:, -1]
    if not radii.any():
        return -np.inf
    radii = np.maximum(radii, radii[radii > 0].min())
    log_ball = n_components / 2 * np.log(np.pi) - gammaln(n_components / 2 + 1)
    return digamma(n_samples) - digamma(k) + log_ball + n_components * np.log(radii).mean()


def gaussian_entropy(codes, k=None):
    """Entropy in nats of the normal law that the codes are from, without bias if they are.

    The bias of the log determinant of a Wishart matrix is known
    [N. Misra et al., J. Multivariate Anal. 92, 2005]; -inf for collinear codes.
    """
    n_samples, n_components = codes.shape
    scatter = (len(codes) - 1) * np.cov(codes, rowvar=False).reshape(n_components, n_components)
    sign, log_det = np.linalg.slogdet(scatter)
    if sign <= 0:
        return -np.inf
    bias = digamma((n_samples - np.arange(1, n_components + 1)) / 2).sum()
    return (n_components * np.log(np.pi * np.e) + log_det - bias) / 2


def total_variation(shares, target):
    """Half the sum of absolute differences, over the last axis."""
    return np.abs(shares - target).sum(axis=-1) / 2


def class_target(target, counts, kept=slice(None)):
    """Shares that the classes should have, of shape (n_kept,), summing to 1.

    Parameters
    ----------
    target : 'uniform', 'data' or array-like of shape (n_classes,)
    counts : ndarray of shape (n_classes,)
        Number of codes of each class.
    kept : index
        Classes that the shares are of.
    """
    if isinstance(target, str):
        if target not in ("uniform", "data"):
            raise ValueError(
                "target must be 'uniform', 'data' or an array of class shares. "
                f"Got {target!r} instead."
            )
        shares = np.ones(len(counts)) if target == "uniform" else counts
    else:
        shares = _given_shares(target, len(counts))
    shares = shares[kept]
    if not shares.sum() > 0:
        raise ValueError(f"target must be positive for at least one class. Got {target!r} instead.")
    return shares / shares.sum()


def _given_shares(target, n_classes):
    """Shares that the user gave, as an array."""
    try:
        shares = np.asarray(target, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(
            f"target must be 'uniform', 'data' or an array of class shares. Got {target!r} instead."
        ) from None
    if shares.shape != (n_classes,) or not (np.isfinite(shares).all() and (shares >= 0).all()):
        raise ValueError(
            f"target must hold a share >= 0 for each of the {n_classes} classes in y. "
            f"Got {target!r} instead."
        )
    return shares


def class_area_imbalance(
    X_latent, y, *, k=5, method="knn", target="uniform", max_samples="auto", random_state=None
):
    """Share of area that would have to change class for all classes to cover equal areas.

    The area of a class is A_c = exp(2 h_c / d), with h_c the entropy of its codes; with the
    shares s_c = A_c / Σ A the value is ``½ Σ |s_c − 1/K|``.

    Parameters
    ----------
    X_latent : array-like of shape (n_samples, n_components)
        Codes, at least 20.
    y : array-like of shape (n_samples,)
        Class labels.
    k : int, default=5
        Neighbours of the entropy estimate, in the smallest class. Larger classes take more
        in proportion to their size, so that all are smoothed alike.
    method : {'knn', 'gaussian'}, default='knn'
        Entropy by nearest neighbours, for classes of any shape; or of a normal law, for
        classes of few codes.
    target : {'uniform', 'data'} or array-like of shape (n_classes,), default='uniform'
        Shares to compare with: 1/K, the class frequencies, or any others in the order of
        the sorted labels.
    max_samples : int or 'auto', default='auto'
        Number of codes used, at most, drawn within the classes; each class keeps 200 of its
        codes or all. 'auto' means 20 000.
    random_state : int, RandomState instance or None, default=None
        Draws the subset.

    Returns
    -------
    imbalance : float
        In [0, 1 − 1/K]; lower is better, 0 is ideal. NaN, with a warning, for one class.

    See Also
    --------
    class_areas : The same with its interval, its noise floor and the areas.
    sampled_class_imbalance : The same distance, for the classes that draws land on.

    Notes
    -----
    It does not change if the codes are shifted, rotated or rescaled. See `class_areas`.

    Examples
    --------
    Two discs, one of twice the radius: areas 1 : 4, and 0.3 of the sum would have to move.

    >>> import numpy as np
    >>> from skae.metrics import class_area_imbalance
    >>> rng = np.random.RandomState(0)
    >>> disc = rng.standard_normal((4000, 2))
    >>> disc *= np.sqrt(rng.uniform(size=(4000, 1))) / np.linalg.norm(disc, axis=1, keepdims=True)
    >>> y = np.repeat(["small", "large"], 2000)
    >>> disc[y == "large"] = 2 * disc[y == "large"] + 5
    >>> round(class_area_imbalance(disc, y), 1)
    0.3
    """
    return class_areas(
        X_latent,
        y,
        k=k,
        method=method,
        target=target,
        max_samples=max_samples,
        n_resamples=0,
        random_state=random_state,
    ).value


def class_areas(
    X_latent,
    y,
    *,
    k=5,
    method="knn",
    target="uniform",
    max_samples="auto",
    n_resamples=20,
    confidence_level=0.95,
    random_state=None,
):
    """Area that each class covers in the latent space, and how unequal the areas are.

    The area of a class is A_c = exp(2 h_c / d), with h_c the entropy of its codes in nats. In
    two dimensions it is the area of the uniform law of the same entropy: that of a disc for a
    uniform disc, 2πe √det Σ for a normal law, and without its hole for a ring. In any number
    of dimensions it scales as a length squared, so that four times the area is twice the size.

    Parameters
    ----------
    X_latent : array-like of shape (n_samples, n_components)
        Codes, at least 20. Axes that are constant are left out, with a warning.
    y : array-like of shape (n_samples,)
        Class labels.
    k : int, default=5
        Neighbours of the entropy estimate, in the smallest class.
    method : {'knn', 'gaussian'}, default='knn'
        Entropy by nearest neighbours or of a normal law.
    target : {'uniform', 'data'} or array-like of shape (n_classes,), default='uniform'
        Shares to compare with; see `class_area_imbalance`.
    max_samples : int or 'auto', default='auto'
        Number of codes used, at most; see `class_area_imbalance`.
    n_resamples : int, default=20
        Number of half-samples for intervals and floor; 0 for none. Each costs half the value.
    confidence_level : float, default=0.95
        Of the intervals.
    random_state : int, RandomState instance or None, default=None
        Draws the subset, the half-samples and the simulated errors.

    Returns
    -------
    result : Bunch
        Its fields:

        metric : str
            'class_area_imbalance'.
        value : float
            The `class_area_imbalance`.
        interval : tuple of (low, high)
            Interval of the value; NaN without resamples.
        floor : float
            What classes of equal entropy stay below with probability 0.95; NaN without
            resamples.
        ideal : float
            0.
        sampler : None
            Nothing is drawn from a law.
        classes : ndarray of shape (K,)
            Sorted labels of the classes that were measured.
        area, share : ndarray of shape (K,)
            A_c, in squared latent units, and A_c / Σ A.
        share_low, share_high : ndarray of shape (K,)
            Intervals of the shares.
        log_volume, log_volume_error : ndarray of shape (K,)
            h_c, the log of the volume that the class covers, and its standard error.
        target : ndarray of shape (K,)
            What the shares are compared with.
        gini : float
            Gini coefficient of the shares, in [0, 1 − 1/K].
        effective_classes : float
            exp(−Σ s log s), in [1, K].
        ratio : float
            Largest area by smallest area.
        ratio_interval : tuple of (low, high)
            Of the ratio of these two classes.
        largest, smallest : label
            These two classes.
        dropped : ndarray
            Labels of classes too small to be measured: of at most ``k`` codes ('knn'), or
            fewer than ``2 * (d + 1)`` ('gaussian').
        n_samples, n_components : int
            Of ``X_latent``.

    See Also
    --------
    class_area_imbalance : The value alone.
    sampled_classes : Which classes draws land on.

    Notes
    -----
    Areas are biased upwards by edges, the more the higher the dimension; ratios are hardly so,
    since every class takes the same share of its codes as neighbours, k_c / n_c.

    The error of each entropy is by half-samples, as classes are independent; errors of that
    size, of Student's law, are simulated to give intervals and floor. Those of the shares are
    quantiles. Errors make the imbalance too large, the more the more classes there are and the
    fewer codes they have, and simulated errors on top would do so again: its interval holds
    those imbalances of which the one found is no exceptional outcome, along the way from
    the target to the shares found and beyond. Most of it may lie below the value, which is
    then too large; its upper end is never below the value, and its lower end is 0 where
    nothing is detected.

    In simulations with K normal classes of log areas equally spaced from -a to a (K = 2, 10 and
    26, 30 to 200 codes each, 2 and 16 dimensions, a from 0.1 to 0.3, 150 to 400 repeats each)
    95 % intervals held the true imbalance in 92 to 99 % of the cases, and those of the shares in
    95 to 98 %, 92 % for 100 classes of 10 codes. Ten equal classes of 100 codes had intervals
    that held 0 in all cases; of five equal classes of 25 or 100 codes the value exceeded the
    floor in 1 to 3 %.

    Failure modes: duplicates or a class on a line make entropies meaningless, with a warning;
    inactive axes add the same noise to every class and pull the imbalance to 0; a class in two
    far pieces counts both and nothing between; and area is not quality.

    References
    ----------
    L. F. Kozachenko and N. N. Leonenko, "Sample estimate of the entropy of a random
    vector", Problems Inform. Transmission 23, 1987 (k = 1); M. N. Goria et al., J.
    Nonparametric Statistics 17, 2005 (any k).

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import class_areas
    >>> rng = np.random.RandomState(0)
    >>> y = np.repeat([1, 8], 1000)
    >>> X_latent = rng.standard_normal((2000, 2)) * np.where(y == 1, 2, 1)[:, np.newaxis]
    >>> result = class_areas(X_latent, y, random_state=0)
    >>> print(f"{result.largest} is {result.ratio:.0f} x {result.smallest}")
    1 is 4 x 8
    >>> bool(result.value > result.floor)
    True
    """
    _check_params(k, method, max_samples, n_resamples, confidence_level)
    codes = check_latent(X_latent, min_samples=MIN_SAMPLES)
    classes, index = check_labels(y, len(codes))
    counts, active = np.bincount(index), np.ptp(codes, axis=0) > 0
    kept = _kept_classes(classes, counts, k, method, active.sum())
    target = class_target(target, counts, kept)

    streams = Streams(random_state)
    order = labelled_order(codes, index, streams("ties"))
    groups, turn = _class_codes(
        codes[order][:, active], index[order], kept, max_samples, streams("subsample")
    )
    log_volume, error, noise = _entropies(groups, turn, k, method, n_resamples, streams)
    measured = _imbalance(log_volume, error, noise, target, active.sum(), confidence_level)
    labels = classes[kept]
    _warn_of_degenerate([groups[c] for c in np.argsort(turn)], labels, k, method)
    return estimate(
        "class_area_imbalance",
        codes=codes,
        ideal=0,
        classes=labels,
        log_volume=log_volume,
        log_volume_error=error,
        target=target,
        largest=labels[np.argmax(log_volume)],
        smallest=labels[np.argmin(log_volume)],
        dropped=np.delete(classes, kept),
        **measured,
    )


def _check_params(k, method, max_samples, n_resamples, confidence_level):
    """Raise for parameters of the wrong type or out of range."""
    check_scalar(k, "k", Integral, min_val=1)
    check_choice(method, "method", METHODS)
    check_max_samples(max_samples, min_val=MIN_SAMPLES)
    check_resampling(n_resamples, confidence_level)


def _kept_classes(classes, counts, k, method, n_components):
    """Positions of the classes large enough to be measured; warn of the others."""
    if method == "knn":
        smallest, reason = k + 1, f"k={k}"
    else:
        smallest, reason = 2 * (n_components + 1), f"method={method!r} in {n_components} dimensions"
    kept, dropped = np.flatnonzero(counts >= smallest), np.flatnonzero(counts < smallest)
    if len(kept) == 0:
        raise ValueError(
            f"No class in y has the {smallest} codes that {reason} needs. Got at most "
            f"{counts.max()} in one class instead."
        )
    if len(dropped):
        sizes = [f"{n} codes" for n in counts[dropped]]
        named = class_list(classes[dropped].tolist(), "is|are", sizes)
        _warn(f"{named} left out: {reason} needs {smallest} codes of a class.")
    if len(kept) == 1:
        _warn(
            f"The imbalance is NaN: {classes.tolist()[kept[0]]!r} is the only class that can be "
            "measured, and there is nothing to compare it with."
        )
    return kept


def _warn(message):
    """Warn the caller of `class_areas`."""
    warnings.warn(message, UserWarning, stacklevel=4)


def _class_codes(codes, index, kept, max_samples, rng):
    """Codes of each class, fewer of large classes if there are too many, and their order.

    Classes come in the order of their first codes, since what they are called must not
    decide which random numbers they get.
    """
    max_samples = AUTO_SAMPLES if max_samples == "auto" else max_samples
    rows = np.split(np.argsort(index, kind="stable"), np.cumsum(np.bincount(index))[:-1])
    turn = np.argsort([rows[c][0] for c in kept])
    groups = []
    for c in kept[turn]:
        size = max(MIN_CLASS_SAMPLES, round(max_samples / len(codes) * len(rows[c])))
        groups.append(codes[rows[c][subsample(len(rows[c]), size, rng)]])
    return groups, turn


def _entropies(groups, turn, k, method, n_resamples, streams):
    """Entropy of each class, its standard error, and simulated errors in units of that.

    The simulated ones follow Student's law, since standard errors are of few half-samples.
    """
    sizes = np.array([len(group) for group in groups])
    ks = np.maximum(k, np.rint(k * sizes / sizes.min()).astype(int))
    rng = streams("half-samples")
    found = [
        _entropy(group, k_class, method, n_resamples, rng)
        for group, k_class in zip(groups, ks, strict=True)
    ]
    size = N_SIMULATIONS, len(groups)
    noise = streams("simulation").standard_t(max(1, n_resamples - 1), size)
    back = np.argsort(turn)
    return *np.transpose(found)[:, back], noise[:, back]


def _entropy(codes, k, method, n_resamples, rng):
    """Entropy of one class and its standard error."""
    entropy = knn_entropy if method == "knn" else gaussian_entropy
    value = entropy(codes, k)
    if np.isinf(value):
        return value, 0 if n_resamples else np.nan
    if len(codes) < MIN_HALVED and n_resamples:  # one term, as of a normal law with known density
        return value, np.sqrt(polygamma(1, min(k, len(codes) - 1)) + codes.shape[1] / 2)
    with np.errstate(invalid="ignore"):  # half-samples may be all duplicates
        return value, half_sample_error(
            lambda rows: entropy(codes[rows], k), len(codes), n_resamples, rng
        )


def _warn_of_degenerate(groups, labels, k, method):
    """Warn of classes whose entropy is -inf or tends to it."""
    collapsed, copied, shares, flat = [], [], [], []
    for codes, label in zip(groups, labels.tolist(), strict=True):
        copies = np.unique(codes, axis=0, return_counts=True)[1]
        if len(copies) == 1:
            collapsed.append(label)
        elif method == "knn" and copies.max() > k:
            copied.append(label)
            shares.append(f"{copies[copies > k].sum() / len(codes):.0%} of its codes")
        elif _is_flat(codes):
            flat.append(label)
    if collapsed:
        _warn(f"{class_list(collapsed, 'has|have')} collapsed to one point: its area is 0.")
    if copied:
        _warn(
            f"{class_list(copied, 'has|have', shares)} k={k} duplicates or more: its area is too "
            "small, or not defined at all."
        )
    if flat:
        _warn(
            f"{class_list(flat, 'lies|lie')} in fewer than the {groups[0].shape[1]} dimensions of "
            "the codes: its area is 0 in the limit of many codes, and not defined for few."
        )


def _is_flat(codes):
    """Whether more codes than dimensions lie in a subspace, but for rounding."""
    if len(codes) <= codes.shape[1] or codes.shape[1] == 1:
        return False
    variances = np.linalg.eigvalsh(np.cov(codes, rowvar=False))
    return variances[0] < FLATNESS**2 * variances[-1]


def _imbalance(log_volume, error, noise, target, n_components, confidence_level):
    """What is derived from the entropies, with intervals and floor by simulated errors."""
    ends = (1 - confidence_level) / 2, (1 + confidence_level) / 2
    largest, smallest = np.argmax(log_volume), np.argmin(log_volume)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # areas may be 0
        log_area, noise = log_volume * 2 / n_components, error * noise * 2 / n_components
        share = softmax(log_area)
        shares = softmax(log_area + noise, axis=1)
        under_null = softmax(np.log(target) + noise, axis=1)
        log_ratio = log_area[largest] - log_area[smallest]
        ratio_noise = np.quantile(noise[:, largest] - noise[:, smallest], ends)
        ratio_interval = np.exp(log_ratio + ratio_noise)
        interval = _interval(share, noise, target, ends[0])
    low, high = np.quantile(shares, ends, axis=0)
    unit = 1 if len(target) > 1 else np.nan  # the imbalance of one class is not defined
    return {
        "value": unit * total_variation(share, target),
        "interval": unit * np.array(interval),
        "floor": unit * np.quantile(total_variation(under_null, target), 0.95),
        "area": np.exp(log_area),
        "share": share,
        "share_low": low,
        "share_high": high,
        "gini": gini(share),
        "effective_classes": float(np.exp(entr(share).sum())),
        "ratio": float(np.exp(log_ratio)),
        "ratio_interval": tuple(ratio_interval.tolist()),
    }


def _interval(share, noise, target, tail):
    """Interval of the imbalance: all values that would not make the one found exceptional.

    Errors of the entropies add to the imbalance, and those of many classes nearly always do:
    quantiles of the value found with further errors would be too large twice. Instead shares
    from the target to those found, and beyond, are taken for the true ones in turn; an end is
    where a probability of ``tail`` is left that errors bring their imbalance past that found.
    The upper end is never below the value.
    """
    value = total_variation(share, target)
    if np.isnan(noise).any():
        return np.nan, np.nan

    def exceeded(stretch):
        with np.errstate(divide="ignore", invalid="ignore"):
            found = softmax(np.log(_stretched(share, target, stretch)) + noise, axis=1)
        return np.mean(total_variation(found, target) >= value)

    low, high = 0.0, 1.0
    if exceeded(0.0) < tail:
        low = _crossing(lambda stretch: exceeded(stretch) >= tail, 0.0, 1.0)
    while high < MAX_STRETCH and exceeded(high) < 1 - tail:
        high *= 2
    if high > 1:
        high = _crossing(lambda stretch: exceeded(stretch) >= 1 - tail, high / 2, high)
    return low * value, max(value, total_variation(_stretched(share, target, high), target))


def _stretched(share, target, stretch):
    """Shares on the way from the target (0) to those found (1), or beyond."""
    if stretch <= 1:
        return target + stretch * (share - target)
    base = np.where(target > 0, target, 1 / len(target))
    ratio = np.log(share / base)
    return softmax(np.log(share) + (stretch - 1) * ratio)


def _crossing(reached, low, high):
    """Where a condition that fails at ``low`` and holds at ``high`` begins to hold."""
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return (low + high) / 2


def gini(shares):
    """Gini coefficient of shares that sum to 1."""
    n_classes = len(shares)
    return float((2 * np.arange(1, n_classes + 1) - n_classes - 1) @ np.sort(shares) / n_classes)
