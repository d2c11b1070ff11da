"""LatentDiagnostics: everything that can be measured about a latent space, in one report."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils import Bunch, check_array, check_consistent_length
from sklearn.utils.multiclass import type_of_target

from skae._validation import as_random_state
from skae.metrics import (
    active_units,
    class_areas,
    latent_continuity,
    latent_extent,
    latent_gaps,
    latent_prior,
    neighborhood_continuity,
    sample_quality,
    sampled_classes,
    trustworthiness,
)
from skae.metrics._draws import MAX_LAW_ROWS, SAMPLERS, latent_draws, sampler_name
from skae.metrics._estimators import NamedLaw
from skae.metrics._inputs import check_labels, check_latent, check_output
from skae.metrics._resampling import Streams, subsample
from skae.sampling import PosteriorDensity, fit_latent_sampler, fit_posterior

from . import _report
from ._model import COMMON_SAMPLERS, describe

__all__ = ["LatentDiagnostics"]

# Laws that take more than codes.
OTHER_SAMPLERS = ("class_conditional", "posterior")

# Fewer codes than these cannot tell a gap from chance.
MIN_SAMPLES = 20

# Rows of X, and draws, that quality and neighbours are measured on, at most.
MAX_ROWS = 5000


class LatentDiagnostics:
    """Report on whether a latent space is fit for generating data.

    Measures the three faults of a latent space, and what else bears on drawing points
    from it: how far the codes lie from where N(0, I) samples
    (:func:`~skae.metrics.latent_extent`), how unequal the areas of the classes are
    (:func:`~skae.metrics.class_areas`), which share of random draws falls where no code
    is (:func:`~skae.metrics.latent_gaps`) and which classes they fall on
    (:func:`~skae.metrics.sampled_classes`), how evenly decodings change
    (:func:`~skae.metrics.latent_continuity`), how good decoded draws are
    (:func:`~skae.metrics.sample_quality`), and how well neighbours are kept.

    Use `from_estimator` for any fitted transformer or pipeline, `from_latent` for bare
    codes, `compare` for several side by side. ``print`` gives the report. What is missing
    (labels, a decoder, the rows themselves) leaves out lines, and raises no error.

    Parameters
    ----------
    sampler : {'auto', 'box', 'class_conditional', 'gmm', 'interpolate', 'kde', 'normal', \
            'posterior', 'resample', 'standard_normal'}, estimator, callable or array of draws, \
            default='auto'
        The law that points are to be drawn from. ``'auto'`` is the estimator's own law if
        it has one, else the bounding box of the codes; ``'posterior'`` takes a variational
        estimator. Other laws are shown beside it.
        :func:`skae.inspection.recommend_sampler` says which law fits.
    prior : {'auto', 'standard_normal'} or None, default='auto'
        What the codes were meant to be distributed like. ``'auto'`` is N(0, I) for
        estimators that sample, and None for others, which promised nothing.
    k : int, default=5
        Number of neighbours of the support test, the areas and the votes.
    alpha : float, default=0.05
        Share of the codes that counts as stragglers; part of the definition of a gap.
    n_draws : int, default=10_000
        Number of points drawn from every law.
    max_samples : int or 'auto', default='auto'
        Codes to search neighbours among, at most.
    n_resamples : int, default=20
        Half-samples that the intervals come from; 0 leaves them out, and saves most of the
        time.
    confidence_level : float, default=0.95
        Of the intervals, which describe sampling error only.
    classifier : fitted classifier, default=None
        Says what class a decoded row is. None fits
        ``KNeighborsClassifier(n_neighbors=5)`` on X and y.
    random_state : int, RandomState instance or None, default=None
        Seed of draws, subsamples and half-samples. Each number equals that of the
        function of `skae.metrics` with the same seed.

    Attributes
    ----------
    extent_ : Bunch
        From :func:`~skae.metrics.latent_extent`.
    class_areas_ : Bunch or None
        From :func:`~skae.metrics.class_areas`. None without class labels.
    gaps_ : dict of Bunch
        From :func:`~skae.metrics.latent_gaps`, by name of the law.
    sampled_classes_ : dict of Bunch or None
        From :func:`~skae.metrics.sampled_classes`, by name of the law. None without class
        labels.
    prior_ : Bunch or None
        From :func:`~skae.metrics.latent_prior`. None without a prior.
    units_ : Bunch
        From :func:`~skae.metrics.active_units`.
    continuity_ : Bunch or None
        From :func:`~skae.metrics.latent_continuity`. None without a decoder.
    quality_ : Bunch or None
        From :func:`~skae.metrics.sample_quality`, of decoded draws, beside that of
        held-out rows: X is cut in two halves. None without a decoder or without X.
    neighbors_ : Bunch or None
        `skae.metrics.trustworthiness` and `skae.metrics.neighborhood_continuity`. None without X.
    X_latent_, y_ : ndarray
        The codes measured, and their labels or None.
    sampler_ : str
        Name of the declared law.
    reference_ : str or None
        The prior that the codes were held against.
    name_ : str
        What the report calls the model.
    n_samples_, n_components_ : int
        Shape of the codes.
    warnings_ : list of str
        What the metrics warned of.

    See Also
    --------
    skae.inspection.LatentDiagnosticsDisplay : The figure.

    Notes
    -----
    No number is a pass or a fail. Those at or below their floor, what a perfect latent
    space of this size may score, are reported as not detected at this n, which does not
    say absent. Compare only at equal numbers of codes.

    For a variational model the codes are posterior samples, which its decoder was trained
    on; posterior means leave gaps that are none.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae import LatentDiagnostics
    >>> X, y = load_digits(return_X_y=True)
    >>> pca = PCA(n_components=2).fit(X)
    >>> report = LatentDiagnostics.from_estimator(pca, X, y, n_resamples=0, random_state=0)
    >>> report.gaps_["box"].value
    0.3...
    >>> print(report)
    Latent diagnostics: PCA
      n=1797   d=2   classes=10   declared sampler='box'
      extent ...
    """

    def __init__(
        self,
        *,
        sampler="auto",
        prior="auto",
        k=5,
        alpha=0.05,
        n_draws=10_000,
        max_samples="auto",
        n_resamples=20,
        confidence_level=0.95,
        classifier=None,
        random_state=None,
    ):
        if not (prior is None or prior in ("auto", "standard_normal")):
            raise ValueError(
                f"prior must be 'auto', 'standard_normal' or None. Got {prior!r} instead."
            )
        self.sampler = sampler
        self.prior = prior
        self.k = k
        self.alpha = alpha
        self.n_draws = n_draws
        self.max_samples = max_samples
        self.n_resamples = n_resamples
        self.confidence_level = confidence_level
        self.classifier = classifier
        self.random_state = random_state

    # ---------------------------------------------------------------- where codes come from

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, name=None, **options):
        """Measure the latent space of a fitted transformer or pipeline.

        Parameters
        ----------
        estimator : fitted transformer or Pipeline
            Its ``transform`` gives the codes (``embedding_`` where there is none, as in
            TSNE), its ``inverse_transform`` decodes, if there is one. Estimators with
            ``sample_posterior`` give samples for codes.
        X : array-like of shape (n_samples, n_features)
            Rows, as the estimator takes them.
        y : array-like of shape (n_samples,), default=None
            Class labels.
        name : str, default=None
            What to call the model. None is the name of its class.
        **options
            Parameters of `LatentDiagnostics`.

        Returns
        -------
        diagnostics : LatentDiagnostics
            The report.
        """
        self = cls(**options)
        model = describe(estimator, X, self._seed())
        return self._measure(model, y, X=X, name=name or model.name)

    @classmethod
    def from_latent(
        cls, X_latent, y=None, *, X=None, decode=None, X_latent_std=None, name="codes", **options
    ):
        """Measure bare codes.

        Parameters
        ----------
        X_latent : array-like of shape (n_samples, n_components)
            The codes.
        y : array-like of shape (n_samples,), default=None
            Class labels.
        X : array-like of shape (n_samples, n_features), default=None
            The rows that were encoded.
        decode : callable, default=None
            From points of shape (n_points, n_components) to rows of shape (n_points,
            n_features).
        X_latent_std : array-like of shape (n_samples, n_components), default=None
            Standard deviations of a Gaussian encoder, whose means ``X_latent`` then holds;
            one sample from each posterior is what is measured.
        name : str, default='codes'
            What to call the model.
        **options
            Parameters of `LatentDiagnostics`.

        Returns
        -------
        diagnostics : LatentDiagnostics
            The report.
        """
        self = cls(**options)
        if not (decode is None or callable(decode)):
            raise TypeError(
                "decode must be a function from codes to rows, e.g. estimator.inverse_transform. "
                f"Got {decode!r} instead."
            )
        means = check_latent(X_latent, spread=False)
        if decode is not None:
            check_output(decode(means[:2]), len(means[:2]), name="decode")
        model = Bunch(codes=means, means=means, std=None, decode=decode, law=None)
        if X_latent_std is not None:
            model.std = _check_std(X_latent_std, means)
            noise = Streams(self._seed())("posterior").standard_normal(means.shape)
            model.codes = means + model.std * noise
        return self._measure(model, y, X=X, name=name)

    @classmethod
    def compare(cls, models, X, y=None, **options):
        """Measure several latent spaces of the same rows side by side.

        Parameters
        ----------
        models : dict of str to fitted estimator, or to codes of shape (n_samples, n_components)
            By name.
        X : array-like of shape (n_samples, n_features)
            Rows, the same for all, so that all are measured at the same n.
        y : array-like of shape (n_samples,), default=None
            Class labels.
        **options
            Parameters of `LatentDiagnostics`.

        Returns
        -------
        comparison : LatentComparison
            Its ``to_frame`` and ``plot`` give one table and one figure.
        """
        from ._comparison import LatentComparison, measure_all

        return LatentComparison(measure_all(cls, models, X, y, options))

    # -------------------------------------------------------------------------- measuring

    def _seed(self):
        """One seed for all metrics, drawn once where it is not given."""
        if not hasattr(self, "_drawn_seed"):
            given = isinstance(self.random_state, Integral)
            self._drawn_seed = (
                int(self.random_state)
                if given
                else int(as_random_state(self.random_state).randint(2**31 - 1))
            )
        return self._drawn_seed

    def _measure(self, model, y, *, X, name):
        """Measure everything there are inputs for, and gather the warnings."""
        self.X_latent_ = check_latent(model.codes, spread=False)
        self.n_samples_, self.n_components_ = self.X_latent_.shape
        if self.n_samples_ < MIN_SAMPLES:
            raise ValueError(
                f"LatentDiagnostics needs at least {MIN_SAMPLES} codes. Got {self.n_samples_}."
            )
        self.name_ = name
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self._measure_codes(model, y)
            self._measure_rows(model, X)
        self.warnings_ = list(dict.fromkeys(str(w.message) for w in caught))
        for message in self.warnings_:
            warnings.warn(message, UserWarning, stacklevel=3)
        return self

    def _measure_codes(self, model, y):
        """What codes and labels alone can tell."""
        codes, seed, errors = self.X_latent_, self._seed(), self._errors()
        self.reference_ = self._resolved_prior(model)
        self.extent_ = latent_extent(codes, reference=self.reference_, random_state=seed, **errors)
        self.units_ = active_units(model.means, model.std)
        self.prior_ = None
        if self.reference_ is not None:
            centers = codes if model.std is None else model.means
            self.prior_ = latent_prior(centers, X_latent_std=model.std, random_state=seed, **errors)
        self.y_ = self._class_labels(y)
        self._samplers = self._resolved_samplers(model)
        self.gaps_ = {
            label: self._labelled(latent_gaps(codes, sampler=law, **self._draw_options()), label)
            for label, law in self._samplers.items()
        }
        self.class_areas_ = None
        if self.y_ is not None:
            options = {"k": self.k, "max_samples": self.max_samples, "random_state": seed}
            self.class_areas_ = _left_out_on_error(
                "class areas", class_areas, codes, self.y_, **options, **errors
            )

    def _measure_rows(self, model, X):
        """What the rows and the decoder tell beside the codes."""
        rows, index = _numeric_rows(X, self.n_samples_, Streams(self._seed())("rows"))
        decode, reading = model.decode, {}
        if decode is not None:
            rows_decoded = rows if _have_equal_width(rows, decode, self.X_latent_) else None
            classifier = self._row_classifier(rows_decoded, index)
            reading = {"decode": decode, "classifier": classifier} if classifier else {}
        self.sampled_classes_ = self._sampled_classes(reading)
        self.continuity_ = self.quality_ = self.neighbors_ = None
        if decode is not None:
            self.continuity_ = _left_out_on_error(
                "continuity",
                latent_continuity,
                X_latent=self.X_latent_,
                random_state=self._seed(),
                **{"decode": decode, **reading},
                **self._errors(),
            )
            if rows_decoded is not None:
                self.quality_ = _left_out_on_error("quality", self._quality, rows, decode)
        if rows is not None:
            self.neighbors_ = self._neighbors(rows, model.means[index])

    def _sampled_classes(self, reading):
        """Classes of draws by the name of their law; decoded ones too, if that works."""
        if self.y_ is None:
            return None

        def measure(**reading):
            return {
                label: self._labelled(
                    sampled_classes(
                        self.X_latent_, self.y_, sampler=law, **reading, **self._draw_options()
                    ),
                    label,
                )
                for label, law in self._samplers.items()
            }

        decoded = reading and _left_out_on_error("classes of decoded draws", measure, **reading)
        return decoded or _left_out_on_error("classes of draws", measure)

    def _row_classifier(self, rows, index):
        """The classifier given, or one fitted on the rows, or None without labels."""
        if self.classifier is not None or rows is None or self.y_ is None:
            return self.classifier
        return _NearestRows(rows, self.y_, index)

    @staticmethod
    def _labelled(result, label):
        """The result, its law called as the report calls it."""
        result.sampler = label
        return result

    def _errors(self):
        return {"n_resamples": self.n_resamples, "confidence_level": self.confidence_level}

    def _draw_options(self):
        return {
            "k": self.k,
            "alpha": self.alpha,
            "n_draws": self.n_draws,
            "max_samples": self.max_samples,
            "random_state": self._seed(),
            **self._errors(),
        }

    def _resolved_prior(self, model):
        """The law that the codes were meant to have; estimators that sample meant N(0, I)."""
        if self.prior != "auto":
            return self.prior
        generative = model.law is not None or model.std is not None
        return "standard_normal" if generative else None

    def _resolved_samplers(self, model):
        """Laws by the name that the report calls them, the declared one first."""
        if isinstance(self.sampler, str) and self.sampler == "auto":
            law = "box" if model.law is None else model.law
        else:
            law = self.sampler
        if isinstance(law, str) and law not in (*SAMPLERS, *OTHER_SAMPLERS):
            known = sorted([*SAMPLERS, *OTHER_SAMPLERS])
            raise ValueError(f"sampler must be one of {known}. Got {law!r} instead.")
        if isinstance(law, str) and law == "class_conditional":
            law = self._law_by_class()
        elif (isinstance(law, str) and law == "posterior") or isinstance(law, PosteriorDensity):
            law = _law_of_posteriors(law, model, self._seed())
        self.sampler_ = sampler_name(law)
        if not isinstance(law, str | NamedLaw) and self.sampler_ in SAMPLERS:
            self.sampler_ = f"own {self.sampler_}"  # not to be taken for the law of that name
        declared = {self.sampler_: law}
        for name in COMMON_SAMPLERS:
            if name != "standard_normal" or self.reference_ is not None:
                declared.setdefault(name, name)
        return declared

    def _law_by_class(self):
        """The law that takes labels, which functions of codes alone cannot fit."""
        rng, name = Streams(self._seed())("class_conditional"), "class_conditional"
        rows = subsample(self.n_samples_, MAX_LAW_ROWS, rng)
        labels = None if self.y_ is None else self.y_[rows]
        law = fit_latent_sampler(name, self.X_latent_[rows], self._seed(), labels)
        return NamedLaw(law, name)

    def _class_labels(self, y):
        """Labels of classes, or None for no labels and for those that are no classes."""
        if y is None:
            return None
        y = np.asarray(y)
        check_consistent_length(self.X_latent_, y)
        if y.ndim == 1:
            check_labels(y, len(y))  # names a label that is missing
            if y.dtype.kind in "OSUb":  # which scikit-learn may call unknown
                return y
        kind = type_of_target(y, input_name="y")
        if kind in ("binary", "multiclass"):
            return y
        warnings.warn(
            f"y is no vector of class labels (it looks {kind}): what needs classes is left out.",
            UserWarning,
            stacklevel=2,
        )
        return None

    def _quality(self, rows, decode):
        """Decoded draws against one half of the rows, the other half for the ceiling."""
        order = Streams(self._seed())("halves").permutation(len(rows))
        half = len(rows) // 2
        rng = Streams(self._seed())("quality")
        draws = latent_draws(self._samplers[self.sampler_], self.X_latent_, half, rng)[:half]
        return sample_quality(
            rows[order[:half]],
            check_array(decode(draws), input_name="decode(draws)"),
            X_holdout=rows[order[half : 2 * half]],
            k=self.k,
            random_state=self._seed(),
            **self._errors(),
        )

    def _neighbors(self, rows, means):
        """Whether neighbours stay neighbours, both ways."""
        k = min(12, (len(rows) - 1) // 2)
        options = {"n_neighbors": k, "random_state": self._seed()}
        return Bunch(
            trustworthiness=trustworthiness(rows, means, **options),
            neighborhood_continuity=neighborhood_continuity(rows, means, **options),
        )

    # -------------------------------------------------------------------------- reporting

    def __repr__(self):
        if not hasattr(self, "gaps_"):
            return "LatentDiagnostics()"
        return f"<LatentDiagnostics of {self.name_}, n={self.n_samples_}, d={self.n_components_}>"

    def __str__(self):
        return _report.text_report(self) if hasattr(self, "gaps_") else repr(self)

    def _check_measured(self):
        if not hasattr(self, "gaps_"):
            raise NotFittedError(
                "Nothing has been measured. Use LatentDiagnostics.from_estimator or from_latent."
            )

    def _repr_html_(self):
        self._check_measured()
        return _report.html_report(self)

    def to_dict(self):
        """All results but those with one entry for every draw, ready for JSON.

        Returns
        -------
        results : dict
            Nested; numbers, strings, lists and None, which stands for NaN too.
        """
        self._check_measured()
        return _report.as_dict(self)

    def to_frame(self):
        """One row for each number.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``metric, sampler, value, ci_low, ci_high, floor, ideal, unit, n, d,
            note``.
        """
        self._check_measured()
        return _report.as_frame(self)

    def plot(self, **kwargs):
        """Draw the four-panel figure.

        Parameters
        ----------
        **kwargs
            Passed to :meth:`skae.inspection.LatentDiagnosticsDisplay.plot`.

        Returns
        -------
        display : LatentDiagnosticsDisplay
            With ``axes_``, ``figure_`` and the ``displays_`` of the panels.
        """
        from ._diagnostics_display import LatentDiagnosticsDisplay

        self._check_measured()
        return LatentDiagnosticsDisplay(self).plot(**kwargs)


class _NearestRows:
    """Classes of rows by their five nearest neighbours, for labels of any type."""

    def __init__(self, rows, y, index):
        self.classes, labels = check_labels(y, len(y))
        self.neighbors = KNeighborsClassifier(5).fit(rows, labels[index])

    def predict(self, rows):
        return self.classes[self.neighbors.predict(rows)]


def _law_of_posteriors(law, model, seed):
    """The aggregated posterior of a variational model."""
    if hasattr(law, "means_"):
        return law
    if model.std is None:
        raise ValueError(
            "sampler='posterior' takes a variational estimator, or X_latent_std beside the codes. "
            "Got codes without posteriors."
        )
    return NamedLaw(fit_posterior(law, model.means, model.std, seed), "posterior")


def _left_out_on_error(what, measure, *args, **kwargs):
    """What ``measure`` returns; or None, with a warning, where the inputs do not allow it."""
    try:
        return measure(*args, **kwargs)
    except Exception as error:  # decoders and classifiers are the user's
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        warnings.warn(f"{what} left out: {reason}", UserWarning, stacklevel=2)
        return None


def _have_equal_width(rows, decode, codes):
    """Whether decoded codes have as many columns as the rows."""
    if rows is None:
        return False
    width = check_output(decode(codes[:2]), 2, name="decode").shape[1]
    if width != rows.shape[1]:
        warnings.warn(
            f"Decoded codes have {width} features, X has {rows.shape[1]}: what compares the two "
            "is left out.",
            UserWarning,
            stacklevel=2,
        )
    return width == rows.shape[1]


def _check_std(X_latent_std, means):
    """Standard deviations, one for each mean."""
    std = check_latent(X_latent_std, name="X_latent_std", spread=False)
    if std.shape != means.shape or (std < 0).any():
        raise ValueError(
            "X_latent_std must hold one standard deviation >= 0 for each entry of X_latent, of "
            f"shape {means.shape}. Got shape {std.shape} and smallest value {std.min():.3g}."
        )
    return std


def _numeric_rows(X, n_samples, rng):
    """At most `MAX_ROWS` rows of X as a dense array, and their indices; None if not numeric."""
    if X is None:
        return None, None
    check_consistent_length(X, np.empty(n_samples))
    index = subsample(n_samples, MAX_ROWS, rng)
    try:
        rows = X.tocsr()[index].toarray() if hasattr(X, "tocsr") else np.asarray(X)[index]
        return check_array(rows, dtype=np.float64), index
    except (TypeError, ValueError) as error:
        warnings.warn(
            f"X is no finite numeric table ({error}): what needs rows is left out.",
            UserWarning,
            stacklevel=2,
        )
        return None, None
