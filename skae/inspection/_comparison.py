"""Several latent spaces of the same rows, side by side."""

from html import escape
from textwrap import fill, wrap

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length

from ._model import COMMON_SAMPLERS
from ._report import Row, rows
from ._style import COLORS, LITERAL, error_bars

__all__ = ["LatentComparison", "measure_all"]

# The lines of the table, with what they are called.
LINES = {
    "unbounded_extent": "unbounded extent",
    "reach": "reach",
    "off_centre": "off-centre",
    "class_area_imbalance": "class-area imbalance",
    "class_area_ratio": "largest / smallest class area",
    "gap_fraction": "gap",
    "sampled_class_imbalance": "classes of draws, imbalance",
    "prior_mismatch": "prior mismatch",
    "latent_continuity": "steps that jump",
    "rate_rms": "decoded change per step",
    "precision": "precision",
    "coverage": "coverage",
    "trustworthiness": "trustworthiness",
    "neighborhood_continuity": "neighborhood continuity",
}

# Those measured for every sampler.
BY_SAMPLER = ("gap_fraction", "sampled_class_imbalance")

HATCHES = ["", "//", "..", "xx"]

# What a model lacks.
MISSING = Row("", None, np.nan)

# What the figure shows, one panel each: the three faults.
PANELS = {
    "gap_fraction": "draws in gaps",
    "class_area_imbalance": "class-area imbalance",
    "sampled_class_imbalance": "imbalance of the classes of draws",
    "unbounded_extent": "codes where N(0, I) hardly samples",
}


def measure_all(cls, models, X, y, options):
    """A `LatentDiagnostics` for each model, all of the same rows.

    Parameters
    ----------
    cls : type
        LatentDiagnostics.
    models : dict of str to fitted estimator or to codes
    X, y : array-like
        Rows and their labels or None.
    options : dict
        Parameters of ``cls``.
    """
    if not isinstance(models, dict) or not models:
        raise TypeError(
            "models must be a dict from names to fitted estimators or to codes. "
            f"Got {models!r} instead."
        )
    reports = {}
    for name, model in models.items():
        if _is_estimator(model):
            reports[name] = cls.from_estimator(model, X, y, name=name, **options)
        else:
            check_consistent_length(X, model)
            reports[name] = cls.from_latent(model, y, X=X, name=name, **options)
    return reports


def _is_estimator(model):
    """Whether it is one; DataFrames of codes have ``transform`` too."""
    has_transform = hasattr(model, "transform") and not hasattr(model, "__array__")
    return has_transform or isinstance(model, BaseEstimator)


