"""Words and rows for what `LatentDiagnostics` has measured; nothing is computed here."""

from html import escape
from textwrap import wrap
from typing import NamedTuple

import numpy as np

__all__ = ["Row", "as_dict", "as_frame", "html_report", "notes", "rows", "size_word", "text_report"]

# Bounds of "small" and "moderate": a convention, no law.
CONVENTIONS = {
    "unbounded_extent": (0.05, 0.20),
    "class_area_imbalance": (0.05, 0.20),
    "gap_fraction": (0.05, 0.20),
    "sampled_class_imbalance": (0.05, 0.20),
    "prior_mismatch": (0.01, 0.10),
    "latent_continuity": (0.01, 0.10),
}

NAN = (np.nan, np.nan)

# Warnings of metrics that the report repeats, at most.
MAX_WARNINGS = 5


class Row(NamedTuple):
    """One number of the report."""

    metric: str
    sampler: str | None
    value: float
    interval: tuple = NAN
    floor: float = np.nan
    ideal: float = np.nan
    unit: str = "1"
    note: str = ""


def size_word(result):
    """What to call the size of a number: never pass or fail."""
    if not np.isfinite(result.value):
        return "not defined"
    if result.value <= result.floor:
        return f"not detected at n = {result.n_samples}"
    small, moderate = CONVENTIONS[result.metric]
    if result.value < small:
        return "small"
    return "moderate" if result.value < moderate else "large"


# ------------------------------------------------------------------ rows of the table


def rows(report):
    """All numbers of a `LatentDiagnostics`, one `Row` each."""
    parts = [_extent_rows, _area_rows, _draw_rows, _prior_rows, _decoder_rows, _neighbor_rows]
    return [row for part in parts for row in part(report)]


def _main(result, unit="1"):
    """Row of a metric's headline number."""
    return Row(
        result.metric, result.sampler, result.value, result.interval, result.floor, result.ideal,
        unit, size_word(result),
    )  # fmt: skip


def _extent_rows(report):
    extent, units = report.extent_, report.units_
    if report.reference_ is not None:
        yield _main(extent)
        yield Row("reach", None, extent.reach, extent.reach_interval, ideal=1.0)
    yield Row("off_centre", None, extent.off_centre, extent.off_centre_interval, ideal=0.0)
    yield Row("offset", None, extent.offset, extent.offset_interval, ideal=0.0)
    yield Row("tail_ratio", None, extent.tail_ratio, extent.tail_ratio_interval, ideal=1.0)
    yield Row("anisotropy", None, extent.anisotropy, ideal=1.0)
    yield Row("effective_dim", None, units.effective_dim, ideal=report.n_components_, unit="axes")
    if report.reference_ is not None:
        yield Row("active_units", None, units.n_active, ideal=report.n_components_, unit="axes")


def _area_rows(report):
    areas = report.class_areas_
    if areas is None:
        return
    yield _main(areas)
    if len(areas.classes) > 1:
        note = f"{areas.largest!s} / {areas.smallest!s}"
        yield Row("class_area_ratio", None, areas.ratio, areas.ratio_interval, ideal=1.0, note=note)
        ideal = float(len(areas.classes))
        yield Row("effective_classes", None, areas.effective_classes, ideal=ideal, unit="classes")


def _draw_rows(report):
    for name, gaps in report.gaps_.items():
        yield _main(gaps)
        if report.sampled_classes_ is None:
            continue
        classes = report.sampled_classes_[name]
        yield _main(classes)
        if classes.decoded is not None:
            yield Row("decoded_class_imbalance", name, classes.decoded_imbalance, ideal=0.0)


def _prior_rows(report):
    prior = report.prior_
    if prior is None:
        return
    yield _main(prior)
    for part in ("location", "scale", "shape"):
        yield Row(f"kl_{part}", None, prior[part], ideal=0.0, unit="nats")
    if prior.marginal_kl is not None:
        for name in ("marginal_kl", "rate", "mutual_information"):
            yield Row(name, None, prior[name], unit="nats")


def _decoder_rows(report):
    continuity, quality = report.continuity_, report.quality_
    if continuity is not None:
        yield _main(continuity)
        rms = continuity.rate_rms
        yield Row("rate_rms", continuity.sampler, rms, continuity.rate_rms_interval, ideal=1.0)
        if continuity.label_flip_rate is not None:
            yield Row("label_flip_rate", continuity.sampler, continuity.label_flip_rate, ideal=0.0)
    if quality is not None:
        for name in ("precision", "recall", "density", "coverage"):
            yield Row(
                name, report.sampler_, quality[name], quality.intervals[name],
                ideal=quality.ceiling[name], note="ideal: of held-out rows",
            )  # fmt: skip


def _neighbor_rows(report):
    for name, value in (report.neighbors_ or {}).items():
        yield Row(name, None, value, ideal=1.0)


# ------------------------------------------------------------------ the one-glance text

