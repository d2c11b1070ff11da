"""Areas of the classes in the latent space, side by side."""

import numpy as np

from skae.metrics._estimators import latent_codes

from ._style import (
    as_list,
    axes_for,
    class_colors,
    class_names,
    draw_target,
    error_bars,
    fit_in_place,
    name_bars,
    set_title,
    value_text,
)

__all__ = ["ClassAreaDisplay"]


class ClassAreaDisplay:
    """Share of the latent area that each class takes.

    A bar for each class, with the interval of its share, and a dashed line at the share
    it would have if all were equal.

    Use `from_estimator` or `from_latent` to create one. All parameters are stored as
    attributes.

    Parameters
    ----------
    areas : Bunch
        What `skae.metrics.class_areas` returns.

    Attributes
    ----------
    bars_ : BarContainer
        The bars, in the order of ``areas.classes``.

    target_ : Artist
        The line, or the marks, at the target shares.

    ax_ : matplotlib Axes
        Axes with the plot.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    See Also
    --------
    skae.metrics.class_areas : What is drawn, and how it is defined.
    SampledClassesDisplay : What random draws land on.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skae.inspection import ClassAreaDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> display = ClassAreaDisplay.from_estimator(PCA(2).fit(X), X, y, random_state=0)
    >>> float(sum(bar.get_height() for bar in display.bars_))
    1.0
    """

    def __init__(self, *, areas):
        self.areas = areas

    def plot(self, ax=None, *, bar_kwargs=None):
        """Draw the shares.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        bar_kwargs : dict, default=None
            Keywords of ``ax.bar``.

        Returns
        -------
        display : ClassAreaDisplay
            The object itself.
        """
        (areas,) = as_list(self.areas, "class_area_imbalance")
        self.ax_ = ax = axes_for(ax)
        self.figure_ = ax.figure
        position = np.arange(len(areas.classes))
        style = {
            "color": self._colors(areas),
            "yerr": error_bars(areas.share, areas.share_low, areas.share_high),
            "error_kw": {"ecolor": "0.1", "elinewidth": 1.2, "capsize": 3},
            **(bar_kwargs or {}),
        }
        self.bars_ = ax.bar(position, areas.share, **style)
        self.target_ = draw_target(ax, position, areas.target)
        note = name_bars(ax, position, class_names(areas.classes))
        ax.set(xlabel=f"class{note}", ylabel="share of the class areas")
        ax.set_ylim(0, None)
        set_title(
            ax, f"Class areas: imbalance {value_text(areas)}\ndashed: {self.target_.get_label()}"
        )
        fit_in_place(ax)
        return self

    @staticmethod
    def _colors(areas):
        """Colours of the classes as in a scatter of all codes, classes left out included."""
        everyone = np.sort(
            np.concatenate([areas.classes, np.asarray(areas.dropped, areas.classes.dtype)])
        )
        colors = np.array(class_colors(len(everyone)))
        return colors[np.searchsorted(everyone, areas.classes)].tolist()

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, random_state=None, ax=None, bar_kwargs=None, **params
    ):
        """Compute the class areas of the codes of X, and draw them.

        Parameters
        ----------
        estimator : estimator instance
            Fitted transformer, or pipeline that ends in one. Its codes are those of
            ``sample_posterior`` if it has that, else of ``transform``.

        X : array-like of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,)
            Class labels.

        random_state : int, RandomState instance or None, default=None
            Seed of all that is random.

        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        bar_kwargs : dict, default=None
            Keywords of ``ax.bar``.

        **params : dict
            Further parameters of `skae.metrics.class_areas`.

        Returns
        -------
        display : ClassAreaDisplay
            The display, drawn.
        """
        codes = latent_codes(estimator, X, random_state=random_state)
        return cls.from_latent(
            codes, y, random_state=random_state, ax=ax, bar_kwargs=bar_kwargs, **params
        )

    @classmethod
    def from_latent(cls, X_latent, y, *, random_state=None, ax=None, bar_kwargs=None, **params):
        """Compute the class areas of codes, and draw them.

        Parameters
        ----------
        X_latent : array-like of shape (n_samples, n_components)
            Codes.

        y : array-like of shape (n_samples,)
            Class labels.

        random_state : int, RandomState instance or None, default=None
            Seed of all that is random.

        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        bar_kwargs : dict, default=None
            Keywords of ``ax.bar``.

        **params : dict
            Further parameters of `skae.metrics.class_areas`.

        Returns
        -------
        display : ClassAreaDisplay
            The display, drawn.
        """
        from skae.metrics._areas import class_areas

        areas = class_areas(X_latent, y, random_state=random_state, **params)
        return cls(areas=areas).plot(ax, bar_kwargs=bar_kwargs)
