"""What says of which class a decoded row is."""

from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.validation import check_is_fitted

from ._inputs import check_labels, check_latent

__all__ = ["fitted_classifier", "rows_and_labels"]


def rows_and_labels(X, y, order, reference):
    """The rows of the reference codes and their labels, each None if not given."""
    if y is not None:
        y = check_labels(y, len(order))[1][order][reference]
    if X is not None:
        X = check_latent(X, name="X", spread=False)
        if len(X) != len(order):
            raise ValueError(
                f"X must have one row for each of the {len(order)} codes. Got {len(X)} instead."
            )
        X = X[order[reference]]
    return X, y


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
