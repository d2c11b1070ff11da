"""Seconds of three latent metrics at a million codes, and how they grow with n and d.

Run on one thread: ``OMP_NUM_THREADS=1 python benchmarks/bench_metrics.py``.
"""

import time

import numpy as np

from skae.metrics import class_area_imbalance, gap_fraction, unbounded_extent

SIZES = [10_000, 30_000, 100_000, 300_000, 1_000_000]
DIMS = [2, 3, 6]
REPEATS = 3

METRICS = {
    "unbounded_extent": unbounded_extent,
    "class_area_imbalance": lambda codes, y: class_area_imbalance(codes, y, random_state=0),
    "gap_fraction": lambda codes, y: gap_fraction(codes, random_state=0),
}


def latent_space(n_samples, n_components):
    """Normal codes of ten classes of unequal size."""
    rng = np.random.RandomState(0)
    y = rng.randint(10, size=n_samples)
    return rng.standard_normal((n_samples, n_components)) * (1 + y[:, np.newaxis] / 10), y


def seconds(metric, codes, y):
    """Least of a few measurements."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        metric(codes, y)
        times.append(time.perf_counter() - start)
    return min(times)


def row(n_samples, n_components):
    """Seconds of each metric, and of all."""
    codes, y = latent_space(n_samples, n_components)
    times = [seconds(metric, codes, y) for metric in METRICS.values()]
    return [*times, sum(times)]


def exponents(x, times):
    """Slopes of log time over log x, one for each column."""
    return np.polyfit(np.log(x), np.log(times), 1)[0]


def line(label, numbers):
    """One line of the table."""
    print(f"{label:>20}" + "".join(f"{number:>22.3f}" for number in numbers), flush=True)


def main():
    """Print the table and the exponents."""
    print(" " * 20 + "".join(f"{name:>22}" for name in [*METRICS, "all three"]))
    by_size = []
    for n_samples in SIZES:
        by_size.append(row(n_samples, DIMS[0]))
        line(f"n = {n_samples}, d = {DIMS[0]}", by_size[-1])
    by_dim = [by_size[-1]]
    for n_components in DIMS[1:]:
        by_dim.append(row(SIZES[-1], n_components))
        line(f"n = {SIZES[-1]}, d = {n_components}", by_dim[-1])
    line("time ~ n ** ", exponents(SIZES, by_size))
    line("time ~ d ** ", exponents(DIMS, by_dim))


if __name__ == "__main__":
    main()
