"""Paths between points of a latent space."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_array, check_scalar

from skae._validation import FLOATS, as_numpy, check_finite

__all__ = ["interpolate"]

# Sine of the angle below which two directions count as parallel.
PARALLEL = 1e-8


def interpolate(X_latent0, X_latent1, n_steps=10, *, method="linear", decode=None):
    """Points between pairs of codes, straight or along the sphere, decoded if wanted.

    For codes a and b, and t from 0 to 1 in equal steps, the straight path is::

        z(t) = (1 − t) a + t b

    The spherical one [1]_ turns the direction at a constant rate, and changes the radius
    linearly; with ω the angle between a and b, seen from the origin::

        z(t) = ((1 − t)‖a‖ + t‖b‖) (sin((1 − t) ω) a/‖a‖ + sin(t ω) b/‖b‖) / sin ω

    It is for codes whose law is about N(0, I), which in many components lie near a sphere:
    straight paths leave it.

    Parameters
    ----------
    X_latent0, X_latent1 : array-like of shape (n_pairs, n_components)
        Codes that the paths begin and end at.
    n_steps : int, default=10
        Number of points on each path, at least 2: both ends are among them.
    method : {'linear', 'spherical'}, default='linear'
        Kind of path.
    decode : callable, default=None
        From points of shape (n_points, n_components) to rows of shape (n_points,
        n_features), such as the ``inverse_transform`` of an estimator. None leaves the
        points as they are.

    Returns
    -------
    paths : ndarray of shape (n_pairs, n_steps, n_components) or (n_pairs, n_steps, n_features)
        Points, or what they decode to.

    See Also
    --------
    skae.metrics.gap_fraction : With ``sampler='interpolate'``, how often straight paths
        cross gaps.

    Notes
    -----
    Opposite codes have no shortest way around: the path goes by the coordinate axis that is
    most nearly at right angles to them, and through the origin if there is one
    component only. A code at the origin has no direction, and is given the other's.

    References
    ----------
    .. [1] Ken Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985.

    Examples
    --------
    >>> from skae.sampling import interpolate
    >>> interpolate([[2.0, 0.0]], [[0.0, 2.0]], 3)
    array([[[2., 0.],
            [1., 1.],
            [0., 2.]]])
    >>> interpolate([[2.0, 0.0]], [[0.0, 2.0]], 3, method="spherical").round(2)
    array([[[2.  , 0.  ],
            [1.41, 1.41],
            [0.  , 2.  ]]])
    """
    check_scalar(n_steps, "n_steps", Integral, min_val=2)
    if not (isinstance(method, str) and method in PATHS):
        raise ValueError(f"method must be one of {sorted(PATHS)}. Got {method!r} instead.")
    if not (decode is None or callable(decode)):
        raise TypeError(f"decode must be a function from codes to rows. Got {decode!r} instead.")
    start, end = _check_ends(X_latent0, X_latent1)
    dtype = np.result_type(start, end)
    start, end = start.astype(np.float64), end.astype(np.float64)
    paths = PATHS[method](start, end, np.linspace(0, 1, n_steps)[:, None])
    paths[:, 0], paths[:, -1] = start, end  # without rounding
    paths = paths.astype(dtype, copy=False)
    if decode is None:
        return paths
    points = paths.reshape(-1, paths.shape[2])
    rows = np.asarray(decode(points))
    if rows.ndim != 2 or len(rows) != len(points):
        raise ValueError(
            f"decode must make a row of each of {len(points)} points. Got shape {rows.shape} "
            "instead."
        )
    return rows.reshape(*paths.shape[:2], -1)


def _check_ends(X_latent0, X_latent1):
    """Both as finite float arrays of one shape."""
    ends = []
    for name, X_latent in (("X_latent0", X_latent0), ("X_latent1", X_latent1)):
        X_latent = as_numpy(X_latent)
        ends.append(check_array(X_latent, dtype=FLOATS, ensure_all_finite=False, input_name=name))
        check_finite(ends[-1], name=name)
    if ends[0].shape != ends[1].shape:
        raise ValueError(
            "Both ends of the paths must have the same numbers of rows and components. Got shapes "
            f"{ends[0].shape} and {ends[1].shape} instead."
        )
    return ends


def _linear(start, end, t):
    """Straight paths of shape (n_pairs, n_steps, n_components); t is a column."""
    return (1 - t) * start[:, None] + t * end[:, None]


def _spherical(start, end, t):
    """Paths that turn about the origin; t is a column."""
    # In units of the largest number, whose square could overflow, or vanish.
    unit = np.maximum(np.abs(start), np.abs(end)).max(axis=1, keepdims=True)
    start, end = (np.divide(codes, unit, where=unit > 0, out=codes * 0) for codes in (start, end))
    radius0, radius1 = (np.linalg.norm(codes, axis=1, keepdims=True) for codes in (start, end))
    toward0, toward1 = _directions(start, radius0), _directions(end, radius1)
    toward0 = np.where(radius0 > 0, toward0, toward1)
    toward1 = np.where(radius1 > 0, toward1, toward0)
    chords = (np.linalg.norm(toward0 + s * toward1, axis=1, keepdims=True) for s in (-1, 1))
    angle = 2 * np.arctan2(*chords)  # accurate for small and for flat angles, unlike arccos
    turned = np.cos(t * angle[:, None]) * toward0[:, None]
    turned += np.sin(t * angle[:, None]) * _sideways(toward0, toward1)[:, None]
    return unit[:, None] * _linear(radius0, radius1, t) * turned


def _directions(codes, radius):
    """Codes of length 1, or 0."""
    return np.divide(codes, radius, out=np.zeros_like(codes), where=radius > 0)


def _sideways(toward0, toward1):
    """Unit vectors at right angles to the first direction, on the side of the second.

    On the side of a coordinate axis where the two are parallel; zero in one dimension.
    """
    sideways = _rejection(toward1, toward0)
    is_parallel = np.linalg.norm(sideways, axis=1) < PARALLEL
    axes = np.eye(toward0.shape[1])[np.abs(toward0).argmin(axis=1)]
    sideways[is_parallel] = _rejection(axes, toward0)[is_parallel]
    return _directions(sideways, np.linalg.norm(sideways, axis=1, keepdims=True))


def _rejection(vectors, directions):
    """What is left of vectors at right angles to directions."""
    return vectors - np.sum(vectors * directions, axis=1, keepdims=True) * directions


PATHS = {"linear": _linear, "spherical": _spherical}
