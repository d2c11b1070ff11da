"""What says of which class a decoded row is."""

from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.validation import check_is_fitted

from ._inputs import check_latent

__all__ = ["check_classifier_rows", "fitted_classifier"]


def check_classifier_rows(X, n_samples):
    """The rows of the codes as an array, or None."""
    if X is None:
        return None
    X = check_latent(X, name="X", min_samples=1, spread=False)
    if len(X) != n_samples:
        raise ValueError(
            f"X must have one row for each of the {n_samples} codes. Got {len(X)} instead."
        )
    return X


def fitted_classifier(classifier, X, y):
    """The classifier itself if it is fitted, else one fitted on (X, y), or None."""
    known = X is not None and y is not None
    if classifier is None:
        return KNeighborsClassifier(min(5, len(X))).fit(X, y) if known else None
    if not hasattr(classifier, "predict"):
        raise TypeError(f"classifier must have the method predict. Got {classifier!r} instead.")
    if not isinstance(classifier, BaseEstimator):
        return classifier
    try:
        check_is_fitted(classifier)
        return classifier
    except NotFittedError:
        if known:
            return clone(classifier).fit(X, y)
    raise ValueError(f"{classifier!r} is not fitted: fit it, or pass X and y to fit it on.")
