"""A name or an estimator becomes a density fitted on codes."""

import inspect
from functools import partial

import numpy as np
from sklearn.base import clone

from ._class_conditional import ClassConditionalDensity
from ._densities import BoxDensity, StandardNormalDensity, WhitenedKernelDensity
from ._mixture import GaussianMixtureDensity
from ._posterior import PosteriorDensity

__all__ = [
    "LATENT_SAMPLERS",
    "fit_latent_sampler",
    "fit_posterior",
    "is_posterior",
    "takes_labels",
]

LATENT_SAMPLERS = {
    "gmm": GaussianMixtureDensity,
    "normal": partial(GaussianMixtureDensity, 1),
    "kde": WhitenedKernelDensity,
    "box": BoxDensity,
    "standard_normal": StandardNormalDensity,
    "class_conditional": ClassConditionalDensity,
}

# Those that need more than codes and labels: estimators that have it fit them themselves.
OTHER_LAWS = {"posterior": PosteriorDensity}


def fit_latent_sampler(sampler, codes, random_state, y=None):
    """Fit a latent law on codes.

    Parameters
    ----------
    sampler : str or estimator
        Key of `LATENT_SAMPLERS`, or an estimator with ``fit`` and ``sample``, which is
        cloned, and seeded if its ``random_state`` is None.
    codes : array of shape (n_samples, n_components)
    random_state : int
        Seed of the fit.
    y : array of shape (n_samples,), optional
        Labels, for laws that can draw by class; no other law sees them.

    Returns
    -------
    fitted estimator with ``sample``
    """
    codes = np.asarray(codes, dtype=np.float64)
    law = _unfitted(sampler)
    if law.get_params().get("random_state", random_state) is None:
        law.set_params(random_state=random_state)
    labels = () if y is None or not takes_labels(law) else (y,)
    if len(codes) == 1:  # mixtures need two rows; one code twice is the same law
        codes, *labels = (np.repeat(part, 2, axis=0) for part in (codes, *labels))
    return law.fit(codes, *labels)


def is_posterior(sampler):
    """Whether a law, by name or as an estimator, is the aggregated posterior."""
    return isinstance(_unfitted(sampler), PosteriorDensity)


def fit_posterior(sampler, means, stds, random_state):
    """The aggregated posterior of rows, by name or as an estimator."""
    law = _unfitted(sampler)
    if law.random_state is None:
        law.set_params(random_state=random_state)
    return law.fit(means, X_std=stds)


def takes_labels(sampler):
    """Whether a law, by name or as an estimator, can draw by class: its ``sample`` takes y."""
    return "y" in inspect.signature(_unfitted(sampler).sample).parameters


def _unfitted(sampler):
    """A law that has seen nothing, from its name or as a clone."""
    if isinstance(sampler, str):
        return {**LATENT_SAMPLERS, **OTHER_LAWS}[sampler]()
    return clone(sampler)
