"""Which latent law fits a latent space best, and why."""

from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold
from sklearn.utils import Bunch, check_array, check_consistent_length

from skae.metrics import latent_gaps, sample_quality, sampled_classes
from skae.metrics._draws import latent_draws
from skae.metrics._estimators import NamedLaw, final_step
from skae.metrics._inputs import check_latent
from skae.metrics._resampling import Streams, subsample
from skae.sampling import class_labels, fit_latent_sampler, fit_posterior, is_posterior

from ._model import describe

__all__ = ["SamplerRecommendation", "recommend_sampler"]

# Codes that laws are fitted on and measured with, at most.
MAX_ROWS = 5000

N_FOLDS = 3

# Fewer codes than these cannot tell a gap from chance.
MIN_SAMPLES = 20

# From the law that says least about the codes to the one that says most.
BY_SIMPLICITY = ("standard_normal", "box", "normal", "gmm", "class_conditional", "posterior", "kde")

# Gap fraction from which rejecting draws is worth its while.
NOTABLE_GAP = 0.05

# Standard errors that a law must lie behind the best to be called worse.
N_ERRORS = 2


class SamplerRow(NamedTuple):
    """What was measured of one law."""

    sampler: str
    log_likelihood: float
    behind: float
    error: float
    gap_fraction: float
    gap_floor: float
    class_imbalance: float
    precision: float
    coverage: float


class SamplerRecommendation:
    """Latent laws side by side, and which of them to sample from; by `recommend_sampler`.

    Parameters
    ----------
    table : list of named tuple
        What was measured, one row for each law, as in `to_frame`, best first.
    reason : str
        Why the first law is recommended, in sentences.
    class_shares : dict of dict
        Share of the draws of every law that lands on each class, by law and by class.

    Attributes
    ----------
    name : str
        Name of the law recommended, as ``latent_sampler`` takes it.
    table, reason, class_shares
        As given.

    See Also
    --------
    recommend_sampler : Makes one.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skae.inspection import recommend_sampler
    >>> X, y = load_digits(return_X_y=True)
    >>> pca = PCA(n_components=2, random_state=0).fit(X)
    >>> recommendation = recommend_sampler(pca, X, y, random_state=0)
    >>> recommendation.name
    'class_conditional'
    >>> recommendation.to_frame()["gap_fraction"].idxmax()
    'box'
    """

    def __init__(self, table, reason, class_shares):
        self.table = table
        self.reason = reason
        self.class_shares = class_shares
        self.name = table[0].sampler

    def to_frame(self):
        """One row for each law, best first.

        Returns
        -------
        frame : pandas.DataFrame
            By name of the law, with the columns ``log_likelihood``, ``behind``, ``error``,
            ``gap_fraction``, ``gap_floor``, ``class_imbalance``, ``precision`` and
            ``coverage``; NaN for what was not measured.
        """
        import pandas as pd

        return pd.DataFrame(self.table).set_index("sampler")

    def __repr__(self):
        return f"<SamplerRecommendation {self.name!r} of {len(self.table)} laws>"

    def __str__(self):
        columns = ("held-out", "behind", "gap", "imbalance", "precision", "coverage")
        lines = [f"Recommended latent_sampler: {self.name!r}", f"  {self.reason}", ""]
        lines.append(f"  {'':<17}" + "".join(f" {column:>15}" for column in columns))
        lines += map(_line, self.table)
        lines.append("  held-out: mean log density of held-out codes, in nats")
        return "\n".join(lines)


def _line(row):
    """One law in the text."""
    behind = f"{row.behind:.3g}"
    if 0 < row.behind < np.inf:
        behind += f" ± {row.error:.1g}"
    shares = (row.gap_fraction, row.class_imbalance, row.precision, row.coverage)
    cells = [f"{row.log_likelihood:.4g}", behind, *map("{:.3f}".format, shares)]
    cells = ["-" if cell == "nan" else cell for cell in cells]
    return f"  {row.sampler:<17}" + "".join(f" {cell:>15}" for cell in cells)


