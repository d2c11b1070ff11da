"""What can be had from fitted transformers, pipelines and searches: codes, decoder, rows drawn."""

import inspect

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from skae.sampling import raw_draws

__all__ = [
    "NamedLaw",
    "decoder_of",
    "final_step",
    "latent_codes",
    "own_law",
    "posterior_of",
    "required_decoder",
    "sampled_rows",
]


def final_step(estimator):
    """The estimator that searches and pipelines end in."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif isinstance(estimator, Pipeline):
            estimator = _last_step(estimator)[1]
        else:
            return estimator


def _last_step(pipeline):
    """Position of the last step that does something, and the step."""
    steps = [step for _, step in pipeline.steps]
    working = [i for i, step in enumerate(steps) if step not in (None, "passthrough")]
    return (working[-1], steps[working[-1]]) if working else (0, FunctionTransformer())


def latent_codes(estimator, X, *, random_state=None):
    """Codes of the rows of X: posterior samples where the estimator draws them.

    Parameters
    ----------
    estimator : estimator instance
        Fitted transformer, a pipeline that ends in one, or a search over either.
    X : array-like of shape (n_samples, n_features)
        Rows as the estimator (the pipeline's first step) takes them.
    random_state : int, RandomState instance or None, default=None
        Seed of ``sample_posterior``.

    Returns
    -------
    X_latent : ndarray of shape (n_samples, n_components)
        ``sample_posterior(X)`` of the final step if it has it, since that is what its decoder
        was trained on, else ``transform(X)``.
    """
    if isinstance(estimator, BaseEstimator):
        check_is_fitted(estimator)
    if hasattr(final_step(estimator), "sample_posterior"):
        return _posterior_samples(*_last_with_input(estimator, X), random_state)
    if not hasattr(estimator, "transform"):
        return _embedding(final_step(estimator), X)
    codes = estimator.transform(X)
    return codes.toarray() if hasattr(codes, "toarray") else np.asarray(codes)


def _embedding(estimator, X):
    """What an estimator without ``transform`` (TSNE) has made of the rows it was fitted on."""
    codes = getattr(estimator, "embedding_", None)
    if codes is None:
        raise TypeError(
            f"estimator must have transform or sample_posterior. Got {estimator!r} instead; give "
            "codes instead of an estimator."
        )
    n_rows = np.shape(X)[0]
    if len(codes) != n_rows:
        raise ValueError(
            f"{type(estimator).__name__} has no transform, so X must be the {len(codes)} rows it "
            f"was fitted on. Got {n_rows} rows instead."
        )
    return np.asarray(codes)


def _last_with_input(estimator, X):
    """The final step, and X after the steps before it."""
    if hasattr(estimator, "best_estimator_"):
        return _last_with_input(estimator.best_estimator_, X)
    if isinstance(estimator, Pipeline):
        position, step = _last_step(estimator)
        return _last_with_input(step, estimator[:position].transform(X) if position else X)
    return estimator, X


def posterior_of(estimator, X):
    """Means and standard deviations of the rows' posteriors, or None where there are none."""
    last, X = _last_with_input(estimator, X)
    return last._posterior(X) if hasattr(last, "_posterior") else None


def _posterior_samples(estimator, X, random_state):
    """Posterior samples of an estimator that draws them."""
    seedable = "random_state" in inspect.signature(estimator.sample_posterior).parameters
    options = {"random_state": random_state} if seedable else {}
    return np.asarray(estimator.sample_posterior(X, **options))


def decoder_of(estimator):
    """``inverse_transform`` of the estimator or of the whole pipeline; None if it has none."""
    return getattr(estimator, "inverse_transform", None)


def required_decoder(estimator):
    """`decoder_of` the estimator; raises TypeError that names what lacks inverse_transform."""
    decode = decoder_of(estimator)
    if decode is not None:
        return decode
    lacking = type(estimator).__name__
    if isinstance(estimator, Pipeline):
        steps = [name for name, step in estimator.steps if _cannot_decode(step)]
        lacking += f", whose step {', '.join(map(repr, steps))} lacks it"
    raise TypeError(f"estimator must have inverse_transform, to decode. Got {lacking} instead.")


def _cannot_decode(step):
    return step is not None and step != "passthrough" and not hasattr(step, "inverse_transform")


class NamedLaw:
    """A fitted law of codes, by the name that reports call it."""

    def __init__(self, law, name):
        self.law = law
        self.__name__ = name

    def sample(self, n_samples, random_state=None):
        return raw_draws(self.law, n_samples, random_state)


def own_law(estimator):
    """The law that the final step samples from, by its word for it; None if it has none."""
    last = final_step(estimator)
    if not hasattr(last, "latent_sampler_"):
        return None
    law, name = last.latent_sampler_, getattr(last, "latent_sampler", None)
    return NamedLaw(law, name if isinstance(name, str) else type(law).__name__)


def sampled_rows(estimator, n_samples, random_state):
    """Rows drawn from the estimator, in the units that its first step takes."""
    if hasattr(estimator, "best_estimator_"):
        return sampled_rows(estimator.best_estimator_, n_samples, random_state)
    if isinstance(estimator, Pipeline):
        position, step = _last_step(estimator)
        rows = sampled_rows(step, n_samples, random_state)
        return required_decoder(estimator[:position])(rows) if position else rows
    if not hasattr(estimator, "sample"):
        raise TypeError(
            f"estimator must have sample, to draw rows. Got {estimator!r} instead; give codes and "
            "a decoder instead of an estimator."
        )
    return raw_draws(estimator, n_samples, random_state)
