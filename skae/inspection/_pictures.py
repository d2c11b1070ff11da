"""Rows of data as pictures in one axes: a mosaic of images, or small line profiles."""

import math

import numpy as np
from sklearn.utils import check_array

from skae._validation import as_numpy, check_finite

__all__ = [
    "cells",
    "check_image_shape",
    "check_pictures",
    "draw_images",
    "draw_profiles",
    "scale_text",
    "value_range",
]

# Blank share of a cell around a line profile.
MARGIN = 0.08


def check_pictures(rows, name, *, n_features=None):
    """Rows as a finite float array; of ``n_features`` columns where that is known."""
    rows = check_array(as_numpy(rows), dtype=float, ensure_all_finite=False, input_name=name)
    check_finite(rows, name=name)
    if n_features is not None and rows.shape[1] != n_features:
        raise ValueError(f"{name} must have {n_features} columns. Got {rows.shape[1]} instead.")
    return rows


def value_range(X):
    """Least and largest value of rows, dense or sparse."""
    X = check_array(as_numpy(X), accept_sparse="csr", dtype=float)
    return float(X.min()), float(X.max())


def check_image_shape(image_shape, n_features):
    """The shape (height, width) or (height, width, channels) of an image, or None."""
    if image_shape is None:
        return None
    shape = tuple(np.atleast_1d(image_shape).tolist())
    form = len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))
    if not form or not all(isinstance(size, int) and size > 0 for size in shape):
        raise ValueError(
            "image_shape must be (height, width) or (height, width, channels), with 1, 3 or 4 "
            f"channels. Got {image_shape!r} instead."
        )
    if math.prod(shape) != n_features:
        raise ValueError(
            f"image_shape must hold {n_features} numbers, one for each feature. Got "
            f"{image_shape!r} instead, which holds {math.prod(shape)}."
        )
    return shape


def cells(n_cells):
    """Numbers of rows and columns of a nearly square arrangement."""
    n_columns = math.ceil(math.sqrt(n_cells))
    return math.ceil(n_cells / n_columns), n_columns


def mosaic(rows, image_shape, n_columns, header=0):
    """Images side by side, row by row, each with a blank rim of one pixel.

    The rim on top is wider by the share ``header`` of an image.
    """
    height, width, *channels = image_shape
    channels = [c for c in channels if c > 1]
    n_rows = math.ceil(len(rows) / n_columns)
    images = np.full((n_rows * n_columns, height, width, *channels), np.nan)
    images[: len(rows)] = rows.reshape(len(rows), height, width, *channels)
    no_pad = [(0, 0)] * len(channels)
    top = 1 + math.ceil(header * height)
    images = np.pad(images, [(0, 0), (top, 1), (1, 1), *no_pad], constant_values=np.nan)
    height, width = images.shape[1:3]
    images = images.reshape(n_rows, n_columns, height, width, *channels)
    images = images.swapaxes(1, 2).reshape(n_rows * height, n_columns * width, *channels)
    return _in_color(images) if channels else images


def _in_color(images):
    """Colours in [0, 1], from there or from 0 to 255; blanks white."""
    scale = 255 if np.nanmax(images) > 2 else 1
    return np.nan_to_num(np.clip(images / scale, 0, 1), nan=1.0)


def draw_images(ax, rows, image_shape, n_columns, extent, limits, image_kwargs=None, header=0):
    """One image that holds all, square pixels kept; black is the largest value.

    Above each of them, the share ``header`` of its height is left blank.
    """
    image = mosaic(rows, image_shape, n_columns, header)
    style = {"cmap": "gray_r", "vmin": limits[0], "vmax": limits[1], "aspect": "auto"}
    artist = ax.imshow(image, extent=extent, **{**style, **(image_kwargs or {})})
    ax.set_box_aspect(image.shape[0] / image.shape[1])
    return artist


def scale_text(image):
    """Which values are white and black; nothing of images that are in colour themselves."""
    if image.get_array().ndim == 3:
        return ""
    low, high = image.get_clim()
    if image.get_cmap().name != "gray_r":
        return f"values from {low:.3g} to {high:.3g}"
    return f"values from {low:.3g} (white) to {high:.3g} (black)"


def draw_profiles(ax, rows, n_columns, extent, limits, *, header=0, **style):
    """A line in each cell: features from left to right, all cells on one scale of values.

    Above each of them, the share ``header`` of its height is left blank.
    """
    from matplotlib.collections import LineCollection

    left, right, bottom, top = extent
    n_rows = math.ceil(len(rows) / n_columns)
    width, height = (right - left) / n_columns, (top - bottom) / n_rows
    across = np.linspace(MARGIN, 1 - MARGIN, rows.shape[1])
    if rows.shape[1] == 1:  # one number is a level
        across, rows = np.array([MARGIN, 1 - MARGIN]), np.repeat(rows, 2, axis=1)
    low, high = limits
    up = (MARGIN + (1 - 2 * MARGIN) * (rows - low) / ((high - low) or 1)) / (1 + header)
    row, column = np.divmod(np.arange(len(rows)), n_columns)
    x = left + (column[:, None] + across) * width
    y = top - (row[:, None] + 1 - up) * height
    lines = LineCollection(np.stack([x, y], axis=2), **{"lw": 1, "color": "#0033bb", **style})
    ax.add_collection(lines)
    rim = {"color": "0.85", "lw": 0.5, "zorder": 0}
    ax.hlines(np.linspace(bottom, top, n_rows + 1), left, right, **rim)
    ax.vlines(np.linspace(left, right, n_columns + 1), bottom, top, **rim)
    ax.set(xlim=(left, right), ylim=(bottom, top))
    return lines
