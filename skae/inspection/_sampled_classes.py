"""What random draws from the latent space land on: classes, and gaps."""

import numpy as np

from skae.metrics._estimators import latent_codes

from ._style import (
    COLORS,
    GAP_COLOR,
    LITERAL,
    as_list,
    axes_for,
    class_colors,
    class_names,
    draw_target,
    fit_in_place,
    legend_beside,
    name_bars,
    name_laws,
    sampler_list,
    set_title,
    text_color,
    value_text,
)

__all__ = ["SampledClassesDisplay"]

# Share from which a part of a stacked bar has room for its name, and for one that stands.
NAMED_SHARE, STANDING_SHARE = 0.045, 0.025

# Letters of a name that stands in a stacked bar, at most.
STANDING_LETTERS = 10

METRIC = "sampled_class_imbalance"


class SampledClassesDisplay:
    """What a random draw from the latent space lands on.

    Of one sampler: a bar for each class, full for draws that the codes support and an empty
    outline on top for draws in gaps that lie nearest to that class, and a bar for all draws in
    gaps. Of several samplers: a stacked bar for each, classes and gap.

    Use `from_estimator` or `from_latent` to create one. All parameters are stored as
    attributes.

    Parameters
    ----------
    sampled : Bunch, or list or dict of them
        What `skae.metrics.sampled_classes` returns, one for each sampler.

    Attributes
    ----------
    bars_ : BarContainer or list of BarContainer
        Of one sampler, the bars of the classes and, last, of the gap. Of several,
        the parts class by class and, last, the gaps, each a container with a bar for
        each sampler.

    territory_ : BarContainer or None
        The outlines: shares of all draws, gaps counted for the nearest class.

    target_ : Artist or None
        The dashed line at the target shares.

    decoded_ : Line2D or None
        Marks at the shares of the classes that a classifier sees in decoded draws.

    ax_ : matplotlib Axes
        Axes with the plot.

    figure_ : matplotlib Figure
        Figure that holds the axes.

    See Also
    --------
    skae.metrics.sampled_classes : What is drawn, and how it is defined.
    LatentSupportDisplay : Where the gaps are.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA
    >>> from skae.inspection import SampledClassesDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> display = SampledClassesDisplay.from_estimator(
    ...     PCA(2).fit(X), X, y, n_draws=1000, random_state=0
    ... )
    >>> float(sum(bar.get_height() for bar in display.bars_))
    1.0
    """

    def __init__(self, *, sampled):
        self.sampled = sampled

    def plot(self, ax=None, *, bar_kwargs=None):
        """Draw the shares.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        bar_kwargs : dict, default=None
            Keywords of ``ax.bar``, of several samplers ``ax.barh``.

        Returns
        -------
        display : SampledClassesDisplay
            The object itself.
        """
        sampled = as_list(self.sampled, METRIC)
        self.ax_ = axes_for(ax)
        self.figure_ = self.ax_.figure
        self.territory_ = self.target_ = self.decoded_ = None
        if len(sampled) == 1:
            self._draw_classes(sampled[0], bar_kwargs or {})
        else:
            self._draw_samplers(sampled, bar_kwargs or {})
        fit_in_place(self.ax_)
        return self

    def _draw_classes(self, sampled, bar_kwargs):
        """A bar for each class, and one for the gap."""
        ax, n_classes = self.ax_, len(sampled.classes)
        position, colors = np.arange(n_classes + 1), class_colors(n_classes)
        heights = [*sampled.share, sampled.unsupported]
        self.bars_ = ax.bar(position, heights, **{"color": [*colors, GAP_COLOR], **bar_kwargs})
        self.bars_[-1].set(hatch="///", edgecolor="0.45", linewidth=0)
        self.territory_ = ax.bar(
            position[:-1], sampled.territory, fill=False, ec="0.3", lw=1, label="with draws in gaps"
        )
        self.target_ = draw_target(ax, position[:-1], sampled.target)
        handles = [self.territory_, self.target_]
        if sampled.decoded is not None:
            (self.decoded_,) = ax.plot(
                position[:-1], sampled.decoded, "D", mfc="white", mec="black", ms=5, label="decoded"
            )
            handles.append(self.decoded_)
        note = name_bars(ax, position, [*class_names(sampled.classes), "gap"])
        ax.set_xlabel(f"what a draw lands on{note}")
        ax.set_ylabel(f"share of draws from {sampled.sampler}", **LITERAL)
        ax.set_ylim(0, 1.2 * max(*heights, *sampled.territory, *sampled.target))
        set_title(ax, f"Classes of draws: imbalance {value_text(sampled)}")
        ax.legend(handles=handles, loc="upper center", ncols=3, fontsize="small", columnspacing=1)

    def _draw_samplers(self, sampled, bar_kwargs):
        """A stacked bar for each sampler."""
        ax, classes = self.ax_, sampled[0].classes
        if any(not np.array_equal(s.classes, classes) for s in sampled):
            raise ValueError("All results in sampled must have the same classes.")
        shares = np.array([[*s.share, s.unsupported] for s in sampled])
        left = np.cumsum(shares, axis=1) - shares
        position = np.arange(len(sampled))
        names = [*class_names(classes), "gap"]
        colors = [*class_colors(len(classes)), GAP_COLOR]
        self.bars_, many = [], len(classes) > len(COLORS)
        for c, (name, color) in enumerate(zip(names, colors, strict=True)):
            style = {"color": color, "label": name, "edgecolor": "white", "lw": 0.8, **bar_kwargs}
            bars = ax.barh(position, shares[:, c], height=0.7, left=left[:, c], **style)
            self._name_parts(bars, name, color, standing=many and name != "gap")
            self.bars_.append(bars)
        for bar in self.bars_[-1]:
            bar.set(hatch="///", edgecolor="0.45", linewidth=0)
        name_laws(ax, sampled, 0.7)
        ax.set(xlim=(0, 1), xlabel="share of draws", ylabel="sampler")
        title = "What a random draw lands on"
        if many:
            title += f"\n{len(classes)} classes from {names[0]} to {names[-2]}, wide parts named"
        else:
            legend_beside(ax, self.bars_, title="class")
        set_title(ax, title)

    def _name_parts(self, bars, name, color, *, standing):
        """The class's name in those of its parts that have room for it."""
        least = NAMED_SHARE * max(1, 0.5 * len(name))
        if standing:
            least = STANDING_SHARE if len(name) <= STANDING_LETTERS else np.inf
        style = {"rotation": 90, "fontsize": "xx-small"} if standing else {"fontsize": "small"}
        for bar in bars:
            if bar.get_width() >= least:
                x, y = bar.get_x() + bar.get_width() / 2, bar.get_y() + bar.get_height() / 2
                rim = {"fc": color, "ec": "none", "pad": 1} if name == "gap" else None
                self.ax_.text(
                    x, y, name, ha="center", va="center",
                    color=text_color(color), bbox=rim, **LITERAL, **style,
                )  # fmt: skip

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        sampler="auto",
        random_state=None,
        ax=None,
        bar_kwargs=None,
        **params,
    ):
        """Compute what draws among the codes of X land on, and draw it.

        Parameters
        ----------
        estimator : estimator instance
            Fitted transformer, or pipeline that ends in one. Its codes are those of
            ``sample_posterior`` if it has that, else of ``transform``.

        X : array-like of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,)
            Class labels.

        sampler : str, estimator, callable, array-like or list of them, default="auto"
            Law or laws of the draws; "auto" is the estimator's ``latent_sampler_`` if it
            has that, else "box".

        random_state : int, RandomState instance or None, default=None
            Seed of all that is random.

        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        bar_kwargs : dict, default=None
            Keywords of ``ax.bar``.

        **params : dict
            Further parameters of `skae.metrics.sampled_classes`.

        Returns
        -------
        display : SampledClassesDisplay
            The display, drawn.
        """
        codes = latent_codes(estimator, X, random_state=random_state)
        return cls.from_latent(
            codes,
            y,
            sampler=sampler_list(sampler, estimator),
            random_state=random_state,
            ax=ax,
            bar_kwargs=bar_kwargs,
            **params,
        )

    @classmethod
    def from_latent(
        cls,
        X_latent,
        y,
        *,
        sampler="auto",
        random_state=None,
        ax=None,
        bar_kwargs=None,
        **params,
    ):
        """Compute what draws among codes land on, and draw it.

        Parameters
        ----------
        X_latent : array-like of shape (n_samples, n_components)
            Codes.

        y : array-like of shape (n_samples,)
            Class labels.

        sampler : str, estimator, callable, array-like or list of them, default="auto"
            Law or laws of the draws; "auto" is "box".

        random_state : int, RandomState instance or None, default=None
            Seed of all that is random.

        ax : matplotlib Axes, default=None
            Axes to draw on; with None, those of a new figure.

        bar_kwargs : dict, default=None
            Keywords of ``ax.bar``.

        **params : dict
            Further parameters of `skae.metrics.sampled_classes`.

        Returns
        -------
        display : SampledClassesDisplay
            The display, drawn.
        """
        from skae.metrics._sampled_classes import sampled_classes

        sampled = [
            sampled_classes(X_latent, y, sampler=law, random_state=random_state, **params)
            for law in sampler_list(sampler)
        ]
        return cls(sampled=sampled).plot(ax, bar_kwargs=bar_kwargs)
