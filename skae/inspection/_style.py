"""What the displays share: classes in colour, axes, legends."""

from dataclasses import dataclass

import numpy as np

from skae.metrics._estimators import own_law
from skae.metrics._inputs import check_labels

__all__ = [
    "COLORS",
    "FAR_APART",
    "GAP_COLOR",
    "IN_GAP_COLOR",
    "LITERAL",
    "MARKERS",
    "Labels",
    "as_list",
    "axes_for",
    "check_axes",
    "check_decode",
    "class_colors",
    "class_names",
    "draw_target",
    "error_bars",
    "fit_in_place",
    "legend_below",
    "legend_beside",
    "name_bars",
    "name_laws",
    "row_names",
    "sampler_list",
    "set_title",
    "text_color",
    "value_text",
    "white_rim",
    "write",
]

# Twelve colours far apart also for eyes without red, green or blue cones: the smallest
# distance of two in CIELAB is 38, simulated after Machado et al. (2009) 27 for protanopia and
# deuteranopia, 20 for tritanopia (matplotlib's tab10: 27, 4, 7, 15).
COLORS = [
    "#0033bb", "#bb7711", "#22ddbb", "#880000", "#cc77ff", "#228888",
    "#ddcc00", "#662277", "#99dd77", "#888855", "#ddbbff", "#662233",
]  # fmt: skip

# And a shape for each, so that no class hangs on colour alone.
MARKERS = ["o", "s", "^", "X", "D", "v", "P", "<", "p", ">", "h", "*"]

GAP_COLOR = "0.8"
IN_GAP_COLOR = "#b22222"

# Shades of bars side by side of more classes than there are colours.
SHADES = ["#7f9be0", "#c3d0f2"]

# Ratio of scales from which one linear scale cannot show both.
FAR_APART = 8

# Names of classes, samplers and models may hold dollars, which are no mathematics.
LITERAL = {"parse_math": False}

# Blank around axes and their labels, in inches, and the least share of axes that is kept.
PAD, LEAST = 0.04, 0.3

# Share of the figure from which labels are out of view, rather than off by rounding.
OUT_OF_VIEW = 1e-6


def check_decode(decode):
    """The function from codes to rows; raises TypeError for anything else."""
    if not callable(decode):
        raise TypeError(
            "decode must be a function from codes to rows, e.g. estimator.inverse_transform. "
            f"Got {decode!r} instead."
        )
    return decode


def sampler_list(sampler, estimator=None, *, default=("box",)):
    """Laws of draws as a list: one, or a list of them, or "auto".

    "auto" is the law of the estimator, if it has one, and the default.
    """
    if isinstance(sampler, str) and sampler == "auto":
        own = own_law(estimator)
        if own is None:
            return list(default)
        return [own] if len(default) == 1 else [own, *default]
    several = isinstance(sampler, list | tuple) and len(sampler)
    if several and all(isinstance(s, str) or hasattr(s, "sample") or callable(s) for s in sampler):
        return list(sampler)
    return [sampler]


# ------------------------------------------------------------------ labels


def class_names(classes):
    """What classes are called in pictures."""
    return [f"{c:g}" if isinstance(c, float | np.floating) else str(c) for c in classes]


def row_names(y, n_samples):
    """What the labels of the rows are called; nothing without labels."""
    if y is None:
        return [""] * n_samples
    classes, index = check_labels(y, n_samples)
    names = class_names(classes)
    return [names[c] for c in index]


def class_colors(n_classes):
    """As many colours: the distinct ones, or two shades by turns where they do not suffice."""
    if n_classes <= len(COLORS):
        return COLORS[:n_classes]
    return [SHADES[c % 2] for c in range(n_classes)]


def text_color(background):
    """Black or white, whichever can be read on the background."""
    import matplotlib as mpl

    red, green, blue = mpl.colors.to_rgb(background)
    return "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"


@dataclass(frozen=True)
class Labels:
    """Labels as pictures show them: a few classes, values on a scale, or nothing at all.

    ``names`` and ``index`` say the class of every row, ``values`` its number; what does
    not apply is None. With ``other``, the last class holds all that are rare.
    """

    names: list | None = None
    index: np.ndarray | None = None
    values: np.ndarray | None = None
    other: bool = False

    @classmethod
    def of(cls, y, n_samples):
        """Classes up to twelve; above, floats are values, and of others the rarest are one."""
        if y is None:
            return cls()
        classes, index = check_labels(y, n_samples)
        if len(classes) <= len(COLORS):
            return cls(class_names(classes), index)
        if classes.dtype.kind == "f":
            return cls(values=classes[index].astype(float))
        return cls(*_frequent(classes, index), other=True)


