"""Points of the latent space, and what they decode to."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from skae.metrics._estimators import latent_codes, required_decoder
from skae.metrics._inputs import check_latent

from ._latent_space import LatentSpaceDisplay
from ._pictures import (
    cells,
    check_image_shape,
    check_pictures,
    draw_images,
    draw_profiles,
    value_range,
)
from ._style import IN_GAP_COLOR, axes_for, check_axes, check_decode, write

__all__ = ["DecodedGridDisplay"]

# Points along each axis by default, in the grid and over the codes.
N_POINTS = {"grid": 10, "overlay": 4}

# Points of the heat map of one component.
N_HEAT = 100


class DecodedGridDisplay:
    """Points of the latent space, and the pictures they decode to.

    As a grid, pictures stand where their points lie. Over the codes (``kind="overlay"``), the
    points are numbered on a scatter of the codes, and their pictures beside it carry the
    same numbers. Pictures are images if ``image_shape`` is given; otherwise line profiles, or,
    along a single component, a heat map of all features.

    Use `from_estimator` or `from_latent` to create one. All parameters are stored as
    attributes.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_components)
        Points of the latent space; of a grid from the top left, row by row.

    decoded : ndarray of shape (n_points, n_features)
        What they decode to.

    axes : tuple of int, default=None
        The two latent axes (or the one) along which the points lie on a grid. None says that
        they lie on none.

    X_latent : array-like of shape (n_samples, n_components), default=None
        Codes, for the overlay.

    y : array-like of shape (n_samples,), default=None
        Labels of the codes.

    image_shape : tuple of int, default=None
        Height, width, and channels if there are several, of the images that rows are.

    limits : tuple of (float, float), default=None
        Values that are white and black. None takes the 1 % and the 99 % quantile of what was
        decoded.

    Attributes
    ----------
    image_ : AxesImage or None
        The mosaic of images, or the heat map.

    lines_ : LineCollection or None
        The profiles.

    axes_ : list of matplotlib Axes
        ``ax_`` alone; of the overlay, the axes of the codes and those of the pictures, which
        lie in ``ax_``.

    codes_display_ : LatentSpaceDisplay or None
        The scatter of the overlay.

    ax_ : matplotlib Axes
        Axes with the plot.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    See Also
    --------
    SamplesDisplay : Draws from the estimator.
    ReconstructionDisplay : Rows and their reconstructions.

    Notes
    -----
    A grid reaches from the 5 % to the 95 % quantile of the codes along its axes; all
    other axes are at their medians.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.inspection import DecodedGridDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> display = DecodedGridDisplay.from_estimator(PCA(2).fit(X), X, y, image_shape=(8, 8))
    >>> display.points.shape
    (100, 2)
    """

    def __init__(
        self,
        *,
        points,
        decoded,
        axes=None,
        X_latent=None,
        y=None,
        image_shape=None,
        limits=None,
    ):
        self.points = points
        self.decoded = decoded
        self.axes = axes
        self.X_latent = X_latent
        self.y = y
        self.image_shape = image_shape
        self.limits = limits

    def plot(self, ax=None, *, kind="grid", image_kwargs=None, line_kwargs=None):
        """Draw points and pictures.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        kind : {"grid", "overlay"}, default="grid"
            Pictures where the points lie, or numbered beside a scatter of the codes.

        image_kwargs : dict, default=None
            Keywords of ``ax.imshow``.

        line_kwargs : dict, default=None
            Keywords of the ``LineCollection`` of the profiles.

        Returns
        -------
        display : DecodedGridDisplay
            The object itself.
        """
        _check_kind(kind)
        points = check_latent(self.points, name="points", min_samples=1, spread=False)
        rows = check_pictures(self.decoded, "decoded")
        if len(rows) != len(points):
            raise ValueError(
                f"decoded must have {len(points)} rows, one for each point. Got {len(rows)} "
                "instead."
            )
        image_shape = check_image_shape(self.image_shape, rows.shape[1])
        if kind == "overlay" and self.X_latent is None:
            raise ValueError("kind='overlay' needs X_latent, the codes to lay points over.")
        self.ax_ = axes_for(ax, figsize=(10, 4.5) if kind == "overlay" else None)
        self.figure_, self.axes_ = self.ax_.figure, [self.ax_]
        self.image_ = self.lines_ = self.codes_display_ = None
        pictures = rows, image_shape, image_kwargs or {}, line_kwargs or {}
        if kind == "overlay":
            self._draw_overlay(points, *pictures)
        elif self.axes is None:
            self._draw_numbered(self.ax_, *pictures)
        elif len(self.axes) == 1 and image_shape is None:
            self._draw_heat(points, rows, image_kwargs or {})
        else:
            self._draw_lattice(points, *pictures)
        return self

    # ------------------------------------------------------------------ kinds

    def _draw_lattice(self, points, rows, image_shape, image_kwargs, line_kwargs):
        """Pictures centred on their points."""
        ax, axes = self.ax_, self.axes
        n_across = len(np.unique(points[:, axes[0]]))
        left, right = _cell_edges(points[:, axes[0]], n_across)
        if len(axes) == 2:
            bottom, top = _cell_edges(points[:, axes[1]], len(points) // n_across)
            ax_label = f"component {axes[1]} (latent units)"
        else:
            bottom, top, ax_label = 0, 1, ""
        extent = (left, right, bottom, top)
        self._draw_pictures(ax, rows, image_shape, n_across, extent, image_kwargs, line_kwargs)
        ax.set(xlabel=f"component {axes[0]} (latent units)", ylabel=ax_label)
        if len(axes) == 1:
            ax.set_yticks([])
        ax.set_title(self._title(points), fontsize="medium")

    def _draw_heat(self, points, rows, image_kwargs):
        """One component from left to right, features from top to bottom, values in colour."""
        ax, position = self.ax_, points[:, self.axes[0]]
        left, right = _cell_edges(position, len(position))
        extent = (left, right, rows.shape[1] - 0.5, -0.5)
        style = {"aspect": "auto", "cmap": "viridis", "interpolation": "nearest", **image_kwargs}
        self.image_ = ax.imshow(rows.T, extent=extent, **style)
        self.figure_.colorbar(self.image_, ax=ax, label="decoded value")
        ax.set(xlabel=f"component {self.axes[0]} (latent units)", ylabel="feature")
        ax.yaxis.get_major_locator().set_params(integer=True)
        ax.set_title(self._title(points), fontsize="medium")

    def _draw_numbered(self, ax, rows, image_shape, image_kwargs, line_kwargs):
        """Pictures side by side, with the numbers of their points."""
        n_down, n_across = cells(len(rows))
        extent = (0, n_across, 0, n_down)
        self._draw_pictures(ax, rows, image_shape, n_across, extent, image_kwargs, line_kwargs)
        for i in range(len(rows)):
            corner = (i % n_across + 0.04, n_down - i // n_across - 0.04)
            write(ax, corner, str(i + 1), ha="left", va="top", fontsize=8, color=IN_GAP_COLOR)
        ax.set(xticks=[], yticks=[])
        ax.set_title("What the points decode to", fontsize="medium")

    def _draw_overlay(self, points, rows, image_shape, image_kwargs, line_kwargs):
        """Numbered points over the codes, and beside it the pictures."""
        self.ax_.axis("off")
        left = self.ax_.inset_axes([0.08, 0.1, 0.44, 0.8])
        right = self.ax_.inset_axes([0.58, 0.1, 0.42, 0.8])
        self.axes_ = [left, right]
        pair = self._scatter_axes(points.shape[1])
        display = LatentSpaceDisplay(X_latent=self.X_latent, y=self.y)
        self.codes_display_ = display.plot(left, axes=pair, legend=False)
        self._draw_numbered(right, rows, image_shape, image_kwargs, line_kwargs)
        self._number_points(left, points, pair)
        left.set_title("Codes, and points by number", fontsize="medium")
        right.set_title("Decoded points", fontsize="medium")

    # ------------------------------------------------------------------ parts

    def _draw_pictures(self, ax, rows, image_shape, n_across, extent, image_kwargs, line_kwargs):
        """Images or profiles of all rows, on one scale of values."""
        if image_shape is None:
            limits = rows.min(), rows.max()
            self.lines_ = draw_profiles(ax, rows, n_across, extent, limits, **line_kwargs)
        else:
            limits = self.limits or np.quantile(rows, [0.01, 0.99])
            self.image_ = draw_images(ax, rows, image_shape, n_across, extent, limits, image_kwargs)

    def _scatter_axes(self, n_components):
        """Axes of the scatter: those of the grid, or the first two; None in one dimension."""
        if n_components == 1:
            return None
        return self.axes if self.axes is not None and len(self.axes) == 2 else (0, 1)

    def _number_points(self, ax, points, pair):
        """A ring with a number at each point."""
        middle = np.full(len(points), np.mean(ax.get_ylim()))
        places = points[:, pair] if pair else np.column_stack([points, middle])
        ax.scatter(*places.T, s=95, c="white", edgecolors=IN_GAP_COLOR, linewidths=1, zorder=6)
        style = {"ha": "center", "va": "center", "fontsize": 7, "color": IN_GAP_COLOR}
        for i, place in enumerate(places):
            ax.text(*place, str(i + 1), zorder=7, **style)

    def _title(self, points):
        """What is decoded, and where the other components are."""
        title = "What latent points decode to"
        if points.shape[1] > len(self.axes):
            title += "\nall other components at their medians"
        return title

    # ------------------------------------------------------------------ constructors

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        points=None,
        n_points=None,
        axes=None,
        kind="grid",
        image_shape=None,
        random_state=None,
        ax=None,
        image_kwargs=None,
        line_kwargs=None,
    ):
        """Decode points among the codes of X, and draw them.

        Parameters
        ----------
        estimator : estimator instance
            Fitted transformer, or pipeline that ends in one, with ``inverse_transform``. Its
            codes are those of ``sample_posterior`` if it has that, else of ``transform``.

        X : array-like of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,), default=None
            Labels, for the overlay.

        points : array-like of shape (n_points, n_components), default=None
            Points to decode. None takes a grid.

        n_points : int, default=None
            Points of the grid along each axis: 10, over the codes 4, of a heat map 100.

        axes : tuple of two int, default=None
            Latent axes of the grid. None takes the two of largest variance.

        kind : {"grid", "overlay"}, default="grid"
            Pictures where the points lie, or numbered beside a scatter of the codes.

        image_shape : tuple of int, default=None
            Height, width, and channels if there are several, of the images that rows are.

        random_state : int, RandomState instance or None, default=None
            Seed of ``sample_posterior``.

        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        image_kwargs : dict, default=None
            Keywords of ``ax.imshow``.

        line_kwargs : dict, default=None
            Keywords of the ``LineCollection`` of the profiles.

        Returns
        -------
        display : DecodedGridDisplay
            The display, drawn.
        """
        check_is_fitted(estimator)
        decode = required_decoder(estimator)
        return cls.from_latent(
            latent_codes(estimator, X, random_state=random_state),
            y,
            decode=decode,
            limits=value_range(X),
            points=points,
            n_points=n_points,
            axes=axes,
            kind=kind,
            image_shape=image_shape,
            ax=ax,
            image_kwargs=image_kwargs,
            line_kwargs=line_kwargs,
        )

    @classmethod
    def from_latent(
        cls,
        X_latent,
        y=None,
        *,
        decode,
        points=None,
        n_points=None,
        axes=None,
        kind="grid",
        image_shape=None,
        limits=None,
        ax=None,
        image_kwargs=None,
        line_kwargs=None,
    ):
        """Decode points among codes, and draw them.

        Parameters
        ----------
        X_latent : array-like of shape (n_samples, n_components)
            Codes.

        y : array-like of shape (n_samples,), default=None
            Labels, for the overlay.

        decode : callable
            From codes to rows.

        points : array-like of shape (n_points, n_components), default=None
            Points to decode. None takes a grid.

        n_points : int, default=None
            Points of the grid along each axis: 10, over the codes 4, of a heat map 100.

        axes : tuple of two int, default=None
            Latent axes of the grid. None takes the two of largest variance.

        kind : {"grid", "overlay"}, default="grid"
            Pictures where the points lie, or numbered beside a scatter of the codes.

        image_shape : tuple of int, default=None
            Height, width, and channels if there are several, of the images that rows are.

        limits : tuple of (float, float), default=None
            Values that are white and black. None takes the 1 % and the 99 % quantile of what
            was decoded.

        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        image_kwargs : dict, default=None
            Keywords of ``ax.imshow``.

        line_kwargs : dict, default=None
            Keywords of the ``LineCollection`` of the profiles.

        Returns
        -------
        display : DecodedGridDisplay
            The display, drawn.
        """
        check_decode(decode)
        _check_kind(kind)
        codes = check_latent(X_latent, min_samples=1, spread=False)
        if points is None:
            axes = _grid_axes(codes, axes)
            heat = len(axes) == 1 and image_shape is None and kind == "grid"
            points = _grid(codes, axes, n_points, N_HEAT if heat else N_POINTS[kind])
        else:
            points, axes = _check_points(points, codes.shape[1]), None
        display = cls(
            points=points,
            decoded=decode(points),
            axes=axes,
            X_latent=codes,
            y=y,
            image_shape=image_shape,
            limits=limits,
        )
        return display.plot(ax, kind=kind, image_kwargs=image_kwargs, line_kwargs=line_kwargs)


def _check_kind(kind):
    if kind not in N_POINTS:
        raise ValueError(f"kind must be one of {list(N_POINTS)}. Got {kind!r} instead.")


def _check_points(points, n_components):
    """Points of the latent space as a float array, as wide as the codes."""
    points = check_latent(points, name="points", min_samples=1, spread=False)
    if points.shape[1] != n_components:
        raise ValueError(
            f"points must have {n_components} columns, one for each component. Got "
            f"{points.shape[1]} instead."
        )
    return points


def _grid_axes(codes, axes):
    """Latent axes of the grid: as asked for, or the two of largest variance, in order."""
    if axes is not None:
        return check_axes(axes, codes.shape[1])
    widest = np.argsort(-codes.var(axis=0), kind="stable")[:2]
    return tuple(int(axis) for axis in np.sort(widest))


def _grid(codes, axes, n_points, default):
    """Points on a lattice over nine tenths of the codes along the axes, row by row."""
    if n_points is not None:
        check_scalar(n_points, "n_points", Integral, min_val=2)
    low, high = np.quantile(codes[:, axes], [0.05, 0.95], axis=0)
    equal = low == high
    low, high = np.where(equal, low - 0.5, low), np.where(equal, high + 0.5, high)
    sides = np.linspace(low, high, n_points or default).T
    across, *down = np.meshgrid(sides[0], *(side[::-1] for side in sides[1:]))
    points = np.tile(np.median(codes, axis=0), (across.size, 1))
    for axis, coordinate in zip(axes, (across, *down), strict=True):
        points[:, axis] = coordinate.ravel()
    return points


def _cell_edges(coordinates, n_cells):
    """Ends of cells of equal width that are centred on the coordinates."""
    low, high = coordinates.min(), coordinates.max()
    half = (high - low) / (n_cells - 1) / 2 if n_cells > 1 else 0.5
    return low - half, high + half
