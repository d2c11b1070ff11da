"""Latent laws: a name or an estimator becomes a density fitted on codes; draws from it."""

import copy
import inspect
import warnings

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from ._validation import as_random_state

__all__ = ["LATENT_SAMPLERS", "draw", "fit_latent_sampler", "raw_draws"]

MAX_MIXTURE_COMPONENTS = 20


class BoxDensity(BaseEstimator):
    """Uniform law on the bounding box of the codes."""

    def fit(self, X, y=None):
        self.low_, self.high_ = X.min(axis=0), X.max(axis=0)
        return self

    def sample(self, n_samples=1, random_state=None):
        size = (n_samples, len(self.low_))
        return as_random_state(random_state).uniform(self.low_, self.high_, size)


class StandardNormalDensity(BaseEstimator):
    """N(0, I), wherever the codes are."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def sample(self, n_samples=1, random_state=None):
        return as_random_state(random_state).standard_normal((n_samples, self.n_features_in_))


class WhitenedKernelDensity(BaseEstimator):
    """Gaussian kernel density whose kernel has the shape of the codes' covariance.

    The bandwidth is Scott's factor ``n ** (-1 / (d + 4))`` in whitened coordinates
    [D. W. Scott, "Multivariate Density Estimation", 1992, eq. 6.42].
    """

    def fit(self, X, y=None):
        self.mean_ = X.mean(axis=0)
        _, singular_values, self.axes_ = np.linalg.svd(X - self.mean_, full_matrices=False)
        self.spread_ = singular_values / np.sqrt(len(X))
        whitened = (X - self.mean_) @ self.axes_.T / np.where(self.spread_ > 0, self.spread_, 1)
        self.density_ = KernelDensity(bandwidth="scott").fit(whitened)
        return self

    def sample(self, n_samples=1, random_state=None):
        whitened = self.density_.sample(n_samples, random_state=as_random_state(random_state))
        return whitened * self.spread_ @ self.axes_ + self.mean_


def _mixture(n_components, codes, random_state):
    """Gaussian mixture with a floor on variances in proportion to those of the codes.

    It is fitted about their mean, as the squares of far-off codes lose the spread to rounding.
    """
    center = codes.mean(axis=0)
    centred = codes - center
    rounding = np.square(4 * np.finfo(np.float64).eps * codes).mean()
    floor = max(1e-6 * centred.var(axis=0).mean(), rounding) or 1e-12
    mixture = GaussianMixture(n_components, reg_covar=floor, random_state=random_state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(centred)
    mixture.means_ += center
    return mixture


def best_mixture(codes, random_state):
    """Gaussian mixture with the number of components of smallest BIC.

    Counts are tried upwards until three in a row bring nothing, or there are fewer
    than ten codes for each component.
    """
    best = _mixture(1, codes, random_state)
    best_bic, failures = best.bic(codes), 0
    for n_components in range(2, min(MAX_MIXTURE_COMPONENTS, len(codes) // 10) + 1):
        mixture = _mixture(n_components, codes, random_state)
        bic = mixture.bic(codes)
        if bic < best_bic:
            best, best_bic, failures = mixture, bic, 0
        else:
            failures += 1
        if failures == 3:
            break
    return best


LATENT_SAMPLERS = {
    "gmm": best_mixture,
    "normal": lambda codes, random_state: _mixture(1, codes, random_state),
    "kde": lambda codes, random_state: WhitenedKernelDensity().fit(codes),
    "box": lambda codes, random_state: BoxDensity().fit(codes),
    "standard_normal": lambda codes, random_state: StandardNormalDensity().fit(codes),
}


def fit_latent_sampler(sampler, codes, random_state):
    """Fit a latent law on codes.

    Parameters
    ----------
    sampler : str or estimator
        Key of `LATENT_SAMPLERS`, or an estimator with ``fit`` and ``sample``, which is
        cloned, and seeded if its ``random_state`` is None.
    codes : array of shape (n_samples, n_components)
    random_state : int
        Seed of the fit.

    Returns
    -------
    fitted estimator with ``sample``
    """
    codes = np.asarray(codes, dtype=np.float64)
    if len(codes) == 1:  # mixtures need two rows; one code twice is the same law
        codes = np.repeat(codes, 2, axis=0)
    if isinstance(sampler, str):
        return LATENT_SAMPLERS[sampler](codes, random_state)
    law = clone(sampler)
    if law.get_params().get("random_state", random_state) is None:
        law.set_params(random_state=random_state)
    return law.fit(codes)


def raw_draws(law, n_samples, random_state):
    """What a fitted law draws, as it is.

    Laws whose ``sample`` takes no ``random_state`` draw from the one they were built
    with (GaussianMixture): a shallow copy is given another. Laws that return more than
    the draws (GaussianMixture: the components too) have the draws first.
    """
    rng = as_random_state(random_state)
    if "random_state" in inspect.signature(law.sample).parameters:
        draws = law.sample(n_samples, random_state=rng)
    else:
        law = copy.copy(law)
        law.random_state = rng
        draws = law.sample(n_samples)
    return np.asarray(draws[0] if isinstance(draws, tuple) else draws)


def draw(law, n_samples, n_components, random_state, *, name="latent_sampler"):
    """Array of shape (n_samples, n_components) of draws from a fitted law, in random order.

    Those of a mixture do not come so by themselves. Errors call the law ``name``.
    """
    rng = as_random_state(random_state)
    draws = raw_draws(law, n_samples, rng)
    if draws.shape != (n_samples, n_components):
        raise ValueError(
            f"{name} must draw codes of shape ({n_samples}, {n_components}). "
            f"Got draws of shape {draws.shape} from {law!r} instead."
        )
    return draws[rng.permutation(n_samples)]
