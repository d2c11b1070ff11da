"""Where codes support draws: calibrated neighbour distances, and the share of draws in gaps."""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy.special import ndtri
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted, validate_data

from skae._validation import (
    Interval,
    StrOptions,
    _fit_context,
    as_numpy,
    restored_on_error,
)

from ._draws import latent_draws, sampler_name
from ._inputs import (
    canonical_order,
    check_latent,
    check_max_samples,
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
from ._search import NeighborSearch, reference_cap

__all__ = ["LatentSupport", "gap_fraction", "latent_gaps"]

# Codes of which a half can be searched among.
MIN_SAMPLES = 6

# Variance of the share of unsupported draws under a perfect sampler, in units of the binomial
# variance of n_samples trials. It exceeds 1 because neighbours share their neighbours.
CALIBRATION_VARIANCE = 1.5


def thinned(codes, n_copies):
    """Rows such that no code comes more than ``n_copies`` times.

    The nearest ``n_copies`` codes of a point are as far among these rows as among all, and a
    tree would compare all copies of a code with each other.
    """
    first = np.sort(codes[:, 0])
    if not np.any(first[n_copies:] == first[:-n_copies]):  # hardly ever, and quick to say
        return np.arange(len(codes))
    order = np.lexsort(codes.T)
    is_copy = np.r_[False, (codes[order[1:]] == codes[order[:-1]]).all(axis=1)]
    place = np.arange(len(codes))
    copies_before = place - np.maximum.accumulate(np.where(is_copy, 0, place))
    return np.sort(order[copies_before < n_copies])


class NeighborScores:
    """Distance to the k-th nearest code, absolute and relative to its neighbours' own.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        At least ``2 * k + 1`` codes.
    k : int

    Attributes
    ----------
    search : NeighborSearch
        Among ``codes[rows]``, of which none comes more often than matters.
    own : ndarray of shape (n_samples, 2)
        Scores of the codes, each among the others; those left out of ``rows`` come last.
    ascending : ndarray of shape (n_samples, 2)
        Both columns of ``own``, each sorted by itself.
    """

    def __init__(self, codes, k):
        self.k = k
        self.rows = thinned(codes, 2 * k + 1)
        self.search = NeighborSearch(codes[self.rows])
        # Points this close are equal but for rounding.
        self.rounding = 8 * np.finfo(np.float64).eps * np.abs(codes).max() * len(codes.T) ** 0.5
        distances, indices = self._rounded(self.search.own(2 * k))
        self.radii = distances[:, k - 1]
        # What leaves a code out leaves it out of its neighbours' neighbours too.
        is_mutual = distances <= self.radii[indices] * (1 + 1e-9)
        radii = np.where(is_mutual, distances[indices, k], self.radii[indices])
        copies = np.zeros((len(codes) - len(self.rows), 2))
        self.own = np.vstack([_scores(self.radii, radii), copies])
        self.ascending = np.sort(self.own, axis=0)

    def of(self, points):
        """Scores of points, of shape (n_points, 2)."""
        distances, indices = self._rounded(self.search.points(points, 2 * self.k))
        return _scores(distances[:, self.k - 1], self.radii[indices])

    def _rounded(self, found):
        distances, indices = found
        return np.where(distances > self.rounding, distances, 0), indices

    def ranks(self, scores):
        """How many codes have a score at least as large, the smaller of the two counts."""
        counts = [
            len(column) - np.searchsorted(column, score, side="left")
            for column, score in zip(self.ascending.T, scores.T, strict=True)
        ]
        return np.minimum(*counts)

    def threshold(self, alpha):
        """Rank r so that a new point of the codes' law ranks below it with probability alpha.

        At most a share ``alpha`` of the codes, counted as if the point were one of them,
        has rank r or less.
        """
        n_codes = len(self.own)
        allowed = min(int(alpha * (n_codes + 1)), n_codes - 1)
        return max(1, np.sort(self.ranks(self.own))[allowed] - 1)


def _scores(radii, neighbour_radii):
    """Both scores as columns; among duplicates the relative one is 0 or infinite."""
    mean = neighbour_radii.mean(axis=1)
    relative = np.divide(radii, mean, out=np.full(len(radii), np.inf), where=mean > 0)
    return np.column_stack([radii, np.where(radii > 0, relative, 0)])


class LatentSupport(OutlierMixin, BaseEstimator):
    """Tell the points of a latent space that codes support from those in gaps.

    Two scores say how scarce codes are about a point z: s₁(z) = d_k(z), the distance to the
    k-th nearest code, and s₂(z) = d_k(z) / mean_j d_k(z_j) over the 2k nearest codes z_j. The
    first finds thin outskirts, the second narrow gaps between dense regions. Both are ranked
    among the scores that the codes themselves have when left out: p_i is the share of codes
    that score at least as high, and t = min(p₁, p₂). A point is supported if t exceeds the
    threshold that a new point of the codes' own law misses with probability ``alpha``, in
    any number of dimensions; that is, if s₁ ≤ ``radius_`` and s₂ ≤ ``contrast_``.

    Parameters
    ----------
    k : int, default=5
        Which neighbour's distance is taken. With fewer than ``2 * k + 1`` codes it is
        reduced, with a warning.
    alpha : float, default=0.05
        Share of the codes that count as stragglers, in (0, 1).
    max_samples : int or 'auto', default='auto'
        Number of codes to search among, at most; a random subset of them if there are
        more. 'auto' means 200 000 in up to 3 dimensions, 50 000 in up to 6, 20 000 above.
    random_state : int, RandomState instance or None, default=None
        Draws the subset.

    Attributes
    ----------
    radius_ : float
        Largest s₁ of a supported point, in latent units. Gaps narrower than about twice
        this cannot be seen.
    contrast_ : float
        Largest s₂ of a supported point.
    offset_ : float
        Threshold of `score_samples`, half a rank above the largest score of an
        unsupported point.
    k_ : int
        The k that was used.
    n_features_in_ : int
        Number of features (latent components) seen during fit.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if X had names that are all strings.

    See Also
    --------
    gap_fraction : Share of the draws of a sampler that are not supported.
    sklearn.neighbors.LocalOutlierFactor : Ratios of densities alone, not calibrated.

    Notes
    -----
    The calibration inside `fit` leaves every code out of its own neighbours. `predict` and
    `score_samples` do not, since they are made for new points such as draws, as those of
    ``LocalOutlierFactor(novelty=True)`` are: of the codes themselves they call fewer than
    ``alpha`` unsupported, and so does `fit_predict`.

    Up to a share ``alpha`` of stragglers does no harm; more of them are support. Above some 20
    dimensions the hollow of a shell of codes is closer to them than they are to each other,
    and passes as supported. Codes of which more than ``1 - alpha`` have k duplicates leave
    ``radius_`` at 0, with a warning.

    That no support is found for a draw does not say that it decodes badly.

    Cost: O(n log n) up to 6 dimensions, and O(n² d) for the at most 20 000 codes above.

    References
    ----------
    M. M. Breunig et al., "LOF: identifying density-based local outliers", SIGMOD, 2000
    (s₂ is its simplified form); R. F. Barber et al., "Predictive inference with the
    jackknife+", Annals of Statistics 49, 2021 (calibration by leaving out).

    Examples
    --------
    Keep the draws that codes support.

    >>> import numpy as np
    >>> from skae.metrics import LatentSupport
    >>> rng = np.random.RandomState(0)
    >>> X_latent = rng.standard_normal((1000, 2))
    >>> support = LatentSupport().fit(X_latent)
    >>> support.predict([[0, 0], [6, 6]])
    array([ 1, -1])
    >>> draws = rng.uniform(-4, 4, size=(500, 2))
    >>> supported = draws[support.predict(draws) == 1]
    """

    _parameter_constraints = {
        "k": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "max_samples": [StrOptions({"auto"}), Interval(Integral, 3, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, k=5, alpha=0.05, max_samples="auto", random_state=None):
        self.k = k
        self.alpha = alpha
        self.max_samples = max_samples
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Calibrate the scores on codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes; for a variational autoencoder draws from the posteriors, not their means.
        y : Ignored
            Present for API consistency.

        Returns
        -------
        self : LatentSupport
            The estimator itself.
        """
        check_scalar(self.k, "k", Integral)
        with restored_on_error(self):
            X = validate_data(
                self, as_numpy(X), dtype=np.float64, ensure_all_finite=False, ensure_min_samples=3
            )
            codes = check_latent(X, name="X", min_samples=3)
            codes = codes[canonical_order(codes)]
            rows = reference_rows(codes, self.max_samples, Streams(self.random_state))
            return self._calibrate(codes[rows])

    def _calibrate(self, reference):
        """Everything that `fit` sets, from the codes to search among."""
        self.n_features_in_ = reference.shape[1]
        self.k_ = check_n_neighbors(self.k, len(reference))
        self._scores = NeighborScores(reference, self.k_)
        if self.alpha * (len(reference) + 1) < 1:
            warnings.warn(
                f"alpha={self.alpha} of {len(reference)} codes is less than one code: the support "
                f"is calibrated to {1 / (len(reference) + 1):.2g} instead.",
                UserWarning,
                stacklevel=3,
            )
        rank = self._scores.threshold(self.alpha)
        self.radius_, self.contrast_ = map(float, self._scores.ascending[-rank])
        self.offset_ = (rank + 0.5) / (len(reference) + 1)
        if self.radius_ == 0:
            warnings.warn(
                f"More than {1 - self.alpha:.0%} of the codes have k={self.k_} duplicates or more: "
                "radius_ is 0, and only duplicates of codes are supported.",
                UserWarning,
                stacklevel=3,
            )
        return self

    def score_samples(self, X):
        """Share of codes that lie in as scarce a place, t in (0, 1]; higher is better supported.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Points of the latent space, such as draws.

        Returns
        -------
        score : ndarray of shape (n_samples,)
            Share t of each point.
        """
        check_is_fitted(self)
        X = validate_data(self, as_numpy(X), reset=False, dtype=np.float64, ensure_all_finite=False)
        X = check_latent(X, name="X", min_samples=1, spread=False)
        return self._support_of(self._scores.of(X))

    def _support_of(self, scores):
        return (1 + self._scores.ranks(scores)) / (1 + len(self._scores.own))

    def decision_function(self, X):
        """`score_samples` less ``offset_``: positive where codes support the point.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Points of the latent space, such as draws.

        Returns
        -------
        decision : ndarray of shape (n_samples,)
            Difference for each point.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """+1 for points that codes support, -1 for points in gaps.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Points of the latent space, such as draws.

        Returns
        -------
        is_supported : ndarray of shape (n_samples,)
            Sign for each point.
        """
        return np.where(self.decision_function(X) > 0, 1, -1)


def reference_rows(codes, max_samples, streams):
    """Rows of the codes to search among; the same in every metric for one seed."""
    cap = reference_cap(codes.shape[1]) if max_samples == "auto" else max_samples
    return subsample(len(codes), cap, streams("reference"))


def check_support_params(*, k, alpha, n_draws, max_samples):
    """Raise for parameters of the wrong type or out of range."""
    check_scalar(k, "k", Integral, min_val=1)
    check_scalar(alpha, "alpha", Real, min_val=0, max_val=1, include_boundaries="neither")
    check_scalar(n_draws, "n_draws", Integral, min_val=1)
    check_max_samples(max_samples, min_val=MIN_SAMPLES)


def gap_fraction(
    X_latent,
    y=None,
    *,
    sampler="box",
    k=5,
    alpha=0.05,
    n_draws=10_000,
    max_samples="auto",
    random_state=None,
):
    """Share of the draws of a sampler that land in gaps between codes.

    With γ the share of draws that `LatentSupport` calls unsupported, it is
    max(0, (γ − alpha) / (1 − alpha)): 0 if the draws follow the codes' own law, ε if a share
    ε of them lands elsewhere, and ``1 − |A| / |B|`` if the codes fill a set A evenly and the
    draws a larger set B.

    Parameters
    ----------
    X_latent : array-like of shape (n_samples, n_components)
        Codes; for a variational autoencoder draws from the posteriors, not
        their means.
    y : array-like of shape (n_samples,), default=None
        Not used, apart from its length being checked.
    sampler : str, estimator, callable or array-like of shape (n_draws, n_components), \
            default='box'
        Law of the draws: 'box' (uniform on the bounding box of the codes), 'standard_normal',
        'normal', 'gmm', 'kde', 'interpolate', 'resample'; an estimator with ``sample``; a
        function of the number of draws; or the draws.
    k : int, default=5
        Which neighbour's distance is taken.
    alpha : float, default=0.05
        Share of the codes that count as stragglers. It is part of the definition: values
        for different ``alpha`` cannot be compared.
    n_draws : int, default=10_000
        Number of draws.
    max_samples : int or 'auto', default='auto'
        Number of codes to search among, at most; see `LatentSupport`.
    random_state : int, RandomState instance or None, default=None
        Draws the subset of codes and the points.

    Returns
    -------
    gap_fraction : float
        In [0, 1]; lower is better, 0 is ideal.

    See Also
    --------
    latent_gaps : The same with its interval, its noise floor and the draws.

    Notes
    -----
    Compare only values of the same sampler, n_samples, ``k`` and ``alpha``: with more codes
    finer gaps become visible, and at few codes the value is a lower bound. It does not
    change if codes and draws are shifted, rotated and rescaled together. The draws of
    'interpolate' and 'resample' move along with the codes by themselves; those of 'normal',
    'gmm' and 'kde' do so in law only: a shifted or rescaled copy of the codes gives the same
    value, a rotated one that of other draws. 'box' keeps to the axes, and 'standard_normal'
    stays where it is. See `latent_gaps`.

    Examples
    --------
    A disc in its bounding box leaves 1 − π/4 = 0.215 of it empty.

    >>> import numpy as np
    >>> from skae.metrics import gap_fraction
    >>> X_latent = np.random.RandomState(0).uniform(-1, 1, size=(20_000, 2))
    >>> X_latent = X_latent[np.linalg.norm(X_latent, axis=1) < 1]
    >>> round(gap_fraction(X_latent, random_state=0), 1)
    0.2
    """
    return latent_gaps(
        X_latent,
        y,
        sampler=sampler,
        k=k,
        alpha=alpha,
        n_draws=n_draws,
        max_samples=max_samples,
        n_resamples=0,
        random_state=random_state,
    ).value


def latent_gaps(
    X_latent,
    y=None,
    *,
    sampler="box",
    k=5,
    alpha=0.05,
    n_draws=10_000,
    max_samples="auto",
    n_resamples=20,
    confidence_level=0.95,
    random_state=None,
):
    """Gaps between codes that the draws of a sampler land in: how much, and where.

    Parameters
    ----------
    X_latent : array-like of shape (n_samples, n_components)
        Codes; for a variational autoencoder draws from the posteriors, not
        their means.
    y : array-like of shape (n_samples,), default=None
        Not used, apart from its length being checked.
    sampler : str, estimator, callable or array-like of shape (n_draws, n_components), \
            default='box'
        Law of the draws; see `gap_fraction`.
    k : int, default=5
        Which neighbour's distance is taken.
    alpha : float, default=0.05
        Share of the codes that count as stragglers.
    n_draws : int, default=10_000
        Number of draws.
    max_samples : int or 'auto', default='auto'
        Number of codes to search among, at most; see `LatentSupport`.
    n_resamples : int, default=20
        Number of half-samples for the interval; 0 for none. Each costs half the value.
    confidence_level : float, default=0.95
        Of the interval.
    random_state : int, RandomState instance or None, default=None
        Draws the subset of codes, the points and the half-samples.

    Returns
    -------
    result : Bunch
        Its fields:

        metric, sampler : str
            'gap_fraction', and the name of the law.
        value : float
            The `gap_fraction`.
        interval : tuple of (low, high)
            Interval of the value, given the law of the draws; NaN without resamples.
        floor : float
            What draws from the codes' own law stay below with probability 0.95.
        ideal : float
            0.
        unsupported : float
            Share γ of the draws that are not supported.
        unclipped : float
            (γ − alpha) / (1 − alpha), which may be a little below 0.
        error : float
            Standard error of ``unclipped``.
        radius, contrast : float
            ``radius_`` and ``contrast_`` of the support.
        resolution : float
            2 · radius: narrower gaps cannot be seen with so many codes, but for those between
            codes much denser than most, which ``contrast`` finds.
        draws : ndarray of shape (n_draws, n_components)
            Points drawn from the law.
        supported : ndarray of shape (n_draws,)
            Whether each draw is.
        largest_gap_centre : ndarray of shape (n_components,)
            The draw farthest from its k-th nearest code.
        largest_gap_radius : float
            That distance.
        support : LatentSupport
            As fitted on the codes.
        k : int
            As used.
        alpha : float
            As given.
        n_samples, n_components : int
            Of ``X_latent``.

    See Also
    --------
    gap_fraction : The value alone.
    LatentSupport : The test of single points.

    Notes
    -----
    The interval describes the error from a finite number of codes and draws, with the law
    held fixed: a box widened by one stray code stays that wide. The standard error is by
    half-samples with the same ``k``, with the binomial error of the draws added in quadrature.
    In simulations (rings and discs in two dimensions with n = 500 and 2000, a normal law in a
    box, and 40 % of the draws far away in 2 and 16 dimensions, 100 repeats each) it was 1.0 to
    1.4 times the true one, and 95 % intervals held the mean of repeated values in 96 to
    100 % of the cases. Gaps with a long border are seen too small, by about the length of the
    border times ``radius``; intervals held their true size in 71 to 77 % of the cases
    at n = 500, and 85 % at n = 2000.

    The floor is the normal quantile for the binomial error of the draws and 1.5 times that
    of the calibration. In simulations with draws from the codes' own law (normal, Student's
    t and uniform, in 1 to 64 dimensions, n = 50 to 1257) 0 to 10 %
    of the values exceeded it, 4 % on average.

    Failure modes: those of `LatentSupport`; a box of anything but a box is nearly all gap
    from 8 dimensions on, which is true and a reason not to draw from boxes; and one stray
    code widens the box.

    Examples
    --------
    Codes on a ring: a quarter of the draws from the full disc land in its hole.

    >>> import numpy as np
    >>> from skae.metrics import latent_gaps
    >>> rng = np.random.RandomState(0)
    >>> disc = rng.standard_normal((20_000, 2))
    >>> disc *= np.sqrt(rng.uniform(size=(20_000, 1))) / np.linalg.norm(disc, axis=1, keepdims=True)
    >>> X_latent, draws = disc[:10_000], disc[10_000:]
    >>> X_latent = X_latent[np.linalg.norm(X_latent, axis=1) > 0.5]
    >>> result = latent_gaps(X_latent, sampler=draws, n_resamples=5, random_state=0)
    >>> result.value > result.floor
    True
    >>> bool(np.linalg.norm(result.largest_gap_centre) < 0.1)  # in the middle of the hole
    True
    """
    check_support_params(k=k, alpha=alpha, n_draws=n_draws, max_samples=max_samples)
    check_resampling(n_resamples, confidence_level)
    codes = check_latent(X_latent, min_samples=MIN_SAMPLES)
    if y is not None:
        check_consistent_length(codes, y)
    warn_of_few(len(codes), name="X_latent")
    codes = codes[canonical_order(codes)]
    streams = Streams(random_state)
    name = sampler_name(sampler)
    draws = latent_draws(sampler, codes, n_draws, streams(f"draws:{name}"))
    reference = codes[reference_rows(codes, max_samples, streams)]
    support = LatentSupport(k, alpha, max_samples, random_state)._calibrate(reference)

    scores = support._scores.of(draws)
    supported = support._support_of(scores) > support.offset_
    unsupported = 1 - supported.mean()
    error = _unsupported_error(support, reference, draws, unsupported, n_resamples, streams)
    unclipped, error = (unsupported - alpha) / (1 - alpha), error / (1 - alpha)
    widest = np.argmax(scores[:, 0])
    return estimate(
        "gap_fraction",
        max(0, unclipped),
        codes=codes,
        interval=symmetric_interval(unclipped, error, confidence_level, low=0, high=1),
        floor=gap_floor(alpha, len(reference), len(draws)),
        ideal=0,
        sampler=name,
        unsupported=float(unsupported),
        unclipped=float(unclipped),
        error=float(error),
        radius=support.radius_,
        contrast=support.contrast_,
        resolution=2 * support.radius_,
        draws=draws,
        supported=supported,
        largest_gap_centre=draws[widest],
        largest_gap_radius=float(scores[widest, 0]),
        support=support,
        alpha=alpha,
        k=support.k_,
    )


def _unsupported_error(support, reference, draws, unsupported, n_resamples, streams):
    """Standard error of the share of unsupported draws: of the codes', and of the draws'."""

    def statistic(rows):
        half = NeighborScores(reference[rows], min(support.k_, (len(rows) - 1) // 2))
        return np.mean(half.ranks(half.of(draws)) < half.threshold(support.alpha))

    of_codes = half_sample_error(statistic, len(reference), n_resamples, streams("half-samples"))
    return np.hypot(of_codes, np.sqrt(unsupported * (1 - unsupported) / len(draws)))


def gap_floor(alpha, n_samples, n_draws):
    """95 % quantile of the gap fraction if the draws follow the codes' own law.

    Then the number of unsupported draws is binomial but for the error of the calibration,
    which is that of a quantile.
    """
    variance = alpha * (1 - alpha) * (CALIBRATION_VARIANCE / n_samples + 1 / n_draws)
    return min(1.0, ndtri(0.95) * np.sqrt(variance) / (1 - alpha))
