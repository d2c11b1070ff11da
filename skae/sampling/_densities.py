"""The frame of latent densities, and those that need no iteration: box, N(0, I), kernels."""

from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from skae._validation import as_numpy, as_random_state, check_finite, restored_on_error

__all__ = [
    "BoxDensity",
    "LatentDensity",
    "StandardNormalDensity",
    "WhitenedKernelDensity",
    "variance_floor",
]


def variance_floor(codes):
    """Smallest variance that a law gives an axis, in proportion to the codes' spread and size.

    It makes collapsed axes, along which codes have no density, narrow ones, the same in
    every law, so that log densities of laws can be compared.
    """
    centred = codes - codes.mean(axis=0)
    rounding = np.square(4 * np.finfo(np.float64).eps * codes).mean()
    return max(1e-6 * centred.var(axis=0).mean(), rounding) or 1e-12


class LatentDensity(DensityMixin, BaseEstimator):
    """Frame of the densities: checks, and the mean log density as score."""

    def _check_codes(self, X, *, reset):
        """X as a finite float64 array; sets or checks the number of features."""
        with restored_on_error(self):  # a failed fit leaves no number of features behind
            X = validate_data(
                self, as_numpy(X), reset=reset, dtype=np.float64, ensure_all_finite=False
            )
            check_finite(X)
        return X

    def _begin_draws(self, n_samples, random_state):
        """Raise for what cannot be drawn; the random state to draw from."""
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        return as_random_state(random_state)

    def _begin_scoring(self, X):
        """Raise for points that have no density here; the points."""
        check_is_fitted(self)
        return self._check_codes(X, reset=False)

    def score(self, X, y=None):
        """Mean of `score_samples` over the rows of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Points of the latent space.
        y : Ignored
            Not used.

        Returns
        -------
        log_density : float
            In nats for a point; higher is better.
        """
        return float(np.mean(self.score_samples(X)))


class BoxDensity(LatentDensity):
    """Uniform law on the bounding box of the codes.

    With l and h the smallest and largest code on every axis::

        p(z) = 1 / prod_j (h_j − l_j)   if l_j ≤ z_j ≤ h_j for all j, else 0

    Attributes
    ----------
    low_, high_ : ndarray of shape (n_components,)
        Corners of the box.
    n_features_in_ : int
        Number of features (latent components) seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    See Also
    --------
    skae.metrics.gap_fraction : How much of the box is empty.

    Notes
    -----
    An axis on which all codes are equal is given the half-width 0.001 times the root mean
    square spread of all axes.

    Examples
    --------
    >>> from skae.sampling import BoxDensity
    >>> law = BoxDensity().fit([[0.0, 0.0], [2.0, 4.0]])
    >>> law.score_samples([[1.0, 1.0], [3.0, 1.0]])
    array([-2.079...,        -inf])
    >>> law.sample(3, random_state=0).shape
    (3, 2)
    """

    def fit(self, X, y=None):
        """Find the bounding box.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.
        y : Ignored
            Present for API consistency.

        Returns
        -------
        self : BoxDensity
            The fitted density.
        """
        X = self._check_codes(X, reset=True)
        low, high = X.min(axis=0), X.max(axis=0)
        margin = np.where(low == high, np.sqrt(variance_floor(X)), 0)
        self.low_, self.high_ = low - margin, high + margin
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
            Points.
        """
        rng = self._begin_draws(n_samples, random_state)
        return rng.uniform(self.low_, self.high_, (n_samples, len(self.low_)))

    def score_samples(self, X):
        """Log density of points.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Points of the latent space.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            In nats; −inf outside of the box.
        """
        X = self._begin_scoring(X)
        inside = ((self.low_ <= X) & (self.high_ >= X)).all(axis=1)
        return np.where(inside, -np.log(self.high_ - self.low_).sum(), -np.inf)


class StandardNormalDensity(LatentDensity):
    """N(0, I), wherever the codes are: the prior of variational autoencoders.

    For d components::

        log p(z) = −‖z‖² / 2 − (d / 2) log 2π

    Attributes
    ----------
    n_features_in_ : int
        Number of features (latent components) seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    See Also
    --------
    GaussianMixtureDensity : With ``n_components=1``, the normal law of the codes.
    skae.metrics.prior_mismatch : How far codes are from N(0, I).

    Examples
    --------
    >>> from skae.sampling import StandardNormalDensity
    >>> law = StandardNormalDensity().fit([[5.0, 5.0], [6.0, 4.0]])
    >>> law.score_samples([[0.0, 0.0]])
    array([-1.837...])
    """

    def fit(self, X, y=None):
        """Find the number of components.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes; nothing but their number of components is used.
        y : Ignored
            Present for API consistency.

        Returns
        -------
        self : StandardNormalDensity
            The fitted density.
        """
        self._check_codes(X, reset=True)
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
            Points.
        """
        rng = self._begin_draws(n_samples, random_state)
        return rng.standard_normal((n_samples, self.n_features_in_))

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
        X = self._begin_scoring(X)
        return -(np.square(X).sum(axis=1) + X.shape[1] * np.log(2 * np.pi)) / 2


