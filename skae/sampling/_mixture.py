"""Gaussian mixtures whose number of components the codes choose."""

import copy
import warnings
from numbers import Integral

import numpy as np
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from skae._validation import Interval, StrOptions, _fit_context, restored_on_error

from ._densities import LatentDensity, variance_floor

__all__ = ["GaussianMixtureDensity"]

# Components that are tried, at most, and codes for each, at least.
MAX_COMPONENTS = 20
MIN_CODES = 10

# Numbers of components in a row without a smaller BIC that end the search.
PATIENCE = 3


class GaussianMixtureDensity(LatentDensity):
    """Gaussian mixture with the number of components of smallest BIC.

    With weights w, means m and full covariances S::

        p(z) = sum_k w_k N(z; m_k, S_k)

    Unlike :class:`~sklearn.mixture.GaussianMixture`, which does the work, it chooses the
    number of components by the Bayesian information criterion [1]_, takes codes of any
    scale, and draws anew in every call of `sample`.

    Parameters
    ----------
    n_components : int or 'bic', default='bic'
        Number of normal laws in the mixture. ``'bic'`` tries 1, 2, 3, … up to 20, and keeps
        that of smallest BIC. It ends after three in a row that bring nothing, and
        where there would be fewer than ten codes for each.
    random_state : int, RandomState instance or None, default=None
        Seed of the start of the fits.

    Attributes
    ----------
    mixture_ : GaussianMixture
        The mixture chosen.
    n_components_ : int
        Its number of components.
    n_features_in_ : int
        Number of features (latent components) seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    See Also
    --------
    sklearn.mixture.GaussianMixture : What is fitted.
    ClassConditionalDensity : One such mixture for each class.

    Notes
    -----
    The variances of every component are raised by 10⁻⁶ of the mean variance of the codes.
    This is what collapsed axes, and codes that are all equal, have for variance.

    References
    ----------
    .. [1] Gideon Schwarz, "Estimating the dimension of a model", Annals of Statistics 6, 1978.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.sampling import GaussianMixtureDensity
    >>> rng = np.random.RandomState(0)
    >>> X_latent = rng.standard_normal((300, 2)) + 10 * rng.randint(2, size=(300, 1))
    >>> law = GaussianMixtureDensity(random_state=0).fit(X_latent)
    >>> law.n_components_
    2
    >>> law.sample(5, random_state=0).shape
    (5, 2)
    """

    _parameter_constraints = {
        "n_components": [StrOptions({"bic"}), Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, n_components="bic", *, random_state=None):
        self.n_components = n_components
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Fit the mixture.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.
        y : Ignored
            Present for API consistency.

        Returns
        -------
        self : GaussianMixtureDensity
            The fitted density.
        """
        # A second thread makes fits on codes, which are few numbers, no faster but slower.
        with restored_on_error(self), threadpool_limits(1, user_api="blas"):
            return self._fit(self._check_codes(X, reset=True))

    def _fit(self, X):
        if len(X) == 1:  # mixtures need two rows; one code twice is the same law
            X = np.repeat(X, 2, axis=0)
        seed = np.random.RandomState() if self.random_state is None else self.random_state
        if self.n_components == "bic":
            self.mixture_ = _best_mixture(X, seed)
        else:
            self.mixture_ = _mixture(self.n_components, X, seed)
        self.n_components_ = self.mixture_.n_components
        return self

    def sample(self, n_samples=1, random_state=None):
        """Draw points of the latent space.

        Parameters
        ----------
        n_samples : int, default=1
            Number of points.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws.

        Returns
        -------
        X : ndarray of shape (n_samples, n_components)
            Points, those of the first component first.
        """
        rng = self._begin_draws(n_samples, random_state)
        mixture = copy.copy(self.mixture_)
        mixture.random_state = rng  # it draws from the state that it was built with
        return mixture.sample(n_samples)[0]

    def score_samples(self, X):
        """Log density of points.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Points of the latent space.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            In nats.
        """
        return self.mixture_.score_samples(self._begin_scoring(X))


def _mixture(n_components, codes, random_state):
    """Fitted mixture whose floor on variances knows the codes' spread and size.

    It is fitted about their mean, as the squares of far-off codes lose the spread to rounding.
    """
    from sklearn.mixture import GaussianMixture  # slow to import

    center = codes.mean(axis=0)
    mixture = GaussianMixture(
        n_components, reg_covar=variance_floor(codes), random_state=random_state
    )
    # Under array API dispatch mixtures refuse to start from k-means.
    with config_context(array_api_dispatch=False), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(codes - center)
    mixture.means_ += center
    return mixture


def _best_mixture(codes, random_state):
    """Mixture of smallest BIC among numbers of components tried upwards."""
    best = _mixture(1, codes, random_state)
    best_bic, failures = best.bic(codes), 0
    for n_components in range(2, min(MAX_COMPONENTS, len(codes) // MIN_CODES) + 1):
        mixture = _mixture(n_components, codes, random_state)
        bic = mixture.bic(codes)
        if bic < best_bic:
            best, best_bic, failures = mixture, bic, 0
        else:
            failures += 1
        if failures == PATIENCE:
            break
    return best
