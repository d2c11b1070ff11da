"""Classes that random draws land on, and how unequally."""

import warnings

import numpy as np

from ._areas import N_SIMULATIONS, class_target, total_variation
from ._classifier import check_classifier_rows, fitted_classifier
from ._draws import latent_draws, sampler_name
from ._inputs import (
    check_function,
    check_labels,
    check_latent,
    check_output,
    class_list,
    labelled_order,
    site_starts,
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
from ._support import MIN_SAMPLES, LatentSupport, check_support_params, reference_rows, thinned

__all__ = ["sampled_class_imbalance", "sampled_classes"]

# Rows that a classifier is fitted on, at most.
MAX_CLASSIFIER_ROWS = 20_000


def sampled_class_imbalance(
    X_latent,
    y,
    *,
    sampler="box",
    k=5,
    n_draws=10_000,
    target="uniform",
    max_samples="auto",
    random_state=None,
):
    """Share of the draws of a sampler that would have to land on another class for equal shares.

    A draw is of the class that most of its k nearest codes have. With p_c the share of
    draws of class c, the value is ``½ Σ |p_c − 1/K|``.

    Parameters
    ----------
    X_latent : array-like of shape (n_samples, n_components)
        Codes; for a variational autoencoder draws from the posteriors, not their means.
    y : array-like of shape (n_samples,)
        Class labels.
    sampler : str, estimator, callable or array-like of shape (n_draws, n_components), \
            default='box'
        Law of the draws; see `gap_fraction`.
    k : int, default=5
        Codes that vote on the class of a draw; of classes with equally many votes that of
        the nearest code wins. Of more codes at one place random ones vote.
    n_draws : int, default=10_000
        Number of draws.
    target : {'uniform', 'data'} or array-like of shape (n_classes,), default='uniform'
        Shares to compare with: 1/K, the class frequencies, or any others in the order of
        the sorted labels.
    max_samples : int or 'auto', default='auto'
        Number of codes to search among, at most; see `LatentSupport`.
    random_state : int, RandomState instance or None, default=None
        Draws the subset of codes and the points.

    Returns
    -------
    imbalance : float
        In [0, 1 − min target]; lower is better, 0 is ideal. NaN, with a warning, for one
        class.

    See Also
    --------
    sampled_classes : The same with its interval, its noise floor and the shares.
    class_area_imbalance : The same distance, for the areas of the classes.

    Notes
    -----
    It does not change if codes and draws are shifted, rotated and rescaled together; which
    samplers move along with the codes is said in `gap_fraction`. See `sampled_classes`.

    Examples
    --------
    The left third of a square and the right two thirds, with equally many codes.

    >>> import numpy as np
    >>> from skae.metrics import sampled_class_imbalance
    >>> rng = np.random.RandomState(0)
    >>> y = np.repeat(["left", "right"], 2000)
    >>> X_latent = rng.uniform(size=(4000, 2))
    >>> X_latent[:, 0] = np.where(y == "left", X_latent[:, 0], 1 + 2 * X_latent[:, 0])
    >>> round(sampled_class_imbalance(X_latent, y, random_state=0), 1)
    0.2
    """
    return sampled_classes(
        X_latent,
        y,
        sampler=sampler,
        k=k,
        n_draws=n_draws,
        target=target,
        max_samples=max_samples,
        n_resamples=0,
        random_state=random_state,
    ).value


def sampled_classes(
    X_latent,
    y,
    *,
    sampler="box",
    k=5,
    alpha=0.05,
    n_draws=10_000,
    target="uniform",
    max_samples="auto",
    X=None,
    decode=None,
    classifier=None,
    n_resamples=20,
    confidence_level=0.95,
    random_state=None,
):
    """Classes that the draws of a sampler land on, gaps included, and how unequally.

    A draw is of the class that most of its k nearest codes have, and it is supported if
    `LatentSupport` says so. With a decoder, the class that a classifier sees in the decoded
    draw is reported too.

    Parameters
    ----------
    X_latent : array-like of shape (n_samples, n_components)
        Codes; for a variational autoencoder draws from the posteriors, not their means.
    y : array-like of shape (n_samples,)
        Class labels.
    sampler : str, estimator, callable or array-like of shape (n_draws, n_components), \
            default='box'
        Law of the draws; see `gap_fraction`.
    k : int, default=5
        Codes that vote on the class of a draw, and the neighbour whose distance says
        whether it is supported.
    alpha : float, default=0.05
        Share of the codes that count as stragglers; see `LatentSupport`.
    n_draws : int, default=10_000
        Number of draws.
    target : {'uniform', 'data'} or array-like of shape (n_classes,), default='uniform'
        Shares to compare with; see `sampled_class_imbalance`.
    max_samples : int or 'auto', default='auto'
        Number of codes to search among, at most; see `LatentSupport`.
    X : array-like of shape (n_samples, n_features), default=None
        The rows that the codes are of, to fit the classifier on.
    decode : callable, default=None
        From an array of codes to an array of rows.
    classifier : estimator, default=None
        Classifier of decoded rows, fitted; an unfitted one is fitted on (X, y). None means
        ``KNeighborsClassifier(5)``.
    n_resamples : int, default=20
        Number of half-samples for interval and floor; 0 for none.
    confidence_level : float, default=0.95
        Of the interval.
    random_state : int, RandomState instance or None, default=None
        Draws the subset of codes, the points, the half-samples and the simulated errors.

    Returns
    -------
    result : Bunch
        Its fields:

        metric, sampler : str
            'sampled_class_imbalance', and the name of the law.
        value : float
            The `sampled_class_imbalance`.
        interval : tuple of (low, high)
            Interval of the value, given the law of the draws; NaN without resamples.
        floor : float
            What a latent space with these errors, but shares on target, stays below with
            probability 0.95; NaN without resamples.
        ideal : float
            0.
        classes : ndarray of shape (K,)
            Sorted labels.
        territory : ndarray of shape (K,)
            Share of all draws that are of each class.
        share : ndarray of shape (K,)
            Share of all draws that are of each class and supported.
        unsupported : float
            The other draws: 1 − Σ share.
        conditional_share : ndarray of shape (K,)
            Share of the supported draws; NaN if there are none.
        target : ndarray of shape (K,)
            What the territory is compared with.
        decoded : ndarray of shape (K,) or None
            Share of the draws that the classifier, after decoding, puts in each class.
        decoded_imbalance : float or None
            The distance of ``decoded`` from ``target``.
        draws : ndarray of shape (n_draws, n_components)
            Points drawn from the law.
        draw_classes : ndarray of shape (n_draws,)
            Class of each draw, as an index into ``classes``.
        supported : ndarray of shape (n_draws,)
            Whether each draw is.
        n_samples, n_components : int
            Of ``X_latent``.

    Raises
    ------
    ValueError
        If ``decode`` does not return one row of finite numbers for each draw, or the
        classifier predicts labels that ``y`` lacks.

    See Also
    --------
    sampled_class_imbalance : The value alone.
    latent_gaps : The unsupported draws.
    class_areas : How large the classes are, whatever draws do.

    Notes
    -----
    Inactive axes add the same noise to all distances and blur the vote. Classes that overlap
    share their draws by the votes. In a gap the nearest class has the draw, be it far: read
    ``share`` beside ``territory``.

    The interval describes the error from a finite number of codes and draws, with the law
    held fixed. In simulations with two boxes of unequal volume (n = 200 and 1000 in two
    dimensions, n = 300 in 16, 100 repeats each) 95 % intervals held the mean of repeated
    values in 93 to 98 % of the cases. The vote has a bias of its own, since the class of denser
    codes reaches into the other: intervals held the true imbalance 1/6 in 83 to 85 % of the cases
    in two dimensions, and 18 % in 16, where the mean value was 0.12. With 2 to 10 classes on
    target 0 to 4 % of the values exceeded the floor.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.metrics import sampled_classes
    >>> rng = np.random.RandomState(0)
    >>> y = np.repeat([0, 1], [1600, 400])
    >>> X_latent = rng.standard_normal((2000, 2)) + 20 * y[:, np.newaxis]
    >>> result = sampled_classes(X_latent, y, sampler="resample", random_state=0)
    >>> result.territory.round(1)
    array([0.8, 0.2])
    """
    check_support_params(k=k, alpha=alpha, n_draws=n_draws, max_samples=max_samples)
    check_resampling(n_resamples, confidence_level)
    if decode is not None:
        check_function(decode, "decode", "from codes to rows")
    codes = check_latent(X_latent, min_samples=MIN_SAMPLES)
    warn_of_few(len(codes), name="X_latent")
    classes, index = check_labels(y, len(codes))
    counts = np.bincount(index)
    wanted = class_target(target, counts)
    _warn_of_classes(classes, counts, k)
    streams, name = Streams(random_state), sampler_name(sampler)
    X = check_classifier_rows(X, len(codes))
    order = labelled_order(codes, index, streams("ties"), X)
    draws = latent_draws(sampler, codes[order], n_draws, streams(f"draws:{name}"))
    chosen = reference_rows(codes, max_samples, streams)
    reference, labels = codes[order[chosen]], index[order[chosen]]
    support = LatentSupport(k, alpha, max_samples, random_state)._calibrate(reference)

    landing = _Landing(reference, labels, draws, len(classes), support.k_, streams("votes"))
    draw_classes = landing.classes(support._scores.search, support._scores.rows)
    supported = support.predict(draws) == 1
    share = landing.shares(draw_classes, supported)
    decoded = None
    if decode is not None:
        fitted_on = chosen[subsample(len(chosen), MAX_CLASSIFIER_ROWS, streams("classifier"))]
        fitted_on = order[fitted_on]
        X = None if X is None else X[fitted_on]
        decoded = landing.shares(
            _decoded_classes(decode, classifier, X, classes, index[fitted_on], draws)
        )
    return estimate(
        "sampled_class_imbalance",
        codes=codes,
        ideal=0,
        sampler=name,
        classes=classes,
        territory=landing.shares(draw_classes),
        share=share,
        unsupported=float(1 - supported.mean()),
        conditional_share=share / (supported.mean() or np.nan),
        target=wanted,
        decoded=decoded,
        decoded_imbalance=None if decoded is None else float(total_variation(decoded, wanted)),
        draws=draws,
        draw_classes=draw_classes,
        supported=supported,
        **_imbalance(landing, draw_classes, wanted, target, n_resamples, confidence_level, streams),
    )


def _warn_of_classes(classes, counts, k):
    """Warn of classes that cannot win a vote, and of one class only."""
    few = np.flatnonzero(counts <= k // 2)
    if len(few):
        sizes = [f"{n} codes" for n in counts[few]]
        _warn(
            f"{class_list(classes[few].tolist(), 'is|are', sizes)} a minority of any k={k} "
            "neighbours: hardly any draw can land there."
        )
    if len(classes) == 1:
        _warn(
            f"The imbalance is NaN: {classes.tolist()[0]!r} is the only class, and there is "
            "nothing to compare it with."
        )


def _warn(message):
    """Warn the caller of `sampled_classes`."""
    warnings.warn(message, UserWarning, stacklevel=4)


class _Landing:
    """Draws among codes, and the classes of both.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
    labels : ndarray of shape (n_samples,)
        Class of each code, from 0 to ``n_classes - 1``.
    draws : ndarray of shape (n_draws, n_components)
    n_classes : int
    k : int
        Codes that vote.
    rng : RandomState
        Chooses among codes at one place.
    """

    def __init__(self, codes, labels, draws, n_classes, k, rng):
        self.codes, self.labels, self.draws = codes, labels, draws
        self.n_classes, self.k = n_classes, k
        self.turns = rng.random_sample(len(draws))

    def classes(self, search, rows, half=slice(None)):
        """Class that most of the k nearest codes have; among equals that of the nearest one.

        Parameters
        ----------
        search : NeighborSearch
            Among some rows of the codes, or of half of them.
        rows : ndarray of int
            Which rows of the half these are.
        half : index
        """
        codes, labels = self.codes[half], self.labels[half]
        near = labels[self._voters(codes, rows[search.points(self.draws, self.k)[1]])]
        votes = np.column_stack([(near == column[:, np.newaxis]).sum(axis=1) for column in near.T])
        return near[np.arange(len(near)), np.argmax(votes, axis=1)]

    def shares(self, classes, chosen=slice(None)):
        """Share of all draws that are of each class, and chosen."""
        return np.bincount(classes[chosen], minlength=self.n_classes) / len(self.draws)

    def _voters(self, codes, near):
        """The codes that vote, of those that are nearest or lie where those lie.

        Which of the codes at one place are found is chance, and few of them are searched among:
        every draw takes as many of them in turn, from a random one on.
        """
        starts = site_starts(codes)
        if starts.all():
            return near
        first = np.flatnonzero(starts)
        size = np.diff(np.r_[first, len(codes)])
        site = (np.cumsum(starts) - 1)[near]
        before = np.column_stack(
            [(site[:, :j] == site[:, j : j + 1]).sum(axis=1) for j in range(site.shape[1])]
        )
        turn = (self.turns[:, np.newaxis] * size[site]).astype(int)
        return first[site] + (turn + before) % size[site]

    def excess_of_half(self, half, target):
        """Shares less what they should be if only these codes are known, and the imbalance."""
        rows = thinned(self.codes[half], self.k)
        search = NeighborSearch(self.codes[half][rows])
        territory = self.shares(self.classes(search, rows, half))
        counts = np.bincount(self.labels[half], minlength=self.n_classes)
        wanted = class_target(target, counts)
        return np.r_[territory - wanted, total_variation(territory, wanted)]


def _imbalance(landing, draw_classes, wanted, target, n_resamples, confidence_level, streams):
    """The value, its interval and its floor."""
    if len(wanted) == 1:
        return {"value": np.nan, "interval": (np.nan, np.nan), "floor": np.nan}
    territory = landing.shares(draw_classes)
    value = total_variation(territory, wanted)
    of_codes = half_sample_error(
        lambda rows: landing.excess_of_half(rows, target),
        len(landing.codes),
        n_resamples,
        streams("half-samples"),
    ) * np.ones(len(wanted) + 1)
    # What one draw adds to the value, but for a constant.
    gains = np.sign(territory - wanted)[draw_classes] / 2
    error = np.hypot(of_codes[-1], gains.std() / np.sqrt(len(gains)))
    return {
        "value": value,
        "interval": symmetric_interval(
            value, error, confidence_level, low=0, high=1 - wanted.min()
        ),
        "floor": _floor(of_codes[:-1], wanted, len(gains), streams("simulation")),
    }


def _floor(error, wanted, n_draws, rng):
    """95 % quantile of the imbalance if shares differ from the wanted ones by errors only."""
    n_classes = len(wanted)
    # Sorted, since what a class is called must not decide which random numbers it gets.
    error = np.sort(np.hypot(error, np.sqrt(wanted * (1 - wanted) / n_draws)))
    errors = error * rng.standard_normal((N_SIMULATIONS, n_classes))
    # The sum of the shares has no error.
    errors = (errors - errors.mean(axis=1, keepdims=True)) * np.sqrt(n_classes / (n_classes - 1))
    return min(np.quantile(total_variation(errors, 0), 0.95), 1 - wanted.min())


def _decoded_classes(decode, classifier, X, classes, labels, draws):
    """Class of each draw that the classifier sees in what the decoder makes of it."""
    rows = check_output(decode(draws.copy()), len(draws), name="decode")
    classifier = fitted_classifier(classifier, X, classes[labels])
    if classifier is None:
        raise ValueError(
            "decode needs a classifier of its output, or X to fit one on. Got neither."
        )
    seen, index = check_labels(classifier.predict(rows), len(rows))
    seen = seen.tolist()
    position = {label: c for c, label in enumerate(classes.tolist())}
    unknown = [label for label in seen if label not in position]
    if unknown:
        raise ValueError(f"classifier must predict labels that are in y. Got {unknown} instead.")
    return np.array([position[label] for label in seen])[index]
