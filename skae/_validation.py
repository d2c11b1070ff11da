"""Checks of input; the only file that imports scikit-learn's private names.

Those names are the same from scikit-learn 1.7 on, except where said.
"""

import sys
from contextlib import contextmanager
from numbers import Integral

import numpy as np
from sklearn.base import _clone_parametrized as clone_parametrized
from sklearn.base import _fit_context, clone
from sklearn.utils import assert_all_finite, check_array, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight, validate_data

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn < 1.9 has no callbacks

    class CallbackSupportMixin:
        """No callbacks before scikit-learn 1.9."""

        def _init_callback_context(self, **kwargs):
            return None


__all__ = [
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "Options",
    "StrOptions",
    "_fit_context",
    "as_numpy",
    "as_random_state",
    "check_callbacks",
    "check_codes",
    "check_finite",
    "check_latent_sampler",
    "check_layer_sizes",
    "check_rows",
    "check_unit_interval",
    "check_weights",
    "clone_parametrized",
    "restored_on_error",
]

FLOATS = (np.float64, np.float32)

# What to do about NaN and infinity in the user's rows.
IMPUTE = "Remove such rows or fill them in, e.g. with sklearn.impute.SimpleImputer in a pipeline."

# Numbers up to which NumPy finds NaN and infinity sooner than scikit-learn does.
SMALL = 2**18

# How far scalers to [0, 1] miss it.
ROUNDING = 1e-6

# Share of the largest weight up to which a weight counts as 0: no sum of rows shows it, and a
# batch of such rows alone would weigh nothing in float32.
NEGLIGIBLE = np.finfo(np.float64).eps ** 2


@contextmanager
def restored_on_error(estimator):
    """Whatever is raised in the body, leave the estimator's attributes as they were."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def as_random_state(random_state):
    """A RandomState; None means fresh entropy, so that NumPy's global state stays as found."""
    return np.random.RandomState() if random_state is None else check_random_state(random_state)


def as_numpy(X):
    """X itself, or the array of a torch tensor, in float32 where NumPy lacks the dtype."""
    torch = sys.modules.get("torch")  # whoever passes a tensor has imported it
    if torch is None or not isinstance(X, torch.Tensor):
        return X
    if X.layout != torch.strided:
        raise TypeError(
            "Sparse torch tensors are not supported. Got a tensor of layout "
            f"{X.layout} instead; pass X.to_dense() or a scipy.sparse CSR matrix."
        )
    try:
        X = X.detach().cpu().resolve_neg()
        return (X.float() if X.dtype == torch.bfloat16 else X).numpy()
    except (TypeError, RuntimeError, NotImplementedError) as error:
        raise TypeError(
            f"NumPy cannot hold this torch tensor of dtype {X.dtype}: {error}. Convert it first, "
            "e.g. by X.float()."
        ) from None


def check_rows(estimator, X, *, reset):
    """X as a finite float32 or float64 array or CSR matrix, uncopied where it is one.

    Sets (``reset``) or checks the number and names of the features.
    """
    X, feature_names = as_numpy(X), getattr(estimator, "feature_names_in_", None)
    if reset or feature_names is not None or not _is_plain(X, estimator.n_features_in_):
        X = validate_data(
            estimator,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=FLOATS,
            ensure_all_finite=False,
        )
        feature_names = getattr(estimator, "feature_names_in_", None)
    if hasattr(X, "indptr") and not X.has_canonical_format:
        X = X.copy()  # the user's matrix stays as it is
        X.sum_duplicates()
    check_finite(X, feature_names=feature_names)
    return X


def _is_plain(X, n_features):
    """Whether X is what scikit-learn's checks return as it is; they take as long as small nets."""
    if type(X) is not np.ndarray or X.dtype not in FLOATS:
        return False
    return X.ndim == 2 and len(X) > 0 and X.shape[1] == n_features


def check_codes(estimator, X, n_components):
    """X as a finite float array of ``n_components`` columns."""
    X = as_numpy(X)
    if not _is_plain(X, n_components):
        X = check_array(X, dtype=FLOATS, ensure_all_finite=False, input_name="X")
    check_finite(X)
    if X.shape[1] != n_components:
        raise ValueError(
            f"X has {X.shape[1]} features, but {type(estimator).__name__}.inverse_transform is "
            f"expecting {n_components} features as input, one for each component."
        )
    return X