WIDTH = 100

# Where the text of a line begins.
INDENT = 20


def text_report(report):
    """Header, a line or two for each question, and the notes."""
    lines = _header(report)
    for label, parts in _lines(report):
        lines += _wrapped(f"  {label:<{INDENT - 3}} ", parts)
    for note in notes(report):
        lines += wrap(note, WIDTH, initial_indent="  note: ", subsequent_indent=" " * 8)
    return "\n".join(lines)


def _wrapped(label, parts):
    """Parts of a line, as many side by side as fit."""
    line = label
    for i, part in enumerate(parts):
        if i and len(line) + len(part) + 3 > WIDTH:
            yield line
            line = " " * INDENT + part
        else:
            line += f" | {part}" if i else part
    yield line


def _header(report):
    """The model, and what was measured of it."""
    areas = report.class_areas_
    parts = [
        f"n={report.n_samples_}",
        f"d={report.n_components_}",
        *([] if areas is None else [f"classes={len(areas.classes)}"]),
        f"declared sampler='{report.sampler_}'",
        *([f"[{report.confidence_level:.0%} intervals]"] if report.n_resamples else []),
    ]
    return [f"Latent diagnostics: {_plain_text(report.name_)}", "  " + "   ".join(parts)]


def _lines(report):
    """Pairs of label and parts of text."""
    yield "extent", list(_extent_parts(report))
    if report.class_areas_ is not None:
        yield "class area", list(_area_parts(report.class_areas_))
    for name, gaps in report.gaps_.items():
        label = f"{'*' if name == report.sampler_ else ' '} {name}"
        yield label, list(_draw_parts(gaps, (report.sampled_classes_ or {}).get(name)))
    if report.prior_ is not None:
        yield "prior", list(_prior_parts(report.prior_))
    if report.continuity_ is not None:
        yield "continuity", list(_continuity_parts(report.continuity_))
    if report.quality_ is not None:
        yield "quality", list(_quality_parts(report))
    if report.neighbors_ is not None:
        yield (
            "neighbours",
            [f"{name.replace('_', ' ')} {v:.3f}" for name, v in report.neighbors_.items()],
        )


def _fixed(value, digits=2):
    """The number with so many digits, and no minus before zero."""
    return f"{round(float(value), digits) + 0.0:.{digits}f}"


def _plain_text(name):
    """A class or a model on one line."""
    return " ".join(str(name).split())


def _interval(result, digits=2):
    low, high = result.interval
    return "" if np.isnan(low) else f" [{_fixed(low, digits)}, {_fixed(high, digits)}]"


def _extent_parts(report):
    extent = report.extent_
    if report.reference_ is not None:
        yield f"reach {extent.reach:.2f} x N(0, I){_reach_word(extent.reach)}"
        share = f"{extent.outside_fraction:.0%} of codes outside its 99% ball"
        yield f"{share} ({size_word(extent)})"
    yield f"off-centre {extent.off_centre:.2f} (p={extent.off_centre_pvalue:.0e})"
    axis = int(np.argmax(np.abs(extent.sign_balance)))
    balance = extent.sign_balance[axis]
    sign = "positive" if balance > 0 else "negative"
    yield f"{(1 + abs(balance)) / 2:.0%} of codes have {sign} z{axis}"
    yield f"range [{extent.min.min():.3g}, {extent.max.max():.3g}]"


def _reach_word(reach):
    return "" if 0.8 <= reach <= 1.25 else " (scale differs)"


def _area_parts(areas):
    if not np.isfinite(areas.value):
        yield "not defined: fewer than two classes large enough"
        return
    floor = "" if np.isnan(areas.floor) else f"; equal classes would give < {areas.floor:.2f}"
    yield f"imbalance {_fixed(areas.value)}{_interval(areas)} ({size_word(areas)}{floor})"
    largest, smallest = _plain_text(areas.largest), _plain_text(areas.smallest)
    yield f"largest {largest} = {areas.ratio:.1f} x smallest {smallest}"
    yield f"{areas.effective_classes:.1f} effective classes"


def _draw_parts(gaps, classes):
    yield f"gap {_fixed(gaps.value)}{_interval(gaps)} ({size_word(gaps)})"
    if classes is None or not np.isfinite(classes.value):
        return
    most, least = np.argmax(classes.territory), np.argmin(classes.territory)
    named = [_plain_text(classes.classes[c]) for c in (most, least)]
    yield f"classes of draws: TV to uniform {_fixed(classes.value)} ({size_word(classes)})"
    yield (
        f"most {named[0]} {classes.territory[most]:.0%}, "
        f"least {named[1]} {classes.territory[least]:.1%}"
    )


def _prior_parts(prior):
    yield f"energy coefficient {_fixed(prior.value, 3)} ({size_word(prior)})"
    yield (
        f"KL to N(0, I) = {_fixed(prior.location)} location + {_fixed(prior.scale)} scale + "
        f"{_fixed(prior.shape)} shape nats"
    )


