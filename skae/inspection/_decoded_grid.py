"""Points of the latent space, and what they decode to."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from skae.metrics._estimators import latent_codes, required_decoder
from skae.metrics._inputs import check_latent

from ._latent_space import LatentSpaceDisplay, class_handles
from ._pictures import (
    cells,
    check_image_shape,
    check_pictures,
    draw_images,
    draw_profiles,
    scale_text,
    value_range,
)
from ._style import (
    IN_GAP_COLOR,
    LITERAL,
    Labels,
    axes_for,
    check_axes,
    check_decode,
    fit_in_place,
    legend_below,
    set_title,
)

__all__ = ["DecodedGridDisplay"]

# Points along each axis by default, in the grid and over the codes.
N_POINTS = {"grid": 10, "overlay": 4}

# Points of the heat map of one component.
N_HEAT = 100

# Blank above a picture for its number, as a share of the picture.
HEADER = 0.4


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
        fit_in_place(self.ax_)
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
        set_title(ax, "\n".join(["What latent points decode to", *self._notes(points)]))

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
        set_title(ax, "\n".join(["What latent points decode to", *self._others(points)]))

    def _draw_numbered(self, ax, rows, image_shape, image_kwargs, line_kwargs):
        """Pictures side by side, below the numbers of their points."""
        n_down, n_across = cells(len(rows))
        extent = (0, n_across, 0, n_down)
        self._draw_pictures(
            ax, rows, image_shape, n_across, extent, image_kwargs, line_kwargs, header=HEADER
        )
        style = {"ha": "center", "va": "top", "color": IN_GAP_COLOR, "clip_on": True}
        for i in range(len(rows)):
            top = (i % n_across + 0.5, n_down - i // n_across - 0.02)
            ax.text(*top, str(i + 1), fontsize=np.clip(32 / n_across, 4, 8), **style)
        ax.set(xticks=[], yticks=[])
        set_title(ax, f"What the points decode to\n{self._scale()}".rstrip())

    def _draw_overlay(self, points, rows, image_shape, image_kwargs, line_kwargs):
        """Numbered points over the codes, and beside it the pictures."""
        ax, labels = self.ax_, Labels.of(self.y, len(self.X_latent))
        ax.axis("off")
        if labels.names and points.shape[1] > 1:  # lanes are named themselves
            legend_below(ax, class_handles(labels))
        left = ax.inset_axes([0.08, 0.16, 0.44, 0.74])
        right = ax.inset_axes([0.58, 0.16, 0.42, 0.74])
        self.axes_ = [left, right]
        pair = self._scatter_axes(points.shape[1])
        self.codes_display_ = LatentSpaceDisplay(X_latent=self.X_latent, y=self.y)
        self.codes_display_._plot(left, pair, None, False, None, write_names=False)
        self._draw_numbered(right, rows, image_shape, image_kwargs, line_kwargs)
        self._number_points(left, points, pair)
        left.set_title("Codes and points", fontsize="medium")
        right.set_title("Decoded points", fontsize="medium")
        set_title(ax, "\n".join(self._notes(points)))

    # ------------------------------------------------------------------ parts

    def _draw_pictures(
        self, ax, rows, image_shape, n_across, extent, image_kwargs, line_kwargs, header=0
    ):
        """Images or profiles of all rows, on one scale of values."""
        if image_shape is None:
            self.lines_ = draw_profiles(
                ax, rows, n_across, extent, _range(rows), header=header, **line_kwargs
            )
        else:
            limits = self.limits or np.quantile(rows, [0.01, 0.99])
            self.image_ = draw_images(
                ax, rows, image_shape, n_across, extent, limits, image_kwargs, header
            )

    def _scatter_axes(self, n_components):
        """Axes of the scatter: those of the grid, or the first two; None in one dimension."""
        if n_components == 1:
            return None
        return self.axes if self.axes is not None and len(self.axes) == 2 else (0, 1)

    def _number_points(self, ax, points, pair):
        """A ring with a number at each point; in one dimension on a lane of its own."""
        places = points[:, pair] if pair else self._lane_below(ax, points)
        ax.scatter(*places.T, s=95, c="white", edgecolors=IN_GAP_COLOR, linewidths=1, zorder=6)
        style = {"ha": "center", "va": "center", "fontsize": 7, "color": IN_GAP_COLOR}
        for i, place in enumerate(places):
            ax.text(*place, str(i + 1), zorder=7, **style)

    @staticmethod
    def _lane_below(ax, points):
        """Places of the points on a lane below those of the classes."""
        bottom, top = ax.get_ylim()
        lane = bottom + 0.4
        ax.set_ylim(lane + 0.6, top)
        names = [label.get_text() for label in ax.get_yticklabels()]
        ax.set_yticks([*ax.get_yticks(), lane], [*names, "points"], **LITERAL)
        return np.column_stack([points, np.full(len(points), lane)])

    def _notes(self, points):
        """Where the other components are, and the scale of values, if there is one."""
        return [note for note in (*self._others(points), self._scale()) if note]

    def _others(self, points):
        """Where the components are that are not shown, if there are any."""
        n_components = points.shape[1]
        n_shown = min(2, n_components) if self.axes is None else len(self.axes)
        if n_components == n_shown:
            return []
        if self.axes is None:
            return [f"{n_shown} of {n_components} components are shown"]
        return ["all other components of the points at their medians"]

    def _scale(self):
        """The values that the pictures show."""
        if self.image_ is not None:
            return scale_text(self.image_)
        low, high = _range(check_pictures(self.decoded, "decoded"))
        return f"values from {low:.3g} to {high:.3g}"

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


def _range(rows):
    """Least and largest value."""
    return rows.min(), rows.max()


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
