"""The aggregated posterior of a variational model: a normal law for every training row."""

from numbers import Integral

import numpy as np
from scipy.special import logsumexp
from sklearn.utils import check_array, gen_batches

from skae._validation import (
    Interval,
    _fit_context,
    as_numpy,
    as_random_state,
    restored_on_error,
)

from ._densities import LatentDensity

__all__ = ["PosteriorDensity"]

# Densities of one block of points under all rows (16 MiB).
BLOCK_SIZE = 2**21


class PosteriorDensity(LatentDensity):
    """Aggregated posterior of a variational model: the mean of the posteriors of all rows.

    With the mean m_i and the standard deviations s_i that a Gaussian encoder gives row i::

        p(z) = (1 / n) sum_i N(z; m_i, diag(s_i²))

    It is the law that the decoder was trained on, and the law that N(0, I) is to
    approximate [1]_.

    Parameters
    ----------
    max_samples : int, default=10_000
        Rows to keep, at most; a random subset of them if there are more.
    random_state : int, RandomState instance or None, default=None
        Draws the subset.

    Attributes
    ----------
    means_, stds_ : ndarray of shape (n_rows, n_components)
        The posteriors of the rows kept.
    n_features_in_ : int
        Number of features (latent components) seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    See Also
    --------
    WhitenedKernelDensity : A kernel of the same shape on every code.
    skae.metrics.prior_mismatch : How far codes are from N(0, I).

    Notes
    -----
    `score_samples` takes O(n_points · n_rows · n_components) time, in blocks of 2²¹ numbers.

    References
    ----------
    .. [1] M. D. Hoffman and M. J. Johnson, "ELBO surgery", NIPS workshop on advances in
       approximate Bayesian inference, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.sampling import PosteriorDensity
    >>> means, stds = np.array([[-1.0], [1.0]]), np.array([[0.5], [0.5]])
    >>> law = PosteriorDensity().fit(means, X_std=stds)
    >>> law.score_samples([[-1.0], [0.0]])
    array([-0.918..., -2.225...])
    """

    _parameter_constraints = {
        "max_samples": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, *, max_samples=10_000, random_state=None):
        self.max_samples = max_samples
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, *, X_std=None):
        """Keep the posteriors.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Means of the posteriors.
        y : Ignored
            Present for API consistency.
        X_std : array-like of shape (n_samples, n_components), default=None
            Their standard deviations, all positive. Without them: ValueError.

        Returns
        -------
        self : PosteriorDensity
            The fitted density.
        """
        with restored_on_error(self):
            means = self._check_codes(X, reset=True)
            stds = _check_std(X_std, means.shape)
        kept = slice(None)
        if len(means) > self.max_samples:
            rng = as_random_state(self.random_state)
            kept = np.sort(rng.choice(len(means), self.max_samples, replace=False))
        self.means_, self.stds_ = means[kept].copy(), stds[kept].copy()
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
        rows = rng.randint(len(self.means_), size=n_samples)
        noise = rng.standard_normal((n_samples, self.n_features_in_))
        return self.means_[rows] + self.stds_[rows] * noise

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
        log_density = np.empty(len(X))
        for rows in gen_batches(len(X), max(1, BLOCK_SIZE // len(self.means_))):
            log_density[rows] = self._log_mean_density(X[rows])
        return log_density

    def _log_mean_density(self, points):
        """Log density of so few points that all densities fit into memory."""
        squares = np.zeros((len(points), len(self.means_)))
        # Axis by axis: matrix products would lose narrow posteriors to rounding.
        for z, mean, std in zip(points.T, self.means_.T, self.stds_.T, strict=True):
            squares += np.square((z[:, None] - mean) / std)
        log_norms = np.log(self.stds_).sum(axis=1) + np.log(2 * np.pi) / 2 * points.shape[1]
        return logsumexp(-squares / 2 - log_norms, axis=1) - np.log(len(self.means_))


def _check_std(X_std, shape):
    """Standard deviations as a positive float64 array of this shape."""
    if X_std is None:
        raise ValueError(
            "PosteriorDensity takes the posteriors of a variational model: X_std must hold their "
            "standard deviations. Got None instead."
        )
    stds = check_array(as_numpy(X_std), dtype=np.float64, input_name="X_std")
    if stds.shape != shape:
        raise ValueError(
            f"X_std must hold one standard deviation for each mean, shape {shape}. Got shape "
            f"{stds.shape} instead."
        )
    if stds.min() <= 0:
        raise ValueError(f"X_std must be positive. Got a smallest value of {stds.min()!r} instead.")
    return stds
