"""Seconds of `fit` beside a lean hand-written loop's and every other contender's.

Same network, batch size and number of epochs for all. Ratios are those of fits in the same round,
since machines have slow minutes; medians and ranges over the rounds.
"""

import numpy as np
import torch
from marks import Mark
from race import Entry, race
from workloads import WORKLOADS

__all__ = ["fit_marks"]

OURS = ["lean", "skae", "DataLoader", "skorch", "MLPRegressor"]
LIBRARIES = ["pythae", "pyod", "encdr"]
VARIATIONAL = ["lean VAE", "skae VAE"]

# What counts as not slower, on machines whose seconds repeat no better.
SAME = 1.05

NOTES = """
  lean          slices of a resident tensor, fused Adam, nothing else
  DataLoader    the loop that people write
  MLPRegressor  has ReLU on its codes as well
  pyod          has ReLU on its codes as well; leaves out incomplete batches; scores the rows
  pythae VAE    takes the noise to have variance 1, and so collapses on data of less
  loss          mean squared error over all rows after training, by posterior means
  ELBO          in nats per row, at the likeliest noise variance
"""


def entries_of(workload, names, threads=1, device="cpu", rounds=None):
    """The entries of these names; libraries may run in fewer rounds."""
    full = rounds or workload.rounds
    fewer = min(full, workload.library_rounds)
    return [Entry(n, threads, fewer if is_library(n) else full, device) for n in names]


def is_library(name):
    """Whether it is a published one, installed for the comparison."""
    return name.split()[0] in LIBRARIES


def header(title, columns):
    """Title and columns of a table."""
    print(f"\n{title}\n  {'':<22}" + "".join(f"{column:>12}" for column in columns), flush=True)


def spread(ratios):
    """Median and range, as two cells."""
    if not len(ratios):
        return ["", ""]
    return [f"{np.median(ratios):.2f}", f"{ratios.min():.2f}-{ratios.max():.2f}"]


def cells(results, entry, reference):
    """Seconds, ratio, range, loss, bound and number of rounds of an entry."""
    if results.errors[entry] is not None:
        return [f"  did not run: {results.errors[entry][:90]}"]
    elbo = results.median(entry, "elbo")
    return [
        f"{results.median(entry, 'seconds'):.2f}",
        *spread(results.ratios(entry, reference)),
        f"{results.median(entry, 'loss'):.5f}",
        "" if np.isnan(elbo) else f"{elbo:.1f}",
        f"{np.isfinite(results.values(entry, 'seconds')).sum()}",
    ]


def print_table(title, results, reference_of, label=lambda entry: entry.contender):
    """One line for each entry, with its ratio to another."""
    header(title, ["seconds", "ratio", "range", "loss", "ELBO", "rounds"])
    for entry in results.answers:
        line = "".join(f"{cell:>12}" for cell in cells(results, entry, reference_of(entry)))
        print(f"  {label(entry):<22}{line}", flush=True)


def title_of(workload, mnist):
    """Name, shape and training of a workload."""
    X, name = workload.data(mnist)
    network = f"{workload.hidden_layer_sizes}, {workload.n_components} codes"
    budget = f"batches of {workload.batch_size}, {workload.epochs} epochs"
    return f"{name}, {X.shape[0]} x {X.shape[1]}, {network}, {budget}"


def median_ratio(results, entry, reference, key="seconds"):
    """Median over rounds, NaN where one of the two did not run."""
    ratios = results.ratios(entry, reference, key)
    return float(np.median(ratios)) if len(ratios) else np.nan


def one_thread(workload, options):
    """All contenders on one thread; what is asked of the estimator."""
    entries = entries_of(workload, OURS + LIBRARIES, rounds=options.rounds)
    results = race(entries, workload, options.mnist)
    by_name = {entry.contender: entry for entry in entries}
    title = f"{title_of(workload, options.mnist)}, one thread"
    print_table(title, results, lambda entry: by_name["lean"])
    ours = by_name["skae"]
    others = [e for e in entries if e != ours and results.errors[e] is None]
    slowest = max(median_ratio(results, ours, e) for e in others)
    smallest = min(results.median(e, "loss") for e in others)
    at_one = median_ratio(results, ours, by_name["lean"])
    return [
        Mark(f"fit, {workload.name}, ratio to lean", at_one, workload.mark, workload.far_mark),
        Mark(f"fit, {workload.name}, ratio to the fastest contender", slowest, 1.0),
        Mark(
            f"fit, {workload.name}, loss over the smallest",
            results.median(ours, "loss") / smallest,
            1.0,
        ),
    ]


def variational(workload, options):
    """The variational model beside a lean loop for one, on one thread."""
    names = [*VARIATIONAL, "pythae VAE"]
    lean, ours, library = entries = entries_of(workload, names, rounds=options.rounds)
    results = race(entries, workload, options.mnist)
    title = f"{title_of(workload, options.mnist)}, one thread, variational"
    print_table(title, results, lambda entry: lean)
    name = f"variational fit, {workload.name}"
    ratio = median_ratio(results, ours, lean)
    losses = [results.median(entry, "loss") for entry in (ours, lean)]
    bounds = [results.median(entry, "elbo") for entry in (lean, ours)]
    marks = [
        Mark(f"{name}, ratio to lean", ratio, workload.mark, workload.far_mark),
        Mark(f"{name}, loss over lean's", losses[0] / losses[1], 1.0),
        Mark(f"{name}, nats of ELBO short of lean's", bounds[0] - bounds[1], 0.0),
    ]
    if results.errors[library] is None:
        marks.append(Mark(f"{name}, ratio to pythae", median_ratio(results, ours, library), 1.0))
    return marks


def two_threads(workload, options):
    """On two threads, beside one in the same rounds; ratios to the same contender on one."""
    rounds = options.rounds or workload.rounds
    # Those that two threads may slow down a hundredfold run twice.
    entries = [Entry(n, t, rounds) for n in ("skae", "skae VAE") for t in (1, 2)]
    entries += [Entry(n, t, min(rounds, 2)) for n in ("lean", "MLPRegressor") for t in (1, 2)]
    results = race(entries, workload, options.mnist)
    title = f"{title_of(workload, options.mnist)}, two threads and one"
    print_table(
        title,
        results,
        lambda entry: entry._replace(threads=1),
        lambda entry: f"{entry.contender}, threads: {entry.threads}",
    )
    return [
        Mark(
            f"{two.contender}, {workload.name}, two threads over one",
            median_ratio(results, two, one),
            SAME,
        )
        for one, two in (entries[:2], entries[2:4])
    ]


def on_gpu(workload, options):
    """In absolute seconds, where there is a GPU."""
    entries = entries_of(workload, ["lean", "skae", *VARIATIONAL], 1, "cuda", options.rounds)
    results = race(entries, workload, options.mnist)
    title = f"{title_of(workload, options.mnist)}, {torch.cuda.get_device_name()}"
    print_table(title, results, lambda entry: entries[0])
    return []


def fit_marks(options):
    """Print the tables; what is asked of `fit`."""
    tables = [one_thread, variational, two_threads]
    if torch.cuda.is_available():
        tables.append(on_gpu)
    else:
        print("No GPU at hand: its table is left out.")
    marks = [
        mark
        for table in tables
        for name in options.workloads
        for mark in table(WORKLOADS[name], options)
    ]
    print(NOTES)
    return marks
