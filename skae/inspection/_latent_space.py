"""The codes: a scatter of two axes, a strip of one, or the norms of many."""

from numbers import Real

import numpy as np
from scipy.stats import chi
from sklearn.utils import check_scalar

from skae.metrics._estimators import latent_codes
from skae.metrics._inputs import check_latent
from skae.metrics._resampling import subsample

from ._style import (
    COLORS,
    FAR_APART,
    LITERAL,
    MARKERS,
    Labels,
    axes_for,
    check_axes,
    fit_in_place,
    legend_beside,
    set_title,
    white_rim,
    write,
)

__all__ = ["LatentSpaceDisplay", "class_handles"]

# Points that are drawn, at most.
MAX_POINTS = 5000

# Letters of the names that are written among the points, at most.
WRITTEN_LETTERS = 6

# Codes without a class, and of classes that are too rare for a colour.
PLAIN, RARE = "#7f9be0", "0.75"


class LatentSpaceDisplay:
    """Codes of rows by class, beside where N(0, I) lies.

    Two components make a scatter, with the dashed circle that holds 99 % of N(0, I) and
    a cross at the origin. One component makes a strip of points, a row for each class, with
    marks at ±2.576. Of three or more, the norms are shown, as a histogram against the
    density of the norm of N(0, I), the chi law; or any two of them by ``axes``.

    Use `from_estimator` or `from_latent` to create one. All parameters are stored as
    attributes.

    Parameters
    ----------
    X_latent : array-like of shape (n_samples, n_components)
        Codes.

    y : array-like of shape (n_samples,), default=None
        Labels. Up to twelve different ones are classes, each with a colour and a
        marker of its own. Of more, floats are values, shown on a colour scale (but not
        among norms); integers and names are classes, of which the eleven most frequent
        keep a colour, and the rest is one grey group.

    Attributes
    ----------
    scatter_ : list of PathCollection
        The points, class by class; empty for norms.

    histogram_ : list of BarContainer
        Bars of the norms, class by class; empty for points.

    boundary_ : list of Artist
        What bounds the share ``level`` of N(0, I): a circle, two lines or one.

    legend_ : Legend or None
        The legend, if there is any.

    ax_ : matplotlib Axes
        Axes with the plot.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    See Also
    --------
    LatentSupportDisplay : Where the codes leave gaps.
    ClassAreaDisplay : How much area each class takes.

    Notes
    -----
    Of more than 5000 codes a random subset of 5000 is drawn, always the same, and
    the title says so; medians and histograms are of all.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skae.inspection import LatentSpaceDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> display = LatentSpaceDisplay.from_estimator(PCA(2).fit(X), X, y)
    >>> [len(points.get_offsets()) for points in display.scatter_]
    [50, 50, 50]
    """

    def __init__(self, *, X_latent, y=None):
        self.X_latent = X_latent
        self.y = y

    def plot(self, ax=None, *, axes=None, level=0.99, legend=True, scatter_kwargs=None):
        """Draw the codes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        axes : tuple of two int, default=None
            Latent axes of the scatter. With None, those of two components, and the norms
            of three or more.

        level : float or None, default=0.99
            Share of N(0, I) inside the boundary; None draws no boundary, no cross and no
            density.

        legend : bool, default=True
            Whether to draw the legend of the classes, or the colour bar.

        scatter_kwargs : dict, default=None
            Keywords of ``ax.scatter``.

        Returns
        -------
        display : LatentSpaceDisplay
            The object itself.
        """
        return self._plot(ax, axes, level, legend, scatter_kwargs)

    def _plot(self, ax, axes, level, legend, scatter_kwargs, *, write_names=True):
        """Draw the codes, with or without the names of the classes among the points."""
        codes = check_latent(self.X_latent, min_samples=1, spread=False)
        if level is not None:
            check_scalar(level, "level", Real, min_val=0, max_val=1, include_boundaries="neither")
        labels = Labels.of(self.y, len(codes))
        if axes is not None:
            axes = check_axes(axes, codes.shape[1])
        elif codes.shape[1] == 2:
            axes = (0, 1)
        self.ax_ = axes_for(ax)
        self.figure_ = self.ax_.figure
        self.scatter_, self.histogram_, self.boundary_, self.legend_ = [], [], [], None
        if axes is not None:
            self._draw_plane(codes, axes, labels, level, legend, scatter_kwargs, write_names)
        elif codes.shape[1] == 1:
            self._draw_strip(codes[:, 0], labels, level, legend, scatter_kwargs)
        else:
            self._draw_norms(codes, labels, level, legend)
        fit_in_place(self.ax_)
        return self

    # ------------------------------------------------------------------ scatter

    def _draw_plane(self, codes, axes, labels, level, legend, scatter_kwargs, write_names):
        """Two axes of the codes."""
        from matplotlib.patches import Circle

        ax, points, title = self.ax_, codes[:, axes], self._title(len(codes))
        self._draw_points(points, labels, scatter_kwargs)
        if write_names and max(map(len, labels.names or [""])) <= WRITTEN_LETTERS:
            for name, median in _class_medians(points, labels):
                write(ax, median, name)
        if level is not None:
            style = {"fill": False, "ls": "--", "lw": 1.3, "color": "black", "zorder": 3}
            circle = Circle((0, 0), chi.ppf(level, 2), path_effects=white_rim(3), **style)
            self.boundary_ = [ax.add_patch(circle)]
            _mark_origin(ax, 0)
            title += f"\ndashed: {_percent(level)} of N(0, I), cross: its mean"
        ax.set_xlabel(f"component {axes[0]} (latent units)")
        ax.set_ylabel(f"component {axes[1]} (latent units)")
        _set_aspect(ax)
        if legend:
            self._draw_legend(labels)
        set_title(ax, title)

    def _draw_points(self, points, labels, scatter_kwargs):
        """At most `MAX_POINTS` of the points, class by class."""
        shown = subsample(len(points), MAX_POINTS, np.random.RandomState(0))
        size = np.clip(12_000 / len(shown), 10, 28)
        style = {
            "s": size,
            "alpha": 0.75,
            "edgecolors": "0.25",
            "linewidths": 0.3 if size > 20 else 0,  # rims would hide small points
            **(scatter_kwargs or {}),
        }
        if labels.values is not None:
            values = {"c": labels.values[shown], "cmap": "viridis", **style}
            self.scatter_ = [self.ax_.scatter(*points[shown].T, **values)]
        elif labels.index is None:
            self.scatter_ = [self.ax_.scatter(*points[shown].T, **{"color": PLAIN, **style})]
        else:
            for c, name in enumerate(labels.names):
                of_class = points[shown[labels.index[shown] == c]]
                own = {
                    "color": _class_colors(labels)[c],
                    "marker": MARKERS[c],
                    "label": name,
                    **style,
                }
                self.scatter_.append(self.ax_.scatter(*of_class.T, **own))

    def _draw_legend(self, labels):
        """Legend of the classes, or colour bar of the values."""
        if labels.values is not None:
            self.figure_.colorbar(self.scatter_[0], ax=self.ax_, label="y")
        if labels.names is not None:
            self.legend_ = legend_beside(self.ax_, class_handles(labels), title="class")

    @staticmethod
    def _title(n_samples):
        shown = f" ({MAX_POINTS} of {n_samples} drawn)" if n_samples > MAX_POINTS else ""
        return f"Codes of {n_samples} rows" if not shown else f"Codes{shown}"

    # ------------------------------------------------------------------ one component

    def _draw_strip(self, codes, labels, level, legend, scatter_kwargs):
        """One component: a row of points for each class, spread at random across the row."""
        ax = self.ax_
        lanes = np.zeros(len(codes)) if labels.index is None else labels.index
        across = lanes + np.random.RandomState(0).uniform(-0.32, 0.32, len(codes))
        self._draw_points(np.column_stack([codes, across]), labels, scatter_kwargs)
        n_lanes = 1 if labels.names is None else len(labels.names)
        ax.set_ylim(n_lanes - 0.4, -0.6)  # the first class on top
        ax.set_yticks(np.arange(len(labels.names or [])), labels.names or [], **LITERAL)
        title = self._title(len(codes))
        if level is not None:
            radius = chi.ppf(level, 1)
            self.boundary_ = [ax.axvline(x, ls="--", c="0.2") for x in (-radius, radius)]
            _mark_origin(ax, (n_lanes - 1) / 2)
            title += f"\ndashed: {_percent(level)} of N(0, 1), ±{radius:.3f}; cross: its mean"
        set_title(ax, title)
        ax.set_xlabel("component 0 (latent units)")
        ax.set_ylabel("class" if labels.names else "")
        if labels.values is not None and legend:
            self._draw_legend(labels)

    # ------------------------------------------------------------------ many components

    def _draw_norms(self, codes, labels, level, legend):
        """Norms of the codes as a histogram, stacked by class, against the chi law."""
        ax, n_components = self.ax_, codes.shape[1]
        norms = np.linalg.norm(codes, axis=1)
        bulk = chi.ppf([0.001, 0.5, 0.999], n_components) if level is not None else norms[:0]
        log = _far_apart(norms, bulk)
        edges = _bin_edges(norms, bulk, log)
        self._draw_bars(norms, edges, labels, log)
        title = f"Norms of {len(codes)} codes in {n_components} dimensions"
        if labels.values is not None:
            title += " (y is not shown)"
        if level is not None:
            radius = chi.ppf(level, n_components)
            self._draw_chi_law(edges, n_components, radius, log)
            outside = _percent(round(np.mean(norms > radius), 4))
            title += f"\ncurve: N(0, I), dashed: {_percent(level)} of it"
            title += f"\n{outside} of the codes lie outside"
        set_title(ax, title)
        ax.set_xlabel("norm of the code (latent units)")
        ax.set_ylabel("density of ln(norm)" if log else "density")
        if legend and labels.names:
            self.legend_ = legend_beside(ax, self.histogram_, title="class")

    def _draw_bars(self, norms, edges, labels, log):
        """Stacked bars whose total is the density; of ln(norm) if ``log``."""
        ax, names = self.ax_, labels.names or [None]
        index = np.zeros(len(norms), dtype=int) if labels.names is None else labels.index
        widths = np.diff(np.log(edges) if log else edges)
        colors = _class_colors(labels) or [PLAIN]
        bottom = np.zeros(len(widths))
        for c, name in enumerate(names):
            counts = np.histogram(np.clip(norms[index == c], edges[0], edges[-1]), edges)[0]
            height = counts / len(norms) / widths
            style = {"color": colors[c], "alpha": 0.85, "lw": 0, "label": name}
            bars = ax.bar(edges[:-1], height, np.diff(edges), bottom, align="edge", **style)
            self.histogram_.append(bars)
            bottom += height

    def _draw_chi_law(self, edges, n_components, radius, log):
        """Density of the norm of N(0, I), and the radius that holds the share aimed at."""
        grid = np.geomspace if log else np.linspace
        r = np.unique(
            [
                *grid(edges[0], edges[-1], 300),
                *chi.ppf(np.linspace(0.001, 0.999, 100), n_components),
            ]
        )
        density = chi.pdf(r, n_components) * (r if log else 1)
        self.ax_.plot(r, density, c="black", lw=1.5)
        self.boundary_ = [self.ax_.axvline(radius, ls="--", c="0.2")]
        if log:
            self.ax_.set_xscale("log")

    # ------------------------------------------------------------------ constructors

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        axes=None,
        level=0.99,
        legend=True,
        random_state=None,
        ax=None,
        scatter_kwargs=None,
    ):
        """Draw the codes of the rows of X.

        Parameters
        ----------
        estimator : estimator instance
            Fitted transformer, or pipeline that ends in one. Its codes are those of
            ``sample_posterior`` if it has that, else of ``transform``.

        X : array-like of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,), default=None
            Labels.

        axes : tuple of two int, default=None
            Latent axes of the scatter; see `plot`.

        level : float or None, default=0.99
            Share of N(0, I) inside the boundary; None draws none.

        legend : bool, default=True
            Whether to draw the legend.

        random_state : int, RandomState instance or None, default=None
            Seed of ``sample_posterior``.

        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        scatter_kwargs : dict, default=None
            Keywords of ``ax.scatter``.

        Returns
        -------
        display : LatentSpaceDisplay
            The display, drawn.
        """
        codes = latent_codes(estimator, X, random_state=random_state)
        return cls.from_latent(
            codes,
            y,
            axes=axes,
            level=level,
            legend=legend,
            ax=ax,
            scatter_kwargs=scatter_kwargs,
        )

    @classmethod
    def from_latent(
        cls, X_latent, y=None, *, axes=None, level=0.99, legend=True, ax=None, scatter_kwargs=None
    ):
        """Draw codes.

        Parameters
        ----------
        X_latent : array-like of shape (n_samples, n_components)
            Codes.

        y : array-like of shape (n_samples,), default=None
            Labels.

        axes : tuple of two int, default=None
            Latent axes of the scatter; see `plot`.

        level : float or None, default=0.99
            Share of N(0, I) inside the boundary; None draws none.

        legend : bool, default=True
            Whether to draw the legend.

        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        scatter_kwargs : dict, default=None
            Keywords of ``ax.scatter``.

        Returns
        -------
        display : LatentSpaceDisplay
            The display, drawn.
        """
        display = cls(X_latent=X_latent, y=y)
        return display.plot(
            ax, axes=axes, level=level, legend=legend, scatter_kwargs=scatter_kwargs
        )


