"""Words and rows for what `LatentDiagnostics` has measured; nothing is computed here."""

from html import escape
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


def text_report(report):
    """Header, a line for each question, and the notes."""
    lines = [_header(report)]
    for label, line in _lines(report):
        lines.append(f"  {label:<17} {line}")
    lines += [f"  note: {note}" for note in notes(report)]
    return "\n".join(lines)


def _header(report):
    classes = report.class_areas_
    n_classes = "" if classes is None else f"   classes={len(classes.classes)}"
    return (
        f"Latent diagnostics: {report.name_}   n={report.n_samples_}   d={report.n_components_}"
        f"{n_classes}   declared sampler='{report.sampler_}'"
    )


def _lines(report):
    """Pairs of label and text."""
    yield "extent", _extent_line(report)
    if report.class_areas_ is not None:
        yield "class area", _area_line(report.class_areas_)
    yield from _draw_lines(report)
    if report.prior_ is not None:
        yield "prior", _prior_line(report.prior_)
    if report.continuity_ is not None:
        yield "continuity", _continuity_line(report.continuity_)
    if report.quality_ is not None:
        yield "quality", _quality_line(report)
    if report.neighbors_ is not None:
        parts = [f"{name.replace('_', ' ')} {v:.3f}" for name, v in report.neighbors_.items()]
        yield "neighbours", " | ".join(parts)


def _extent_line(report):
    extent, parts = report.extent_, []
    if report.reference_ is not None:
        parts.append(f"reach {extent.reach:.2f} x N(0, I){_reach_word(extent.reach)}")
        parts.append(f"{extent.outside_fraction:.0%} of codes outside its 99% ball")
        parts[-1] += f" ({size_word(extent)})"
    parts.append(f"off-centre {extent.off_centre:.2f} (p={extent.off_centre_pvalue:.0e})")
    axis = int(np.argmax(np.abs(extent.sign_balance)))
    balance = extent.sign_balance[axis]
    share, sign = (1 + abs(balance)) / 2, "positive" if balance > 0 else "negative"
    parts.append(f"{share:.0%} of codes have {sign} z{axis}")
    parts.append(f"range [{extent.min.min():.3g}, {extent.max.max():.3g}]")
    return " | ".join(parts)


def _reach_word(reach):
    return "" if 0.8 <= reach <= 1.25 else " (scale differs)"


def _area_line(areas):
    if not np.isfinite(areas.value):
        return "not defined: fewer than two classes large enough"
    low, high = areas.interval
    interval = "" if np.isnan(low) else f" [{low:.2f}, {high:.2f}]"
    return (
        f"imbalance {areas.value:.2f}{interval} ({size_word(areas)}; equal classes would give "
        f"< {areas.floor:.2f}) | largest {areas.largest!s} = {areas.ratio:.1f} x smallest "
        f"{areas.smallest!s} | {areas.effective_classes:.1f} effective classes"
    )


def _draw_lines(report):
    for name, gaps in report.gaps_.items():
        star = "*" if name == report.sampler_ else " "
        line = f"gap {gaps.value:.2f}{_plus_minus(gaps)} ({size_word(gaps)})"
        if report.sampled_classes_ is not None:
            line += " | " + _classes_text(report.sampled_classes_[name])
        yield f"{star} {name}", line


def _plus_minus(result):
    return "" if np.isnan(result.error) else f" +- {2 * result.error:.2f}"


def _classes_text(classes):
    most, least = np.argmax(classes.territory), np.argmin(classes.territory)
    return (
        f"classes of draws: TV to {classes.get('target_name', 'uniform')} {classes.value:.2f} "
        f"(most {classes.classes[most]!s} {classes.territory[most]:.0%}, "
        f"least {classes.classes[least]!s} {classes.territory[least]:.1%})"
    )


def _prior_line(prior):
    return (
        f"energy coefficient {prior.value:.3f} ({size_word(prior)}) | KL to N(0, I) = "
        f"{prior.location:.2f} location + {prior.scale:.2f} scale + {prior.shape:.2f} shape nats"
    )


def _continuity_line(continuity):
    return (
        f"decoded change per latent step {continuity.rate_rms:.2f} x proportionate | "
        f"{continuity.value:.1%} of {continuity.step:.0%} steps move the output > "
        f"{continuity.step * continuity.jump:.0%} of its spread ({size_word(continuity)})"
    )


def _quality_line(report):
    quality = report.quality_
    parts = [
        f"{name} {quality[name]:.2f} ({quality.ceiling[name]:.2f})"
        for name in ("precision", "recall", "density", "coverage")
    ]
    return " | ".join(parts) + f"   draws of '{report.sampler_}' (held-out rows)"


# ------------------------------------------------------------------ what to make of it


def notes(report):
    """Sentences on how to read the numbers, and on what cannot be seen."""
    gaps = report.gaps_[report.sampler_]
    return [
        note
        for note in (
            _gap_note(gaps),
            _extent_note(report),
            _area_note(report.class_areas_),
            _typical_note(report.quality_),
            _dimension_note(report.n_components_),
            *report.warnings_,
        )
        if note
    ]


def _gap_note(gaps):
    spread = "" if np.isnan(gaps.error) else f" (+- {2 * gaps.error:.0%})"
    if gaps.value <= gaps.floor:
        text = f"gaps under draws of '{gaps.sampler}' not detected at n = {gaps.n_samples}"
    else:
        text = f"{gaps.value:.0%} of draws of '{gaps.sampler}' land where no code supports decoding"
        text += spread
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
    return (
        f"'{areas.largest!s}' covers {areas.ratio:.1f} x the area of '{areas.smallest!s}'; "
        f"{areas.value:.0%} of area would have to change class to make all equal."
    )


def _typical_note(quality):
    if quality is None or quality.precision <= quality.ceiling.precision + 0.02:
        return ""
    return "precision above that of held-out rows means draws too typical, not better than real."


def _dimension_note(n_components):
    if n_components <= 20:
        return ""
    return (
        f"nearest neighbours cannot see hollow shells in {n_components} dimensions; read the "
        "prior's line too."
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