class WhitenedKernelDensity(LatentDensity):
    """Gaussian kernel density whose kernel has the shape of the codes' covariance.

    With S the covariance of the n codes in d components, and h = n^(−1 / (d + 4)), Scott's
    factor [1]_::

        p(z) = (1 / n) sum_i N(z; z_i, h² S)

    It is :class:`~sklearn.neighbors.KernelDensity` of the whitened codes, and
    :class:`scipy.stats.gaussian_kde` with a covariance that divides by n.

    Attributes
    ----------
    mean_ : ndarray of shape (n_components,)
        Mean of the codes.
    axes_ : ndarray of shape (n_components, n_components)
        Principal axes of the codes, one a row.
    spread_ : ndarray of shape (n_components,)
        Standard deviation of the codes along each of them.
    density_ : KernelDensity
        Fitted on the codes in these coordinates, divided by the spread.
    n_features_in_ : int
        Number of features (latent components) seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    See Also
    --------
    sklearn.neighbors.KernelDensity : Round kernels of one bandwidth.
    GaussianMixtureDensity : Few kernels of any shape.

    Notes
    -----
    Principal axes along which the codes are narrower than 0.001 times the root mean square
    spread of all axes count as that wide.

    Codes in several clumps have a covariance much wider than a clump, and so is the kernel:
    draws then spread into the gaps between.

    References
    ----------
    .. [1] David W. Scott, "Multivariate density estimation", Wiley, 1992, eq. 6.42.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.sampling import WhitenedKernelDensity
    >>> X_latent = np.random.RandomState(0).standard_normal((1000, 2)) * [1, 100]
    >>> law = WhitenedKernelDensity().fit(X_latent)
    >>> law.score_samples([[0.0, 0.0]])
    array([-6.5...])
    """

    def fit(self, X, y=None):
        """Whiten the codes, and set a kernel on each.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.
        y : Ignored
            Present for API consistency.

        Returns
        -------
        self : WhitenedKernelDensity
            The fitted density.
        """
        from sklearn.neighbors import KernelDensity  # slow to import

        X = self._check_codes(X, reset=True)
        self.mean_ = X.mean(axis=0)
        # Rows of zeros complete the axes where there are fewer codes than components.
        missing = np.zeros((max(0, X.shape[1] - len(X)), X.shape[1]))
        centred = np.vstack([X - self.mean_, missing])
        _, singular_values, self.axes_ = np.linalg.svd(centred, full_matrices=False)
        spread = singular_values / np.sqrt(len(X))
        self.spread_ = np.maximum(spread, np.sqrt(variance_floor(X)))
        self.density_ = KernelDensity(bandwidth="scott").fit(self._whitened(X))
        return self

    def _whitened(self, X):
        return (X - self.mean_) @ self.axes_.T / self.spread_

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
            Points.
        """
        rng = self._begin_draws(n_samples, random_state)
        whitened = self.density_.sample(n_samples, random_state=rng)
        return whitened * self.spread_ @ self.axes_ + self.mean_

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
        X = self._begin_scoring(X)
        return self.density_.score_samples(self._whitened(X)) - np.log(self.spread_).sum()