def recommend_sampler(
    estimator_or_codes,
    X=None,
    y=None,
    *,
    samplers="auto",
    decode=None,
    n_draws=5000,
    random_state=None,
):
    """Say which latent law to sample a latent space from, and why.

    Every law is fitted on two thirds of the codes and scored on the others, three times, so
    that every code has a held-out log density. The laws whose mean log density is within two
    standard errors of the best one's, paired code by code, cannot be told from it; among
    these that of smallest :func:`~skae.metrics.gap_fraction` is recommended, where a
    fraction below its noise floor counts as 0, and the simplest of equals.

    Parameters
    ----------
    estimator_or_codes : fitted transformer or Pipeline, or array-like of shape \
            (n_samples, n_components)
        What has the latent space: an estimator, whose ``transform`` gives the codes
        of X, or the codes.
    X : array-like of shape (n_samples, n_features), default=None
        Rows. An estimator needs them, held-out ones where possible; with bare codes they
        serve to measure decoded draws only.
    y : array-like of shape (n_samples,), default=None
        Class labels. With them ``'class_conditional'`` is among the laws. A y that holds
        no classes is not used.
    samplers : 'auto' or list of str and estimators, default='auto'
        Laws to choose from: 'standard_normal', 'box', 'normal', 'gmm', 'kde',
        'class_conditional', 'posterior' for variational estimators, and estimators with
        ``fit``, ``sample`` and ``score_samples``, which are called by the name of their class.
        ``'auto'`` means all of them, with the ``latent_sampler`` of the estimator if it is one.
    decode : callable, default=None
        From points of shape (n_points, n_components) to rows of shape (n_points,
        n_features), for bare codes. Estimators have ``inverse_transform``.
    n_draws : int, default=5000
        Number of points drawn from every law, to find gaps and classes.
    random_state : int, RandomState instance or None, default=None
        Seed of folds, fits and draws.

    Returns
    -------
    recommendation : SamplerRecommendation
        ``name`` is the law, ``print`` gives the reason and the table, ``to_frame`` the table:

        - ``log_likelihood``: mean log density of held-out codes, in nats; greater is better;
        - ``behind``, ``error``: how far it lies behind the best one's, with its standard
          error;
        - ``gap_fraction``, ``gap_floor``: share of the draws that land in gaps, and what a
          perfect law stays below;
        - ``class_imbalance``: :func:`~skae.metrics.sampled_class_imbalance` of the draws,
          against the shares of the classes among the codes;
        - ``precision``, ``coverage``: :func:`~skae.metrics.sample_quality` of the decoded
          draws.

    See Also
    --------
    skae.LatentDiagnostics : Everything there is to know of one law and the latent space.

    Notes
    -----
    Log densities compare laws of the same codes only. A box that misses one held-out code
    has −inf: it fits no codes but those that fill it.

    What needs rows is left out if X holds anything but finite numbers.

    At most 5000 codes are used. Axes that carry no variance are left to the laws, which
    give them all the same small width.

    Examples
    --------
    >>> import numpy as np
    >>> from skae.inspection import recommend_sampler
    >>> rng = np.random.RandomState(0)
    >>> X_latent = rng.standard_normal((600, 2)) + 10 * rng.randint(2, size=(600, 1))
    >>> print(recommend_sampler(X_latent, random_state=0))
    Recommended latent_sampler: 'gmm'
      ...
    """
    streams = Streams(random_state)
    model = _model(estimator_or_codes, X, decode, streams.entropy)
    data = _data(model, X, y, streams("rows"))
    laws = _laws(samplers, data)
    scores = {name: _held_out(law, data, streams) for name, law in laws.items()}
    best = max(scores, key=lambda name: scores[name].mean())
    measured = {name: _measured(name, law, data, n_draws, streams) for name, law in laws.items()}
    table = [_row(name, scores[name], scores[best], measured[name]) for name in laws]
    table.sort(key=_rank)  # equals stay in the order of the laws, the simplest first
    shares = {name: draws.shares for name, draws in measured.items()}
    return SamplerRecommendation(table, _reason(table), shares)


def _model(estimator_or_codes, X, decode, seed):
    """Codes and decoder, of an estimator or as given."""
    if not (decode is None or callable(decode)):
        raise TypeError(f"decode must be a function from codes to rows. Got {decode!r} instead.")
    if not hasattr(estimator_or_codes, "fit"):
        return Bunch(codes=estimator_or_codes, decode=decode, std=None, own=None)
    if X is None:
        raise ValueError("X must be given with an estimator: codes are measured. Got None instead.")
    if decode is not None:
        raise ValueError(
            f"decode is for bare codes: an estimator decodes itself. Got {decode!r} instead."
        )
    own = getattr(final_step(estimator_or_codes), "latent_sampler", None)
    own = own if hasattr(own, "score_samples") else None
    return Bunch(**describe(estimator_or_codes, X, seed), own=own)


def _data(model, X, y, rng):
    """Codes, posteriors, labels, numeric rows, or None, and the decoder: of the rows used."""
    codes = check_latent(model.codes, min_samples=MIN_SAMPLES)
    labels = class_labels(y, len(codes))
    index = subsample(len(codes), MAX_ROWS, rng)
    return Bunch(
        codes=codes[index],
        posteriors=None if model.std is None else (model.means[index], model.std[index]),
        y=None if labels is None else labels[index],
        rows=_rows(X, len(codes), index) if model.decode is not None else None,
        decode=model.decode,
        own=model.own,
    )


def _rows(X, n_samples, index):
    """The rows used as a dense array, or None for no rows and for those that are no numbers."""
    if X is None:
        return None
    check_consistent_length(X, np.empty(n_samples))
    rows = X.tocsr()[index].toarray() if hasattr(X, "tocsr") else np.asarray(X)[index]
    try:
        return check_array(rows, dtype=np.float64)
    except (TypeError, ValueError):  # text, or gaps that the pipeline fills
        return None


