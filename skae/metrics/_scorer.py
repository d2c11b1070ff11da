"""Metrics of codes as scorers for model selection."""

from importlib import import_module
from inspect import Parameter, signature

import numpy as np

from skae._validation import as_random_state
from skae.metrics._estimators import latent_codes, required_decoder, sampled_rows

__all__ = ["latent_scorer"]

# Metrics of `skae.metrics` that can be asked for by name.
NAMES = [
    "class_area_imbalance",
    "gap_fraction",
    "latent_continuity",
    "neighborhood_continuity",
    "prior_mismatch",
    "sample_quality",
    "sampled_class_imbalance",
    "trustworthiness",
    "unbounded_extent",
]

# Parameters that tell a metric which fills all of its parameters by name.
CODES = {"X_latent", "X_real", "X_sampled"}

LABELS = {"y", "labels"}

REST = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def latent_scorer(metric, /, *, greater_is_better=False, **kwargs):
    """Make a scorer for model selection from a metric of codes.

    ``GridSearchCV(pipeline, grid, scoring=latent_scorer(gap_fraction))`` searches for the
    latent space with the smallest gaps. The scorer works with any estimator that has
    ``transform``, PCA for example, and with pipelines.

    Parameters
    ----------
    metric : callable or str
        A function of `skae.metrics`, its name, or any other function that returns a number
        or an object with the attribute ``value``. Its parameters without a default are
        filled by name:

        ============= =====================================================================
        ``X_latent``  codes of X: ``sample_posterior(X)`` if the estimator has that method,
                      else ``transform(X)``; always the latter for a metric that
                      takes ``X`` too, and compares codes with rows
        ``X``         the rows
        ``y``         the labels; filled if it has a default too
        ``decode``    ``inverse_transform`` of the estimator
        ``X_real``    the rows
        ``X_sampled`` as many rows drawn by ``sample`` of the estimator
        ============= =====================================================================

        A metric with none of ``X_latent``, ``X_real`` and ``X_sampled`` is given the codes
        as its first argument, whatever that is called, and y as its parameter ``y`` or
        ``labels``, as in :func:`sklearn.metrics.silhouette_score`.

    greater_is_better : bool, default=False
        Whether greater values are better. False changes the sign, as search maximizes. For
        ``trustworthiness``, ``neighborhood_continuity`` and ``sample_quality`` pass True.

    **kwargs
        Further arguments of the metric. ``random_state`` is also the seed of
        ``sample_posterior`` and ``sample``; with an int every call draws the same, without
        it scores vary from call to call.

    Returns
    -------
    scorer : callable
        From (estimator, X, y=None) to a float, greater being better. It can be pickled and
        deep-copied if the metric and its arguments can.

    Raises
    ------
    ValueError
        For an unknown name; and by the scorer, if the metric needs labels and y is None.
    TypeError
        If the metric takes no argument of a name in ``kwargs``, or needs one that is not
        there; and by the scorer, if the estimator lacks a method that it needs.

    See Also
    --------
    sklearn.metrics.make_scorer : The same for metrics of predictions.

    Notes
    -----
    In a pipeline the last step makes the codes and the samples: ``sample_posterior`` is given
    what the steps before it return, and what ``sample`` returns goes back through
    their ``inverse_transform``. Of a fitted search the best estimator is used.

    The metrics depend on the number of rows: scores compare candidates on folds of one size,
    and do not compare with a report on all rows. A gap fraction alone is smallest for a
    latent space that collapsed; search with a measure of reconstruction beside it, by a
    dict of scorers. Of metrics that return intervals too, ``n_resamples=0`` saves their cost.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import cross_validate
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skae.metrics import gap_fraction, latent_scorer, trustworthiness
    >>> scoring = {
    ...     "gap": latent_scorer(gap_fraction, sampler="normal", random_state=0),
    ...     "trust": latent_scorer(trustworthiness, greater_is_better=True, n_neighbors=5),
    ... }
    >>> pipeline = make_pipeline(StandardScaler(), PCA(2))
    >>> X, _ = load_iris(return_X_y=True)
    >>> result = cross_validate(pipeline, X, scoring=scoring, cv=3)
    >>> bool((result["test_gap"] <= 0).all() and (result["test_trust"] > 0.8).all())
    True
    """
    if isinstance(metric, str):
        metric = _by_name(metric)
    elif not callable(metric):
        raise TypeError(f"metric must be a callable or a name. Got {metric!r} instead.")
    return _LatentScorer(metric, greater_is_better, kwargs)


