"""Checks of codes and labels, and an order of rows that does not depend on the caller's."""

import warnings
from numbers import Integral

import numpy as np
from sklearn import utils
from sklearn.utils import check_array, column_or_1d

from skae._validation import as_numpy, check_finite, check_missing

__all__ = [
    "canonical_order",
    "check_choice",
    "check_function",
    "check_labels",
    "check_latent",
    "check_made",
    "check_max_samples",
    "check_n_neighbors",
    "check_output",
    "check_scalar",
    "check_size",
    "class_list",
    "labelled_order",
    "site_starts",
    "warn_of_few",
]

# Rows below which results are warned of.
MIN_ROWS = 20

# Squares and products of larger numbers, or of smaller differences, leave the range of floats.
LARGEST, SMALLEST = 1e100, 1e-100

# Classes that a warning names.
MAX_NAMED = 10


def check_scalar(x, name, target_type, **limits):
    """`sklearn.utils.check_scalar` that takes no bool for an integer and no NaN for a number."""
    if isinstance(x, bool | np.bool_):
        kind = "int" if target_type is Integral else "float"
        raise TypeError(f"{name} must be an instance of {kind}, not bool.")
    if isinstance(x, float | np.floating) and not np.isfinite(x):
        raise ValueError(f"{name} == {x}, must be a finite number.")
    return utils.check_scalar(x, name, target_type, **limits)


def check_max_samples(max_samples, *, min_val):
    """Raise for anything but 'auto' or an integer from ``min_val`` on."""
    if isinstance(max_samples, str) and max_samples == "auto":
        return
    if not isinstance(max_samples, Integral):
        raise TypeError(
            f"max_samples must be an instance of int, or 'auto'. Got {max_samples!r} instead."
        )
    check_scalar(max_samples, "max_samples", Integral, min_val=min_val)


def check_choice(value, name, choices):
    """Raise ValueError for anything but one of the choices, which are strings or None."""
    if not (value is None or isinstance(value, str)) or value not in choices:
        raise ValueError(f"{name} must be one of {choices}. Got {value!r} instead.")


def check_function(function, name, what):
    """Raise TypeError, which says what the function does, for what cannot be called."""
    if not callable(function):
        raise TypeError(f"{name} must be a function {what}. Got {function!r} instead.")


def check_latent(X_latent, *, name="X_latent", min_samples=2, spread=True):
    """Codes as a finite float64 array of shape (n_samples, n_components).

    With ``spread``, raises ValueError for codes that are all equal, and warns of axes that
    are constant.
    """
    codes = _check_rows(X_latent, name, min_samples)
    check_finite(codes, name=name)
    _check_magnitude(codes, name)
    if spread:
        _check_spread(codes, name)
        check_size(codes, name)
    return codes


def _check_rows(rows, name, min_samples):
    """Rows as a float64 array of enough of them, which may hold NaN."""
    try:
        rows = check_array(
            as_numpy(rows),
            dtype=np.float64,
            ensure_all_finite=False,
            ensure_min_samples=0,
            input_name=name,
        )
    except (TypeError, ValueError) as error:
        if name in str(error) or type(error) not in (TypeError, ValueError):
            raise
        raise type(error)(f"{name}: {error}") from None
    if len(rows) < min_samples:
        raise ValueError(
            f"{name} has {len(rows)} rows, while a minimum of {min_samples} is required."
        )
    return rows


def _check_magnitude(codes, name):
    """Raise for values whose squares overflow."""
    largest = np.abs(codes).max(initial=0)
    if largest > LARGEST:
        raise ValueError(
            f"{name} must not exceed {LARGEST:g}, since distances overflow. Got values up to "
            f"{largest:.3g} instead: divide by a constant."
        )


def check_size(rows, name):
    """Raise for rows that differ by less than what squares can hold."""
    size = np.ptp(rows, axis=0).max()
    if 0 < size < SMALLEST:
        raise ValueError(
            f"{name} must differ by {SMALLEST:g} or more, since the squares of smaller distances "
            f"are 0. Got differences up to {size:.3g} instead: divide by a constant."
        )


def _check_spread(codes, name):
    """Raise for codes that are all equal, warn of constant axes."""
    constant = np.flatnonzero(np.ptp(codes, axis=0) == 0)
    if len(constant) == codes.shape[1]:
        raise ValueError(
            f"All {len(codes)} codes in {name} are equal: the latent space has collapsed to one "
            "point, and there is nothing to measure. Train longer, or with a smaller penalty."
        )
    if len(constant):
        warnings.warn(
            f"{name} is constant along axis {', '.join(map(str, constant))} of "
            f"{codes.shape[1]}: these axes carry no information.",
            UserWarning,
            stacklevel=4,
        )


def check_labels(y, n_samples):
    """Sorted class labels, and the index of the class of every row.

    Labels of several types are sorted by the names of their types, and then as strings.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
    n_samples : int
        Number of codes.
    """
    y = column_or_1d(_unmixed(as_numpy(y)))
    if len(y) != n_samples:
        raise ValueError(
            f"y must have one label for each of the {n_samples} codes. Got {len(y)} instead."
        )
    check_missing(y)
    if y.dtype == object:
        y = _typed(y)
    if y.dtype == object:
        return _unique_objects(y.tolist())
    return np.unique(y, return_inverse=True)


def _unmixed(y):
    """Lists of strings and others as objects, all of which NumPy would make strings of."""
    if not isinstance(y, list | tuple) or all(isinstance(label, str) for label in y):
        return y
    labels = np.asarray(y)
    return np.array(y, dtype=object) if labels.dtype.kind in "US" else labels


