"""Where the codes support decoding, and the draws that fall into gaps."""

import numpy as np

from skae.metrics._estimators import latent_codes
from skae.metrics._resampling import subsample

from ._style import (
    FAR_APART,
    IN_GAP_COLOR,
    as_list,
    axes_for,
    error_bars,
    fit_in_place,
    legend_beside,
    name_laws,
    sampler_list,
    set_title,
    value_text,
    white_rim,
)

__all__ = ["LatentSupportDisplay"]

METRIC = "gap_fraction"

# Draws that are shown, at most, and points along each side of the map.
MAX_DRAWS = 2000
RESOLUTION = 200

# Laws that are compared by default where no map can be drawn.
COMPARED = ("box", "standard_normal", "normal", "interpolate")

# Components from which neighbours cannot see a hollow centre.
HOLLOW = 20

SUPPORTED_COLOR = "#b9d3ee"


class LatentSupportDisplay:
    """Regions that codes support, and draws of a sampler that fall into gaps between them.

    Of one sampler and up to two components: a map of the supported region with the draws on
    it, dots where they are supported and crosses in gaps. Else a bar for each sampler, the
    share of its draws in gaps.

    Use `from_estimator` or `from_latent` to create one. All parameters are stored as
    attributes.

    Parameters
    ----------
    gaps : Bunch, or list or dict of them
        What `skae.metrics.latent_gaps` returns, one for each sampler.

    Attributes
    ----------
    image_ : AxesImage or None
        The map: 1 where a point is supported, else 0.

    supported_ : PathCollection or None
        Draws that are supported.

    in_gap_ : PathCollection or None
        Draws in gaps.

    largest_gap_ : Line2D or None
        From the draw farthest from its k-th nearest code, as long as that distance, towards the
        nearest draw that is supported.

    bars_ : BarContainer or None
        Gap fractions, sampler by sampler.

    ax_ : matplotlib Axes
        Axes with the plot.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    See Also
    --------
    skae.metrics.latent_gaps : What is drawn, and how it is defined.
    SampledClassesDisplay : The classes that draws land on.

    Notes
    -----
    "In a gap" means that no code lies near; a decoder may still give a sensible row there.
    Of gaps narrower than ``gaps.resolution`` only those are seen that part dense codes, and
    some of these are chance: a share ``gaps.alpha`` of the codes' own law counts as in gaps.
    Of more than 2000 draws a random subset is shown, always the same.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skae.inspection import LatentSupportDisplay
    >>> X, _ = load_iris(return_X_y=True)
    >>> display = LatentSupportDisplay.from_estimator(
    ...     PCA(2).fit(X), X, n_draws=1000, n_resamples=0, random_state=0
    ... )
    >>> display.image_.get_array().shape
    (200, 200)
    """

    def __init__(self, *, gaps):
        self.gaps = gaps

    def plot(self, ax=None, *, kind="auto", image_kwargs=None, scatter_kwargs=None):
        """Draw the map or the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        kind : {"auto", "map", "bars"}, default="auto"
            The map of one sampler (of several, the first), for up to two components;
            or a bar for each. "auto" draws the map of a single sampler where it can.

        image_kwargs : dict, default=None
            Keywords of ``ax.imshow``, which draws the map.

        scatter_kwargs : dict, default=None
            Keywords of ``ax.scatter``, which draws the draws.

        Returns
        -------
        display : LatentSupportDisplay
            The object itself.
        """
        gaps = as_list(self.gaps, METRIC)
        kind = _check_kind(kind, gaps)
        self.ax_ = axes_for(ax)
        self.figure_ = self.ax_.figure
        self.image_ = self.supported_ = self.in_gap_ = self.largest_gap_ = self.bars_ = None
        if kind == "map":
            self._draw_map(gaps[0], image_kwargs or {}, scatter_kwargs or {})
        else:
            self._draw_bars(gaps)
        fit_in_place(self.ax_)
        return self

    # ------------------------------------------------------------------ map

    def _draw_map(self, gaps, image_kwargs, scatter_kwargs):
        """The supported region, and draws on it."""
        ax, draws, centre = self.ax_, gaps.draws, gaps.largest_gap_centre
        if gaps.n_components == 1:  # draws are spread at random across the strip
            across = np.random.RandomState(0).uniform(0.1, 0.9, len(draws))
            draws, centre = np.column_stack([draws, across]), (centre[0], 0.5)
        low, high = _frame(draws, gaps.n_components)
        self._draw_region(gaps, low, high, image_kwargs)
        handles = self._draw_draws(draws, np.asarray(gaps.supported), scatter_kwargs)
        if not np.all(gaps.supported):
            handles.append(self._draw_largest_gap(gaps, draws, np.asarray(centre)))
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        self._name_axes(gaps.n_components, high - low)
        set_title(
            ax,
            f"Gaps under {gaps.sampler}: {value_text(gaps)} of draws\n"
            f"gaps finer than {gaps.resolution:.2g} units: seen among dense codes only",
        )
        legend_beside(ax, handles)

    def _draw_region(self, gaps, low, high, image_kwargs):
        """The region that is supported, by a lattice of points."""
        from matplotlib.colors import ListedColormap

        n_sides = (RESOLUTION, RESOLUTION if gaps.n_components == 2 else 1)
        sides = [
            lo + (np.arange(n) + 0.5) / n * (hi - lo)
            for n, lo, hi in zip(n_sides, low, high, strict=False)
        ]
        lattice = np.stack(np.meshgrid(*sides), axis=-1)
        points = lattice.reshape(-1, 2)[:, : gaps.n_components]
        region = (gaps.support.predict(points) > 0).astype(float).reshape(lattice.shape[:2])
        style = {
            "cmap": ListedColormap(["white", SUPPORTED_COLOR]),
            "vmin": 0,
            "vmax": 1,
            "origin": "lower",
            "aspect": "auto",
            "interpolation": "nearest",
            "extent": (low[0], high[0], low[1], high[1]),
            **image_kwargs,
        }
        self.image_ = self.ax_.imshow(region, **style)

    def _draw_draws(self, draws, supported, scatter_kwargs):
        """Draws as dots or crosses; returns the legend's entries."""
        from matplotlib.patches import Patch

        shown = subsample(len(draws), MAX_DRAWS, np.random.RandomState(0))
        draws, supported = draws[shown], supported[shown]
        dots = {"s": 6, "color": "0.2", "alpha": 0.6, "linewidths": 0, **scatter_kwargs}
        crosses = {"s": 14, "color": IN_GAP_COLOR, "linewidths": 0.8, **scatter_kwargs}
        self.supported_ = self.ax_.scatter(*draws[supported].T, label="draw", **dots)
        self.in_gap_ = self.ax_.scatter(
            *draws[~supported].T, marker="x", label="draw in gap", **crosses
        )
        region = Patch(fc=SUPPORTED_COLOR, ec="0.6", label="supported")
        return [region, self.supported_, self.in_gap_]

    def _draw_largest_gap(self, gaps, draws, centre):
        """The centre of the largest gap, and from there its radius, towards what is supported."""
        supported = draws[np.asarray(gaps.supported)]
        step = (supported if len(supported) else draws) - centre
        step[:, gaps.n_components :] = 0  # across the strip is no direction
        length = np.linalg.norm(step, axis=1)
        nearest = np.argmin(np.where(length > 0, length, np.inf))
        end = centre + step[nearest] * (gaps.largest_gap_radius / (length[nearest] or 1))
        style = {"color": "black", "lw": 1.5, "marker": "o", "ms": 5, "markevery": [0]}
        (self.largest_gap_,) = self.ax_.plot(
            *np.transpose([centre, end]), path_effects=white_rim(3.5), zorder=4,
            label=f"largest gap,\nradius {gaps.largest_gap_radius:.2g}", **style,
        )  # fmt: skip
        return self.largest_gap_

    def _name_axes(self, n_components, size):
        """Labels of the axes, and equal units where they can be."""
        ax = self.ax_
        ax.set_xlabel("component 0 (latent units)")
        if n_components == 1:
            ax.set_yticks([])
            return
        ax.set_ylabel("component 1 (latent units)")
        if size.max() < FAR_APART * size.min():
            ax.set_aspect("equal", adjustable="box")

    # ------------------------------------------------------------------ bars

    def _draw_bars(self, gaps):
        """Gap fraction of each sampler, with its interval and the noise floor."""
        ax, position = self.ax_, np.arange(len(gaps))
        values = np.array([g.value for g in gaps])
        style = {"color": IN_GAP_COLOR, "alpha": 0.8, "height": 0.5}
        errors = error_bars(values, *np.transpose([g.interval for g in gaps]))
        whiskers = {"ecolor": "0.1", "elinewidth": 1.2, "capsize": 3}
        self.bars_ = ax.barh(position, values, xerr=errors, error_kw=whiskers, **style)
        ax.vlines(
            [g.floor for g in gaps], position - 0.25, position + 0.25, color="black", ls="--",
            lw=1.5,
        )  # fmt: skip
        ends = np.maximum(values if errors is None else values + errors[1], [g.floor for g in gaps])
        for y, end, value in zip(position, ends, values, strict=True):
            ax.annotate(f"{value:.2f}", (end, y), (5, 0), textcoords="offset points", va="center")
        name_laws(ax, gaps, 0.5)
        ax.set(xlim=(0, 1.2), xlabel="gap fraction of draws", ylabel="sampler")
        ax.set_xticks(np.linspace(0, 1, 6))
        n_components = gaps[0].n_components
        title = f"Draws in gaps, {n_components} components\n"
        title += f"dashed: noise floor at n = {gaps[0].n_samples}"
        if n_components > HOLLOW:
            title += "\nneighbours cannot see hollow centres"
        set_title(ax, title)

    # ------------------------------------------------------------------ constructors

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        sampler="auto",
        kind="auto",
        random_state=None,
        ax=None,
        image_kwargs=None,
        scatter_kwargs=None,
        **params,
    ):
        """Compute the gaps between the codes of X, and draw them.

        Parameters
        ----------
        estimator : estimator instance
            Fitted transformer, or pipeline that ends in one. Its codes are those of
            ``sample_posterior`` if it has that, else of ``transform``.

        X : array-like of shape (n_samples, n_features)
            Rows.

        y : Ignored
            Not used.

        sampler : str, estimator, callable, array-like or list of them, default="auto"
            Law or laws of the draws. "auto" is the estimator's ``latent_sampler_`` if it
            has that, else "box"; of three or more components, that one and "box",
            "standard_normal", "normal", "interpolate".

        kind : {"auto", "map", "bars"}, default="auto"
            What to draw; see `plot`.

        random_state : int, RandomState instance or None, default=None
            Seed of all that is random.

        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        image_kwargs : dict, default=None
            Keywords of ``ax.imshow``.

        scatter_kwargs : dict, default=None
            Keywords of ``ax.scatter``.

        **params : dict
            Further parameters of `skae.metrics.latent_gaps`.

        Returns
        -------
        display : LatentSupportDisplay
            The display, drawn.
        """
        codes = latent_codes(estimator, X, random_state=random_state)
        return cls.from_latent(
            codes,
            sampler=sampler_list(sampler, estimator, default=_default_laws(codes)),
            kind=kind,
            random_state=random_state,
            ax=ax,
            image_kwargs=image_kwargs,
            scatter_kwargs=scatter_kwargs,
            **params,
        )

    @classmethod
    def from_latent(
        cls,
        X_latent,
        y=None,
        *,
        sampler="auto",
        kind="auto",
        random_state=None,
        ax=None,
        image_kwargs=None,
        scatter_kwargs=None,
        **params,
    ):
        """Compute the gaps between codes, and draw them.

        Parameters
        ----------
        X_latent : array-like of shape (n_samples, n_components)
            Codes.

        y : Ignored
            Not used.

        sampler : str, estimator, callable, array-like or list of them, default="auto"
            Law or laws of the draws. "auto" is "box"; of three or more components
            "box", "standard_normal", "normal" and "interpolate".

        kind : {"auto", "map", "bars"}, default="auto"
            What to draw; see `plot`.

        random_state : int, RandomState instance or None, default=None
            Seed of all that is random.

        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        image_kwargs : dict, default=None
            Keywords of ``ax.imshow``.

        scatter_kwargs : dict, default=None
            Keywords of ``ax.scatter``.

        **params : dict
            Further parameters of `skae.metrics.latent_gaps`.

        Returns
        -------
        display : LatentSupportDisplay
            The display, drawn.
        """
        from skae.metrics._support import latent_gaps

        gaps = [
            latent_gaps(X_latent, sampler=law, random_state=random_state, **params)
            for law in sampler_list(sampler, default=_default_laws(X_latent))
        ]
        display = cls(gaps=gaps)
        return display.plot(ax, kind=kind, image_kwargs=image_kwargs, scatter_kwargs=scatter_kwargs)


def _check_kind(kind, gaps):
    """The kind of picture, "auto" resolved."""
    kinds = ["auto", "map", "bars"]
    if kind not in kinds:
        raise ValueError(f"kind must be one of {kinds}. Got {kind!r} instead.")
    n_components = gaps[0].n_components
    if kind == "auto":
        return "map" if n_components <= 2 and len(gaps) == 1 else "bars"
    if kind == "map" and n_components > 2:
        raise ValueError(
            f"kind='map' needs codes of one or two components. Got {n_components} instead; use "
            "kind='bars'."
        )
    return kind


def _default_laws(X_latent):
    """Laws to draw by where none is asked for."""
    shape = np.shape(X_latent)
    return COMPARED if len(shape) == 2 and shape[1] > 2 else COMPARED[:1]


def _frame(draws, n_components):
    """Corners of the map, a little wider than the draws."""
    low, high = draws.min(axis=0), draws.max(axis=0)
    rim = 0.05 * (high - low)
    rim[rim == 0] = 0.5
    low, high = low - rim, high + rim
    if n_components == 1:
        low[1], high[1] = 0, 1
    return low, high