class _LatentScorer:
    """What `latent_scorer` returns."""

    def __init__(self, metric, greater_is_better, kwargs):
        self.metric = metric
        self.greater_is_better = greater_is_better
        self.kwargs = kwargs
        self.codes_first, self.filled, self.own, self.needs_labels = _plan(metric, kwargs)

    def __repr__(self):
        kwargs = "".join(f", {name}={value!r}" for name, value in self.kwargs.items())
        name = _name(self.metric)
        return f"latent_scorer({name}, greater_is_better={self.greater_is_better}{kwargs})"

    def __call__(self, estimator, X, y=None):
        """Score of a fitted estimator on the rows X with the labels y."""
        if y is None and self.needs_labels:
            raise ValueError(f"{_name(self.metric)} needs class labels, but y is None: pass y.")
        random_state = as_random_state(self.kwargs.get("random_state"))
        task = (estimator, X, y, random_state)
        codes = [_codes(*task)] if self.codes_first else []
        result = self.metric(
            *codes, **{name: fill(*task) for name, fill in self.filled.items()}, **self.own
        )
        value = getattr(result, "value", result)
        if np.ndim(value) or np.asarray(value).dtype.kind not in "fiub":
            raise TypeError(
                f"{_name(self.metric)} must return a number, or an object with the attribute "
                f"value. Got {result!r} instead."
            )
        return float(value) if self.greater_is_better else -float(value)


def _name(metric):
    return getattr(metric, "__name__", repr(metric))


def _by_name(name):
    """The metric of that name."""
    if name not in NAMES:
        raise ValueError(f"metric must be a callable or one of {NAMES}. Got {name!r} instead.")
    return getattr(import_module(__package__), name)


def _plan(metric, kwargs):
    """How to call a metric.

    Returns
    -------
    codes_first : bool
        Whether it is given the codes as first argument, whatever that is called.
    filled : dict
        Functions of (estimator, X, y, random_state) that fill its parameters, by name.
    own : dict
        The user's arguments.
    needs_labels : bool
    """
    parameters = signature(metric).parameters.values()
    needed = {p.name: p.default is Parameter.empty for p in parameters if p.kind not in REST}
    codes_first = CODES.isdisjoint(needed)
    if codes_first:
        needed = dict(list(needed.items())[1:])
    fillers = {**FILLERS, "X_latent": _means} if needed.get("X") else FILLERS
    filled = {
        name: fillers[name]
        for name in needed  # in this order they draw from one random state
        if name in fillers and name not in kwargs and (needed[name] or name in LABELS)
    }
    own = {k: v for k, v in kwargs.items() if k in needed or k != "random_state"}
    if not any(p.kind is Parameter.VAR_KEYWORD for p in parameters):
        _check_names(own.keys() - needed.keys(), "takes no parameter", metric)
    required = {name for name, is_needed in needed.items() if is_needed}
    _check_names(required - filled.keys() - own.keys(), "needs, as keyword argument,", metric)
    return codes_first, filled, own, bool(required & LABELS & filled.keys())


def _check_names(wrong, problem, metric):
    """Raise if there are such names."""
    if wrong:
        raise TypeError(f"{_name(metric)} {problem} {', '.join(sorted(wrong))}.")


def _rows(estimator, X, y, random_state):
    return X


def _labels(estimator, X, y, random_state):
    return y


def _means(estimator, X, y, random_state):
    """Codes without noise."""
    return np.asarray(estimator.transform(X))


def _codes(estimator, X, y, random_state):
    """Codes as the decoder was trained on: samples of the posterior, if there is one."""
    return latent_codes(estimator, X, random_state=random_state)


def _sampled(estimator, X, y, random_state):
    """Rows drawn from the estimator, as many as X has."""
    return sampled_rows(estimator, np.shape(X)[0], random_state)


def _decoder(estimator, X, y, random_state):
    """The way from codes to rows."""
    return required_decoder(estimator)


# What fills a parameter, by its name.
FILLERS = {
    "X_latent": _codes,
    "X": _rows,
    "y": _labels,
    "labels": _labels,
    "decode": _decoder,
    "X_real": _rows,
    "X_sampled": _sampled,
}