class LatentComparison:
    """Reports on several latent spaces of the same rows; from `skae.LatentDiagnostics.compare`.

    Parameters
    ----------
    diagnostics : dict of str to LatentDiagnostics
        All of the same number of codes, ``k`` and ``alpha``, since numbers compare at equal
        ones only.

    Attributes
    ----------
    diagnostics : dict of str to LatentDiagnostics
        The reports.

    See Also
    --------
    skae.LatentDiagnostics.compare : Makes one.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.decomposition import PCA, FastICA
    >>> from skae import LatentDiagnostics
    >>> X, y = load_iris(return_X_y=True)
    >>> models = {"PCA": PCA(2).fit(X), "ICA": FastICA(2, random_state=0).fit(X)}
    >>> comparison = LatentDiagnostics.compare(models, X, y, n_resamples=0, random_state=0)
    >>> print(comparison)
    Latent spaces side by side   n=150
    ...
    """

    def __init__(self, diagnostics):
        if not diagnostics:
            raise ValueError("diagnostics must hold at least one report. Got none instead.")
        settings = {name: (r.n_samples_, r.k, r.alpha) for name, r in diagnostics.items()}
        if len(set(settings.values())) > 1:
            raise ValueError(
                "Numbers compare at equal numbers of codes, k and alpha only. "
                f"Got {settings} instead."
            )
        self.diagnostics = diagnostics

    def to_frame(self):
        """One table.

        Returns
        -------
        frame : pandas.DataFrame
            A row for each metric and sampler, a column for each model; NaN where a model
            lacks what it takes. ``own`` stands for each model's declared sampler where these
            differ, "" for none.
        """
        import pandas as pd

        columns, keys = self._columns()
        table = {
            name: [column[key].value if key in column else np.nan for key in keys]
            for name, column in columns.items()
        }
        return pd.DataFrame(table, pd.MultiIndex.from_tuples(keys, names=["metric", "sampler"]))

    def _columns(self):
        """Rows of every model by metric and sampler, and all keys in the table's order."""
        own = self._declared()
        columns = {name: _entries(report, own) for name, report in self.diagnostics.items()}
        keys = dict.fromkeys(key for column in columns.values() for key in column)
        order = list(LINES)
        return columns, sorted(keys, key=lambda key: (order.index(key[0]), key[1] != own))

    def _declared(self):
        """What the table calls the declared sampler: its name if all have the same."""
        names = {report.sampler_ for report in self.diagnostics.values()}
        return names.pop() if len(names) == 1 else "own"

    def __repr__(self):
        return f"<LatentComparison of {', '.join(self.diagnostics)}>"

    def __str__(self):
        first = next(iter(self.diagnostics.values()))
        own = ", ".join(f"{name} '{r.sampler_}'" for name, r in self.diagnostics.items())
        level = f"   [{first.confidence_level:.0%} intervals]" if first.n_resamples else ""
        return "\n".join(
            [
                f"Latent spaces side by side   n={first.n_samples_}{level}",
                *_aligned(self._cells()),
                *([f"own: {own}"] if self._declared() == "own" else []),
                "* above the floor, what a perfect latent space of this n may score",
                *wrap(f"no floor: {', '.join(self._without_floor())}", 100),
            ]
        )

    def _without_floor(self):
        """What the lines without any floor are called."""
        columns, keys = self._columns()
        floors = {LINES[metric]: [] for metric, _ in keys}
        for key in keys:
            floors[LINES[key[0]]] += [c[key].floor for c in columns.values() if key in c]
        return [name for name, values in floors.items() if np.isnan(values).all()]

    def _cells(self):
        """The table as rows of strings."""
        columns, keys = self._columns()
        yield ["", *(f"{name} " for name in columns)]
        yield ["components", *(f"{r.n_components_} " for r in self.diagnostics.values())]
        for metric, sampler in keys:
            label = LINES[metric] + (f", {sampler}" if sampler else "")
            yield [label, *(_text(column.get((metric, sampler))) for column in columns.values())]

    def _repr_html_(self):
        from ._diagnostics_display import png_of

        return f"<div>{png_of(self.plot, (12, 7))}<pre>{escape(str(self))}</pre></div>"

    def plot(self, figure=None):
        """Bars of the three faults, model by model, with their intervals and floors.

        Parameters
        ----------
        figure : Figure or SubFigure, default=None
            Where to draw; None makes a figure with pyplot.

        Returns
        -------
        comparison : LatentComparison
            Itself, with ``axes_`` and ``figure_``.
        """
        if figure is None:
            import matplotlib.pyplot as plt

            figure = plt.figure(figsize=(12, 7), layout="constrained")
        columns, keys = self._columns()
        panels = [m for m in PANELS if any(metric == m for metric, _ in keys)]
        self.figure_ = figure
        n_columns = min(2, len(panels))
        n_rows = -(-len(panels) // n_columns)
        self.axes_ = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
        for ax, metric in zip(self.axes_, panels, strict=False):
            self._draw(ax, metric, columns, [key for key in keys if key[0] == metric])
        for ax in self.axes_[len(panels) :]:
            ax.set_axis_off()
        handles, labels = self.axes_[0].get_legend_handles_labels()
        legend = figure.legend(handles, labels, loc="outside lower center", ncols=4)
        for text in legend.get_texts():
            text.set(**LITERAL)
        return self

    def _draw(self, ax, metric, columns, keys):
        """One panel: groups of bars by sampler, a bar for each model."""
        width = 0.8 / len(columns)
        for i, (name, column) in enumerate(columns.items()):
            at = np.arange(len(keys)) + (i - (len(columns) - 1) / 2) * width
            drawn = [column.get(key, MISSING) for key in keys]
            label = f"{name} (d = {self.diagnostics[name].n_components_})"
            self._draw_bars(ax, at, drawn, width, i, label)
        if len(keys) == 1:  # no samplers to name: name the models
            at = np.arange(len(columns)) * width - 0.4 + width / 2
            ax.set_xticks(at, [fill(name, 60 // len(columns)) for name in columns], **LITERAL)
            ax.set_xlim(-0.5, 0.5)
        else:
            ax.set_xticks(range(len(keys)), [sampler.replace("_", "\n") for _, sampler in keys])
        ax.plot([], [], ":", color="black", label="what a perfect space may score")
        ax.set(title=PANELS[metric], ylabel="share", ylim=(0, None))

    @staticmethod
    def _draw_bars(ax, at, drawn, width, i, label):
        """Bars of the i-th model, with intervals and floors."""
        value = np.array([row.value for row in drawn])
        errors = error_bars(value, *np.array([row.interval for row in drawn]).T)
        style = {"color": COLORS[i % len(COLORS)], "edgecolor": "white", "hatch": HATCHES[i % 4]}
        ax.bar(at, value, width, label=label, **style)
        ax.errorbar(at, value, errors, fmt="none", ecolor="0.2", elinewidth=1, capsize=2)
        for x, row in zip(at, drawn, strict=True):
            ax.hlines(row.floor, x - width / 2, x + width / 2, color="black", ls=":")
            if row.value == 0:
                ax.annotate("0", (x, 0), (0, 2), textcoords="offset points", ha="center")
            if row is MISSING and len(drawn) == 1:
                ax.annotate("n/a", (x, 0), (0, 2), textcoords="offset points", ha="center")


def _entries(report, own):
    """Rows of the report by metric and sampler, those of the declared one by the name ``own`` too.

    The laws that all models are drawn by keep their names beside it.
    """
    entries = {}
    for row in rows(report):
        if row.metric in LINES:
            is_own = row.sampler is not None and row.sampler == report.sampler_
            if is_own:
                entries[row.metric, own] = row
            if not is_own or (row.metric in BY_SAMPLER and row.sampler in COMMON_SAMPLERS):
                entries[row.metric, row.sampler or ""] = row
    return entries


def _text(row):
    """A number for the table, starred where it is above its floor, and its interval."""
    if row is None or not np.isfinite(row.value):
        return "- "
    text = f"{row.value:.3g}" + ("*" if row.value > row.floor else " ")
    if not np.isfinite(row.interval).all():
        return text
    low, high = (f"{end:.3g}" for end in row.interval)
    return f"{text}[{low}, {high}]"


def _aligned(cells):
    """Rows of strings as lines with columns aligned."""
    cells = list(cells)
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    for first, *others in cells:
        numbers = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *numbers]).rstrip()