def _typed(y):
    """Strings, bools or numbers that came as objects, as an array of their type."""
    labels = y.tolist()
    if all(isinstance(label, str) for label in labels):
        return np.array(labels, dtype=str)
    if all(isinstance(label, bool | np.bool_) for label in labels):
        return np.array(labels, dtype=bool)
    if not any(isinstance(label, bool | np.bool_) for label in labels):
        if all(isinstance(label, Integral) for label in labels):
            whole = np.array(labels)
            return whole if whole.dtype.kind in "iu" else y  # larger than 64 bits
        if all(isinstance(label, Integral | float | np.floating) for label in labels):
            return np.array(labels, dtype=np.float64)
    return y


def _unique_objects(labels):
    """`check_labels` for objects: in their own order, or by the names of types and as strings."""
    keys = [(_type_name(label), str(label)) for label in labels]
    first = dict(zip(reversed(keys), reversed(labels), strict=True))
    try:
        ordered = sorted(first, key=first.get)
        if len({kind for kind, _ in first}) > 1:
            raise TypeError  # numbers of several types compare, but not with all others
    except TypeError:
        ordered = sorted(first)
    classes = np.empty(len(ordered), dtype=object)
    classes[:] = [first[key] for key in ordered]
    place = {key: c for c, key in enumerate(ordered)}
    return classes, np.array([place[key] for key in keys], dtype=np.intp)


def _type_name(label):
    """Name of the type, one for integers of Python and of NumPy."""
    whole = isinstance(label, Integral) and not isinstance(label, bool)
    return "int" if whole else type(label).__name__


def class_list(labels, verb, notes=None):
    """'Class 3 (2 codes) is', or 'Classes 3 (2 codes), 4 (1 codes) are', ten of them at most.

    ``verb`` holds the word for one class and that for more, as in 'is|are'.
    """
    names = [f"{label!r}" for label in labels]
    if notes is not None:
        names = [f"{name} ({note})" for name, note in zip(names, notes, strict=True)]
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    one, many = verb.split("|")
    if len(names) == 1:
        return f"Class {names[0]} {one}"
    return f"Classes {', '.join(names[:MAX_NAMED])}{more} {many}"


def check_n_neighbors(k, n_samples, *, name="k"):
    """The number of neighbours, or as many as the codes allow, with a warning."""
    largest = (n_samples - 1) // 2
    if k <= largest:
        return k
    largest = max(1, largest)
    warnings.warn(
        f"{name}={k} is too large for {n_samples} codes: {name}={largest} is used instead.",
        UserWarning,
        stacklevel=3,
    )
    return largest


def warn_of_few(n_rows, *, name):
    """Warn of fewer rows than numbers can be estimated from."""
    if n_rows < MIN_ROWS:
        warnings.warn(
            f"{name} has {n_rows} rows only: with fewer than {MIN_ROWS} the result says little.",
            UserWarning,
            stacklevel=3,
        )


def check_output(output, n_rows, *, name):
    """What the user's function ``name`` made of ``n_rows`` rows, as a finite float64 array."""
    output = as_numpy(output)
    shape = np.shape(output)
    if len(shape) != 2 or shape[0] != n_rows:
        raise ValueError(
            f"{name} must return an array of shape ({n_rows}, n_features) for {n_rows} rows. "
            f"Got shape {shape} instead."
        )
    return check_made(output, name=f"the output of {name}")


def check_made(rows, *, name):
    """Rows that a function or a sampler made, as a finite float64 array."""
    rows = _check_rows(rows, name, 1)
    check_finite(rows, name=name, remedy="")
    _check_magnitude(rows, name)
    return rows


def canonical_order(codes):
    """Order of the rows by distance from their mean, ties by coordinates.

    Whatever draws rows at random draws the same ones from a permuted, translated, rotated or
    rescaled copy of the codes.
    """
    centred = codes - codes.mean(axis=0)
    distance = np.sqrt(np.einsum("ij,ij->i", centred, centred))
    # Coarser than rounding, so that ties stay ties in the permuted copy.
    coarse = np.round(distance / (distance.max() or 1.0), 9)
    order = np.argsort(coarse, kind="stable")
    same = np.diff(coarse[order]) == 0
    tied = np.flatnonzero(np.r_[False, same] | np.r_[same, False])
    if len(tied):  # sorting all rows by hundreds of columns would take long
        rows = order[tied]
        order[tied] = rows[np.lexsort((*codes[rows].T[::-1], coarse[rows]))]
    return order


def site_starts(codes):
    """For rows of which equal ones are neighbours, whether each is the first of its equals."""
    return np.r_[True, (codes[1:] != codes[:-1]).any(axis=1)]


def labelled_order(codes, labels, rng, X=None):
    """`canonical_order` of codes with labels; those at one place come in random order.

    Neither the order of the caller's rows nor the names of the classes has a part in it.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
    labels : ndarray of shape (n_samples,)
        Class of each code, from 0 on.
    rng : RandomState
    X : ndarray of shape (n_samples, n_features), default=None
        Rows that settle the order of equal codes of one class.
    """
    order = np.arange(len(codes)) if X is None else canonical_order(X)
    order = order[canonical_order(codes[order])]
    starts = site_starts(codes[order])
    if starts.all():
        return order
    site, labels = np.cumsum(starts), labels[order]
    # Classes by where their codes are; those of the same places may take turns.
    places = [site[labels == c].tobytes() for c in range(labels.max() + 1)]
    rank = np.empty(len(places), dtype=np.intp)
    rank[sorted(range(len(places)), key=places.__getitem__)] = np.arange(len(places))
    order = order[np.lexsort((rank[labels], site))]
    return order[np.lexsort((rng.random_sample(len(order)), site))]