def class_handles(labels):
    """Legend entries of the classes."""
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], ls="", marker=m, mfc=c, mec="0.25", mew=0.3, ms=6.5, label=name)
        for m, c, name in zip(MARKERS, _class_colors(labels), labels.names or [], strict=False)
    ]


def _class_medians(points, labels):
    """Name and median of every class, that of the rare ones left out."""
    for c, name in enumerate((labels.names or [])[: -1 if labels.other else None]):
        yield name, np.median(points[labels.index == c], axis=0)


def _class_colors(labels):
    """Colours of the classes; grey for the rare ones."""
    n_classes = len(labels.names or [])
    return [*COLORS[: n_classes - 1], RARE] if labels.other else COLORS[:n_classes]


def _mark_origin(ax, y):
    """A cross at the origin, on a white rim."""
    ax.plot(0, y, "+", color="black", ms=12, mew=1.8, zorder=6, path_effects=white_rim(4))


def _set_aspect(ax):
    """Equal units on both axes, unless one spread is many times the other."""
    ax.autoscale_view()
    width, height = ax.dataLim.width, ax.dataLim.height
    if max(width, height) < FAR_APART * min(width, height):
        shared = any(
            len(g.get_siblings(ax)) > 1 for g in (ax.get_shared_x_axes(), ax.get_shared_y_axes())
        )
        ax.set_aspect("equal", adjustable="box" if shared else "datalim")


def _far_apart(norms, bulk):
    """Whether the norms, and the bulk of the chi law, would not show on one linear axis."""
    norms = norms[norms > 0]
    if not len(norms):
        return False
    medians = [np.median(v) for v in (norms, bulk) if len(v)]
    return max(norms.max(), *medians) > FAR_APART * min(medians)


def _bin_edges(norms, bulk, log):
    """Edges of some dozens of bins over the norms and the bulk of the chi law."""
    norms = np.concatenate([norms[norms > 0] if log else norms, bulk])
    low, high = norms.min(), norms.max()
    if low == high:
        low, high = low - 0.5, high + 0.5
    return (np.geomspace if log else np.linspace)(low, high, 51)


def _percent(share):
    return f"{100 * share:.4g} %"
