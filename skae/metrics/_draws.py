"""Points of the latent space drawn by a law: by name, by an estimator, by a function, as given."""

import inspect
import warnings

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from skae._validation import as_numpy
from skae.sampling import LATENT_SAMPLERS, draw, fit_latent_sampler, takes_labels

from ._inputs import check_made
from ._resampling import subsample

__all__ = ["SAMPLERS", "latent_draws", "sampler_name"]

# Codes that a law is fitted on, at most.
MAX_LAW_ROWS = 10_000


def _interpolate(codes, n_draws, rng):
    """Points on the segments between two random codes."""
    first = rng.randint(len(codes), size=n_draws)
    second = (first + rng.randint(1, len(codes), size=n_draws)) % len(codes)
    share = rng.uniform(size=(n_draws, 1))
    return (1 - share) * codes[first] + share * codes[second]


def _resample(codes, n_draws, rng):
    """Codes themselves, with replacement."""
    return codes[rng.randint(len(codes), size=n_draws)]


OWN_SAMPLERS = {"interpolate": _interpolate, "resample": _resample}

# Those by class need labels beside the codes: they come fitted.
SAMPLERS = [*(name for name in LATENT_SAMPLERS if not takes_labels(name)), *OWN_SAMPLERS]


def sampler_name(sampler):
    """What reports call the law."""
    if isinstance(sampler, str):
        return sampler
    if _is_array(sampler) or not (hasattr(sampler, "sample") or callable(sampler)):
        return "array"
    name = getattr(sampler, "__name__", type(sampler).__name__)
    return "function" if name == "<lambda>" else name


def _is_array(sampler):
    """Whether it holds draws: tables have a method ``sample`` too."""
    return isinstance(sampler, list | tuple) or hasattr(sampler, "__array__")


def latent_draws(sampler, codes, n_draws, rng):
    """Draw points of the latent space.

    Parameters
    ----------
    sampler : str, estimator, callable or array-like of shape (n_draws, n_components)
        A name from `SAMPLERS`; an estimator with ``sample``, fitted on the codes unless
        it is fitted already; a function of the number of draws (and of ``random_state``,
        if it has that parameter); or the draws.
    codes : ndarray of shape (n_samples, n_components)
    n_draws : int
        Number of draws; an array keeps its own.
    rng : RandomState

    Returns
    -------
    draws : ndarray of shape (n_draws, n_components)
    """
    if isinstance(sampler, str):
        if sampler not in SAMPLERS:
            raise ValueError(f"sampler must be one of {SAMPLERS}. Got {sampler!r} instead.")
        if sampler in OWN_SAMPLERS:
            return OWN_SAMPLERS[sampler](codes, n_draws, rng)
    elif _is_array(sampler) and not isinstance(sampler, type):
        return _check_draws(sampler, codes)
    elif isinstance(sampler, type) or not (hasattr(sampler, "sample") or callable(sampler)):
        raise TypeError(
            "sampler must be a name, an instance of an estimator with sample, a function of the "
            f"number of draws, or an array of draws. Got {sampler!r} instead."
        )
    if isinstance(sampler, str) or hasattr(sampler, "sample"):
        law = _fitted_law(sampler, codes, rng)
        with warnings.catch_warnings():  # of a covariance that is symmetric but for rounding
            warnings.filterwarnings("ignore", "covariance is not", RuntimeWarning)
            draws = draw(law, n_draws, codes.shape[1], rng, name="sampler")
        return _check_draws(draws, codes)
    takes_state = "random_state" in inspect.signature(sampler).parameters
    return _check_draws(sampler(n_draws, **({"random_state": rng} if takes_state else {})), codes)


def _fitted_law(sampler, codes, rng):
    """The law itself if it is fitted, else one fitted on the codes."""
    if not isinstance(sampler, str):
        if not isinstance(sampler, BaseEstimator):
            return sampler
        try:
            check_is_fitted(sampler)
            return sampler
        except NotFittedError:
            pass
    if not (isinstance(sampler, str) and sampler == "box"):  # the box of all codes is cheap
        codes = codes[subsample(len(codes), MAX_LAW_ROWS, rng)]
    return fit_latent_sampler(sampler, codes, rng.randint(2**31 - 1))


def _check_draws(draws, codes):
    """Draws as a finite float array as wide as the codes."""
    draws = np.asarray(as_numpy(draws))
    if draws.ndim != 2 or draws.shape[1] != codes.shape[1]:
        raise ValueError(
            f"sampler must give draws of shape (n_draws, {codes.shape[1]}), as wide as the "
            f"codes. Got shape {draws.shape} instead."
        )
    return check_made(draws, name="the sampler's draws")