def _continuity_parts(continuity):
    yield (
        f"decoded change per latent step {continuity.rate_rms:.2f} x proportionate "
        f"('{continuity.sampler}')"
    )
    yield (
        f"{continuity.value:.1%} of {continuity.step:.0%} steps move the output > "
        f"{continuity.step * continuity.jump:.0%} of its spread ({size_word(continuity)})"
    )


def _quality_parts(report):
    quality = report.quality_
    yield f"draws of '{report.sampler_}' (held-out rows)"
    for name in ("precision", "recall", "density", "coverage"):
        yield f"{name} {quality[name]:.2f} ({quality.ceiling[name]:.2f})"


# ------------------------------------------------------------------ what to make of it


def notes(report):
    """Sentences on how to read the numbers, and on what cannot be seen."""
    gaps = report.gaps_[report.sampler_]
    warned = report.warnings_[:MAX_WARNINGS]
    if len(report.warnings_) > MAX_WARNINGS:
        warned.append(f"and {len(report.warnings_) - MAX_WARNINGS} more warnings, in warnings_")
    return [
        note
        for note in (
            _gap_note(gaps),
            _extent_note(report),
            _area_note(report.class_areas_),
            _typical_note(report.quality_),
            _dimension_note(report),
            *map(_plain_text, warned),
        )
        if note
    ]


def _gap_note(gaps):
    if gaps.value <= gaps.floor:
        text = f"gaps under draws of '{gaps.sampler}' not detected at n = {gaps.n_samples}"
    else:
        text = f"{gaps.value:.0%} of draws of '{gaps.sampler}' land where no code supports decoding"
        low, high = gaps.interval
        text += "" if np.isnan(low) else f" ({low:.0%} to {high:.0%})"
    return (
        f"{text}; gaps under {gaps.resolution:.2g} latent units are invisible at this n. "
        "Unsupported draws may still decode well."
    )


def _extent_note(report):
    extent = report.extent_
    if report.reference_ is None or extent.value <= extent.floor:
        return ""
    share = extent.outside_fraction
    return f"{share:.0%} of codes lie where N(0, I) samples {1 - extent.level:.0%} of the time."


def _area_note(areas):
    if areas is None or not areas.value > areas.floor:
        return ""
    largest, smallest = _plain_text(areas.largest), _plain_text(areas.smallest)
    return (
        f"'{largest}' covers {areas.ratio:.1f} x the area of '{smallest}'; "
        f"{areas.value:.0%} of area would have to change class to make all equal."
    )


def _typical_note(quality):
    if quality is None or quality.precision <= quality.ceiling.precision + 0.02:
        return ""
    return "precision above that of held-out rows means draws too typical, not better than real."


def _dimension_note(report):
    if report.n_components_ <= 20:
        return ""
    where = "the prior's line" if report.prior_ is not None else "a report with a prior"
    return (
        f"nearest neighbours cannot see hollow shells in {report.n_components_} dimensions; read "
        f"{where} too."
    )


# ------------------------------------------------------------------ other shapes of the same


COLUMNS = [
    "metric", "sampler", "value", "ci_low", "ci_high", "floor", "ideal", "unit", "n", "d", "note",
]  # fmt: skip

# Fields with one entry for every draw, and fitted objects.
LEFT_OUT = {"draws", "supported", "draw_classes", "support", "rates", "points", "neighbors"}


def as_frame(report):
    """One row for each number, as a DataFrame."""
    import pandas as pd

    n, d = report.n_samples_, report.n_components_
    records = [
        (row.metric, row.sampler, row.value, *row.interval, row.floor, row.ideal, row.unit, n, d,
         row.note)
        for row in rows(report)
    ]  # fmt: skip
    return pd.DataFrame(records, columns=COLUMNS)


def as_dict(report):
    """Results, nested, of plain Python objects."""
    results = {
        "name": report.name_,
        "n_samples": report.n_samples_,
        "n_components": report.n_components_,
        "sampler": report.sampler_,
        "prior": report.reference_,
        "warnings": list(report.warnings_),
    }
    for name in (
        "extent", "units", "class_areas", "gaps", "sampled_classes", "prior", "continuity",
        "quality", "neighbors",
    ):  # fmt: skip
        key = "prior_mismatch" if name == "prior" else name
        results[key] = _plain(getattr(report, f"{name}_"))
    return results


def _plain(value):
    """The value as JSON knows it."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items() if k not in LEFT_OUT}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)


def html_report(report):
    """Figure and text, for notebooks."""
    from ._diagnostics_display import LatentDiagnosticsDisplay, png_of

    n_rows = 1 if report.class_areas_ is None else 2
    picture = png_of(LatentDiagnosticsDisplay(report).plot, (12, 4.8 * n_rows))
    return f"<div>{picture}<pre>{escape(text_report(report))}</pre></div>"