def _laws(samplers, data):
    """Laws to compare by the name that the table calls them, the simplest first."""
    known = [name for name in BY_SIMPLICITY if name != "posterior" or data.posteriors is not None]
    if isinstance(samplers, str) and samplers == "auto":
        samplers = [name for name in known if name != "class_conditional" or data.y is not None]
        samplers += [] if data.own is None else [data.own]
    is_list = isinstance(samplers, list | tuple | set)
    names = [law for law in samplers if isinstance(law, str)] if is_list else []
    others = [law for law in samplers if not isinstance(law, str)] if is_list else []
    if not (names or others) or not set(names) <= set(known) or not all(map(_is_law, others)):
        raise ValueError(
            f"samplers must be 'auto', or a list of names from {known} and of estimators with fit, "
            f"sample and score_samples. Got {samplers!r} instead."
        )
    laws = {name: name for name in sorted(set(names), key=BY_SIMPLICITY.index)}
    for law in others:
        name = type(law).__name__
        n_before = sum(label.split(" ")[0] == name for label in laws)
        laws[f"{name} {n_before + 1}" if n_before else name] = law
    return laws


def _is_law(law):
    """Whether it can be fitted, drawn from and scored."""
    return isinstance(law, BaseEstimator) and all(
        hasattr(law, method) for method in ("fit", "sample", "score_samples")
    )


def _fitted(law, data, rows, seed):
    """The law fitted on some of the rows."""
    if data.posteriors is not None and is_posterior(law):
        means, stds = data.posteriors
        return fit_posterior(law, means[rows], stds[rows], seed)
    labels = None if data.y is None else data.y[rows]
    return fit_latent_sampler(law, data.codes[rows], seed, labels)


def _held_out(law, data, streams):
    """Log density of every code under the law fitted on the other folds."""
    scores = np.empty(len(data.codes))
    folds = KFold(N_FOLDS, shuffle=True, random_state=streams("folds"))
    for others, fold in folds.split(data.codes):
        scores[fold] = _fitted(law, data, others, streams.entropy).score_samples(data.codes[fold])
    return scores


def _measured(name, law, data, n_draws, streams):
    """Gaps, classes and decoded rows that draws of a law land on."""
    law = NamedLaw(_fitted(law, data, slice(None), streams.entropy), name)
    options = {"sampler": law, "n_draws": n_draws, "n_resamples": 0}
    options["random_state"] = streams.entropy
    measured = Bunch(gaps=latent_gaps(data.codes, **options), shares={}, imbalance=np.nan)
    if data.y is not None and len(np.unique(data.y)) > 1:
        classes = sampled_classes(data.codes, data.y, target="data", **options)
        measured.imbalance = classes.value
        measured.shares = dict(zip(classes.classes.tolist(), classes.territory, strict=True))
    measured.quality = _quality(law, data, streams)
    return measured


def _quality(law, data, streams):
    """Decoded draws beside the rows."""
    if data.rows is None:
        return Bunch(precision=np.nan, coverage=np.nan)
    draws = latent_draws(law, data.codes, len(data.rows), streams("quality"))
    decoded = check_array(data.decode(draws), input_name="decode(draws)")
    return sample_quality(data.rows, decoded, n_resamples=0, random_state=streams.entropy)


def _row(name, scores, best, law):
    """Table row of a law whose held-out scores stand beside the best one's."""
    behind = best - scores if np.isfinite(scores).all() else np.full(len(scores), np.inf)
    finite = np.isfinite(behind).all()
    return SamplerRow(
        name,
        float(scores.mean()),
        float(behind.mean()),
        float(behind.std(ddof=1) / np.sqrt(len(behind))) if finite else np.nan,
        law.gaps.value,
        law.gaps.floor,
        law.imbalance,
        law.quality.precision,
        law.quality.coverage,
    )


def _is_close(row):
    """Whether a law cannot be told from that of largest held-out likelihood."""
    return row.behind <= N_ERRORS * np.nan_to_num(row.error)


def _gap(row):
    """The gap fraction that counts: none below the floor."""
    return row.gap_fraction if row.gap_fraction > row.gap_floor else 0.0


def _rank(row):
    """Laws close to the best by their gaps, then by simplicity; the others by likelihood."""
    if _is_close(row):
        return 0, _gap(row)
    return 1, row.behind


def _reason(table):
    """Why the first law of the table is recommended, and what to make of it."""
    chosen, others = table[0], table[1:]
    share = f"{chosen.gap_fraction:.0%}" if _gap(chosen) else "none detected"
    reason = f"{_comparison(chosen, others)} Draws in gaps: {share}"
    if _gap(chosen) > NOTABLE_GAP:
        reason += ", which sample(supported_only=True) leaves out"
    if chosen.sampler == "class_conditional":
        reason += ". Draws by class: sample(n, y=label)"
    return f"{reason}."


def _comparison(chosen, others):
    """How the law recommended stands to the others, in a sentence."""
    if not others:
        return "It is the only law compared."
    rivals = [row.sampler for row in others if _is_close(row)]
    if not rivals:
        return (
            f"Held-out codes are likelier than under any other law, by {others[0].behind:.2g} nats "
            f"a code over {others[0].sampler!r}."
        )
    tie = " and, of equals, is the simplest" if _gap(chosen) == _gap(others[0]) else ""
    return (
        f"Held-out codes cannot tell it from {', '.join(map(repr, rivals))}; of these it has the "
        f"fewest draws in gaps{tie}."
    )