def check_finite(X, *, name="X", feature_names=None, remedy=IMPUTE):
    """Raise scikit-learn's error for NaN or infinity, with the place of the first one."""
    if type(X) is np.ndarray and X.size <= SMALL and np.isfinite(X).all():
        return
    try:
        with np.errstate(invalid="ignore"):  # of sums that hold both infinities
            assert_all_finite(X, input_name=name)
    except ValueError as error:
        reason = str(error).splitlines()[0].rstrip(".")
        row, column = _first_not_finite(X)
        feature = "" if feature_names is None else f" ({feature_names[column]!r})"
        raise ValueError(
            f"{reason}. The first one is in row {row}, column {column}{feature}. {remedy}".strip()
        ) from None


def _first_not_finite(X):
    """Row and column of the first NaN or infinity, read in blocks of rows."""
    if hasattr(X, "indptr"):
        place = np.flatnonzero(~np.isfinite(X.data))[0]
        return int(np.searchsorted(X.indptr, place, side="right") - 1), int(X.indices[place])
    for start in range(0, len(X), 4096):
        places = np.argwhere(~np.isfinite(X[start : start + 4096]))
        if len(places):
            return start + int(places[0, 0]), int(places[0, 1])
    raise AssertionError("called on a finite array")


def check_weights(sample_weight, X):
    """Weights as floats, and the rows whose weight is not zero beside the largest.

    Returns (None, None) for no weights, and (weights, None) if all rows count.
    """
    if sample_weight is None:
        return None, None
    weights = _check_sample_weight(
        as_numpy(sample_weight), X, dtype=np.float64, ensure_non_negative=True
    )
    used = np.flatnonzero(weights > NEGLIGIBLE * weights.max())
    if not len(used):
        raise ValueError("sample_weight is all zero: at least one weight must be positive.")
    # Sums of numbers near the largest float overflow; powers of two divide without rounding.
    weights = np.ldexp(weights, -np.frexp(weights.max())[1])
    return weights, None if len(used) == len(weights) else used


def check_unit_interval(X):
    """Raise unless all values of X lie in [0, 1] but for rounding, as Bernoulli laws require."""
    low, high = X.min(), X.max()
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise ValueError(
            f"likelihood='bernoulli' requires X in [0, 1]. Got values from {low:.9g} to {high:.9g} "
            "instead. Scale X, e.g. with sklearn.preprocessing.MinMaxScaler(clip=True), or use "
            "likelihood='gaussian'."
        )


def check_layer_sizes(name, sizes):
    """Tuple of the layer sizes; an int is one layer, an empty sequence none."""
    layers = (sizes,) if np.ndim(np.asarray(sizes, dtype=object)) == 0 else tuple(sizes)
    for size in layers:
        if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
            raise ValueError(
                f"{name} must hold integers in the range [1, inf). Got {sizes!r} instead."
            )
    return tuple(int(size) for size in layers)


def check_callbacks(callbacks, early_stopping):
    """Clones of skorch callbacks, each alone or in a pair with its name."""
    for item in callbacks or []:
        named = isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)
        callback = item[1] if named else item
        if not hasattr(callback, "on_train_begin"):
            raise TypeError(
                "callbacks must hold skorch callbacks or pairs (name, callback). "
                f"Got {item!r} instead."
            )
        monitor = getattr(callback, "monitor", None)
        if isinstance(monitor, str) and monitor.startswith("valid") and not early_stopping:
            raise ValueError(
                f"callbacks hold a {type(callback).__name__} with monitor={monitor!r}, which needs "
                "held-out rows. Set early_stopping=True, or its monitor to "
                f"{monitor.replace('valid', 'train')!r}."
            )
    return clone(list(callbacks or []), safe=False)


def check_latent_sampler(sampler):
    """The name, or an unfitted clone of the estimator."""
    if isinstance(sampler, str):
        return sampler
    try:
        return clone(sampler)
    except (TypeError, RuntimeError) as error:
        raise TypeError(
            "latent_sampler must be a name or an instance of a scikit-learn estimator with fit "
            f"and sample. Got {sampler!r} instead, which cannot be cloned: {error}"
        ) from None


def check_missing(y):
    """Raise for labels that are missing."""
    if y.dtype.kind == "f":
        missing, what = ~np.isfinite(y), "NaN or infinity"
    elif y.dtype.kind in "mM":
        missing, what = np.isnat(y), "missing labels"
    elif y.dtype == object:
        missing, what = np.fromiter(map(_is_missing, y), dtype=bool, count=len(y)), "missing labels"
    else:
        return
    if missing.any():
        row = int(np.argmax(missing))
        raise ValueError(
            f"y contains {what}. The first one is {y[row]} in row {row}: remove such rows."
        )


def _is_missing(label):
    """Whether a label is None, NaN, NaT or pandas.NA."""
    if label is None or type(label).__name__ == "NAType":
        return True
    if isinstance(label, float | np.floating):
        return not np.isfinite(label)
    return type(label).__name__ == "NaTType"
