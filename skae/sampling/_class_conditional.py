"""One density for each class, so that draws can be asked for by class."""

from collections.abc import Hashable

import numpy as np
from scipy.special import logsumexp
from sklearn.utils.multiclass import type_of_target

from skae._validation import _fit_context, as_numpy, check_missing, restored_on_error

from ._densities import LatentDensity
from ._mixture import GaussianMixtureDensity

__all__ = ["ClassConditionalDensity", "class_labels", "spread_labels"]

# Rows for each number, on average, below which whole numbers as floats are no classes.
MIN_ROWS = 5


class ClassConditionalDensity(LatentDensity):
    """One Gaussian mixture for each class of codes.

    With π_c the share of the codes that are of class c, and p_c the
    `GaussianMixtureDensity` of these codes alone::

        p(z) = sum_c π_c p_c(z)

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=None
        Seed of the start of the fits.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or None
        Sorted labels; None if y held none.
    class_prior_ : ndarray of shape (n_classes,)
        Shares of the codes; ``[1.0]`` without labels.
    densities_ : list of GaussianMixtureDensity
        One for each class, or one for all codes without labels.
    n_features_in_ : int
        Number of features (latent components) seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if all are strings.

    See Also
    --------
    GaussianMixtureDensity : The density of each class.
    skae.metrics.sampled_classes : The classes that draws of any law land on.

    Notes
    -----
    A y that is None or continuous, or has several columns, is no error: it is
    not used, and there is one density for all codes. Only draws by class then raise. Floats
    that are whole numbers are classes if there are at least five rows for each on average.

    A class of one code is drawn at that code.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.sampling import ClassConditionalDensity
    >>> rng = np.random.RandomState(0)
    >>> y = np.repeat(["left", "right"], 100)
    >>> X_latent = rng.standard_normal((200, 2)) + 10 * (y == "right")[:, np.newaxis]
    >>> law = ClassConditionalDensity(random_state=0).fit(X_latent, y)
    >>> law.sample(3, random_state=0, y=["right", "left", "right"])[:, 0] > 5
    array([ True, False,  True])
    """

    _parameter_constraints = {"random_state": ["random_state"]}

    def __init__(self, *, random_state=None):
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Fit the density of every class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.
        y : array-like of shape (n_samples,), default=None
            Class labels.

        Returns
        -------
        self : ClassConditionalDensity
            The fitted density.
        """
        with restored_on_error(self):
            X = self._check_codes(X, reset=True)
            self.classes_, index = None, np.zeros(len(X), dtype=int)
            labels = class_labels(y, len(X))
            if labels is not None:
                self.classes_, index = np.unique(labels, return_inverse=True)
            self.class_prior_ = np.bincount(index) / len(X)
            self.densities_ = [
                GaussianMixtureDensity(random_state=self.random_state).fit(X[index == k])
                for k in range(len(self.class_prior_))
            ]
        return self

    def sample(self, n_samples=1, random_state=None, *, y=None):
        """Draw points of the latent space.

        Parameters
        ----------
        n_samples : int, default=1
            Number of points.
        random_state : int, RandomState instance or None, default=None
            Seed of the draws.
        y : label or array-like of shape (n_samples,), default=None
            Class of all points, or of each. With None the classes are drawn too, by
            their shares of the codes.

        Returns
        -------
        X : ndarray of shape (n_samples, n_components)
            Points.
        """
        rng = self._begin_draws(n_samples, random_state)
        if y is None:
            index = rng.choice(len(self.class_prior_), n_samples, p=self.class_prior_)
        else:
            index = self._class_index(spread_labels(y, n_samples))
        draws = np.empty((n_samples, self.n_features_in_))
        for k in np.unique(index):
            rows = np.flatnonzero(index == k)
            # Mixtures draw component by component: the order must not tell which.
            draws[rng.permutation(rows)] = self.densities_[k].sample(len(rows), rng)
        return draws

    def _class_index(self, labels):
        """Indices of labels into ``classes_``."""
        if self.classes_ is None:
            raise ValueError(
                "y asks for classes, but no class labels were given to fit. Fit with a y of class "
                "labels, or draw without y."
            )
        known = {label: k for k, label in enumerate(self.classes_.tolist())}
        for label in labels.tolist():
            if not isinstance(label, Hashable) or label not in known:
                raise ValueError(
                    f"y must hold labels seen in fit, {list(known)}. Got {label!r} instead."
                )
        return np.array([known[label] for label in labels.tolist()])

    def score_samples(self, X):
        """Log density of points, whatever their class.

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
        logs = [density.score_samples(X) for density in self.densities_]
        return logsumexp(logs, axis=0, b=self.class_prior_[:, None])


def class_labels(y, n_samples):
    """Labels of classes as an array, or None for no y and for a y that holds no classes."""
    if y is None:
        return None
    y = _label_array(y)
    if y.shape[:1] != (n_samples,):
        raise ValueError(
            f"y must hold one label for each of {n_samples} rows. Got shape {y.shape} instead."
        )
    if y.ndim == 2 and y.shape[1] == 1:
        y = y.ravel()
    if y.ndim == 1:
        check_missing(y)
    if type_of_target(y, input_name="y") not in ("binary", "multiclass"):
        return None
    is_counted = y.dtype.kind == "f" and len(np.unique(y)) > max(2, n_samples / MIN_ROWS)
    return None if is_counted else y


def _label_array(y):
    """Labels as an array; raises for what is none, such as rows of unequal length."""
    try:
        return np.asarray(as_numpy(y))
    except ValueError as error:
        raise ValueError(f"y must hold one label for each row. Got {y!r} instead.") from error


def spread_labels(y, n_samples):
    """Labels of ``n_samples`` draws, from one label for all of them or one for each."""
    labels = _label_array(y)
    if labels.ndim == 0:
        return np.repeat(labels, n_samples)
    if labels.shape != (n_samples,):
        raise ValueError(
            f"y must be one label, or hold one for each of the n_samples={n_samples} draws. Got "
            f"shape {labels.shape} instead."
        )
    return labels