def _frequent(classes, index):
    """The most frequent classes by name, the rest as one more."""
    n_kept = len(COLORS) - 1
    kept = np.sort(np.argsort(-np.bincount(index), kind="stable")[:n_kept])
    new = np.full(len(classes), n_kept)
    new[kept] = np.arange(n_kept)
    rest = f"other ({len(classes) - n_kept} classes)"
    return [*class_names(classes[kept]), rest], new[index]


# ------------------------------------------------------------------ axes


def axes_for(ax, *, figsize=None):
    """The axes given, or those of a new figure."""
    from matplotlib.axes import Axes

    if ax is None:
        import matplotlib.pyplot as plt

        return plt.subplots(figsize=figsize, layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise TypeError(f"ax must be one matplotlib Axes or None. Got {ax!r} instead.")
    return ax


def check_axes(axes, n_components):
    """A pair of different latent axes."""
    pair = np.asarray(axes)
    integer = pair.shape == (2,) and pair.dtype.kind in "iu"
    if integer and pair.min() >= 0 and pair.max() < n_components and pair[0] != pair[1]:
        return int(pair[0]), int(pair[1])
    raise ValueError(
        f"axes must be two different integers in the range [0, {n_components}), for codes of "
        f"{n_components} components. Got {axes!r} instead."
    )


def set_title(ax, text):
    """A title that breaks its lines where the figure would cut them."""
    ax.set_title(text, fontsize="medium", wrap=True, **LITERAL)


def fit_in_place(ax, *others):
    """Shrink the axes until their labels are in view, where no layout engine does.

    The ``others`` lie on top of the axes, which move them along.
    """
    from matplotlib.transforms import Bbox

    if ax.figure.get_layout_engine() is not None or ax.get_axes_locator() is not None:
        return
    to_figure, least = ax.figure.transSubfigure.inverted(), LEAST * _own_cell(ax).size
    low, high = _place(ax)
    for _ in range(3):  # smaller axes may have other ticks, and titles of more lines
        boxes = [a.get_tightbbox(for_layout_only=True) for a in (ax, *others)]
        seen = Bbox.union(boxes).transformed(to_figure)
        out = np.maximum(0, [low - seen.min, seen.max - high])
        start, end = ax.get_position(original=True).get_points() + out * [[1], [-1]]
        if out.max() < OUT_OF_VIEW or np.any(end - start < least):
            return
        ax.set_position([*start, *(end - start)])
        ax.set_in_layout(True)  # which setting the position has ended


def _place(ax):
    """Corners of the part of the figure that the axes may fill: half way to the neighbours."""
    own = _own_cell(ax)
    low, high = np.zeros(2), np.ones(2)
    for other in ax.figure.axes:
        cell = _own_cell(other)
        for i in (0, 1):
            if cell.min[1 - i] >= own.max[1 - i] or cell.max[1 - i] <= own.min[1 - i]:
                continue  # not side by side
            if cell.min[i] >= own.max[i]:
                high[i] = min(high[i], (own.max[i] + cell.min[i]) / 2)
            if cell.max[i] <= own.min[i]:
                low[i] = max(low[i], (own.min[i] + cell.max[i]) / 2)
    pad = PAD * ax.figure.dpi / ax.figure.bbox.size
    return low + pad, high - pad


def _own_cell(ax):
    """Where the axes were put: their cell of a grid, or their position."""
    spec = ax.get_subplotspec()
    return ax.get_position(original=True) if spec is None else spec.get_position(ax.figure)


def legend_beside(ax, handles, *, title=None):
    """A legend right of the axes, which make room for it as they do for colour bars."""
    legend = ax.legend(
        handles=handles,
        labels=["-"] * len(handles),
        title=title,
        loc="center left",
        bbox_to_anchor=(1.02, 0.5),
        borderaxespad=0,
        fontsize="small",
        title_fontsize="small",
        handletextpad=0.5,
        borderpad=0.4,
    )
    _name_entries(legend, handles)
    if ax.figure.get_layout_engine() is None and ax.get_axes_locator() is None:
        box = ax.get_position(original=True)
        taken = 0.02 * box.width + legend.get_window_extent().width / ax.figure.bbox.width
        if taken < box.width / 2:
            ax.set_position([box.x0, box.y0, box.width - taken, box.height])
            ax.set_in_layout(True)  # which setting the position has ended
    return legend


def legend_below(ax, handles, *, letters=60):
    """A legend below the axes, in as many columns as there is room for."""
    longest = max(len(handle.get_label()) for handle in handles)
    n_columns = int(np.clip(letters // (longest + 4), 1, len(handles)))
    legend = ax.legend(
        handles=handles,
        labels=["-"] * len(handles),
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        borderaxespad=0.2,
        ncols=n_columns,
        fontsize="x-small",
        handletextpad=0.2,
        columnspacing=0.8,
        borderpad=0.3,
    )
    _name_entries(legend, handles)
    return legend


def _name_entries(legend, handles):
    """Names that are drawn as they are, and also if they begin with an underscore."""
    for text, handle in zip(legend.get_texts(), handles, strict=True):
        text.set(text=handle.get_label(), **LITERAL)


def write(ax, position, text, **style):
    """Text on a white rim, which can be read over points and images."""
    style = {"ha": "center", "va": "center", "fontweight": "bold", "fontsize": 10, **style}
    rim = {"path_effects": white_rim(2.5), "clip_on": True, "zorder": 5}
    return ax.text(*position, text, **rim, **LITERAL, **style)


def white_rim(width):
    """Path effects of what is to be seen over points of any colour."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=width, foreground="white")]


def value_text(estimate):
    """The value of a metric, with its interval if it has one."""
    low, high = estimate.interval
    text = f"{estimate.value:.2f}"
    return f"{text} [{low:.2f}, {high:.2f}]" if np.isfinite([low, high]).all() else text


def error_bars(value, low, high):
    """Lists of lengths below and above the values, or None where there are no intervals."""
    value, low, high = (np.atleast_1d(np.asarray(v, dtype=float)) for v in (value, low, high))
    if not np.isfinite([low, high]).any():
        return None
    return np.nan_to_num(np.maximum([value - low, high - value], 0)).tolist()


def name_laws(ax, estimates, height):
    """Names of the samplers above their bars, where no margin cuts them off."""
    for y, estimate in enumerate(estimates):
        place = {"xy": (0, y - height / 2), "xytext": (2, 2), "textcoords": "offset points"}
        ax.annotate(estimate.sampler, va="bottom", fontsize="small", **LITERAL, **place)
    ax.set(yticks=[], ylim=(len(estimates) - 1 + 0.6 * height, -height / 2 - 0.35))


def draw_target(ax, position, target):
    """A dashed line at the shares aimed at: one level, or one for each bar."""
    style = {"color": "0.1", "ls": "--", "lw": 1.2, "zorder": 3}
    if np.ptp(target) < 1e-12:
        return ax.axhline(target[0], label=f"equal: 1/{len(target)}", **style)
    return ax.hlines(target, position - 0.45, position + 0.45, label="target", **style)


def name_bars(ax, position, names, *, n_named=40):
    """Names under the bars, slanted or upright where they take room, not all of too many.

    Returns what to add to the label of the axis: how many of the bars are named.
    """
    step = -(-len(names) // n_named)
    shown = sorted({*range(0, len(names), step), len(names) - 1})
    rotation = {"fontsize": "small"}
    if len(shown) > 20:
        rotation = {"fontsize": "x-small", "rotation": 90}
    elif sum(len(names[i]) for i in shown) > 32:
        rotation |= {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(position[shown], [names[i] for i in shown], **LITERAL, **rotation)
    return "" if step == 1 else f" (one name in {step} is written)"


def as_list(estimates, metric):
    """Results of a metric, one or a list or dict of them, as a list; checked to be of it."""
    if isinstance(estimates, dict) and "metric" not in estimates:
        estimates = list(estimates.values())
    elif not isinstance(estimates, list | tuple):
        estimates = [estimates]
    for estimate in estimates:
        if getattr(estimate, "metric", None) != metric:
            raise TypeError(
                f"Expected results of the metric {metric!r}, one or a list or dict of them. "
                f"Got {type(estimate).__name__} instead."
            )
    if not estimates:
        raise ValueError(f"Expected at least one result of the metric {metric!r}. Got none.")
    return list(estimates)
