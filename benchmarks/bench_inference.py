"""`transform` and `inverse_transform` beside one direct call of the module, and their memory."""

import time

import numpy as np
from marks import Mark
from processes import MIB, PeakMemory, shielded
from workloads import WORKLOADS

__all__ = ["inference_marks"]

# Rounds at least, and seconds of them at least.
ROUNDS, SECONDS = 15, 0.5

# Rows of four features, and what `transform` may take above its output.
MANY_ROWS, SPARE = 10_000_000, 64 * MIB


def fitted(X, workload):
    """An estimator of the workload's networks, hardly trained."""
    from contenders import estimator, silently

    from skae import AutoencoderTransformer

    model = estimator(AutoencoderTransformer, workload._replace(epochs=1), "cpu")
    return silently(model.fit, X[: 4 * workload.batch_size])


def seconds(function, X):
    """Of one call."""
    start = time.perf_counter()
    function(X)
    return time.perf_counter() - start


def interleaved(function, direct, X):
    """Median seconds of both, and the median of the ratios within rounds."""
    import torch

    rows, times = torch.from_numpy(X), []
    with torch.inference_mode():
        while len(times) < ROUNDS or np.sum(times) < SECONDS:
            times.append((seconds(function, X), seconds(direct, rows)))
    times = np.array(times[1:])
    return [*np.median(times, axis=0), np.median(times[:, 0] / times[:, 1])]


def call_times(name, mnist):
    """Of `transform` and of `inverse_transform` on all rows of a workload."""
    workload = WORKLOADS[name]
    X, _ = workload.data(mnist)
    model = fitted(X, workload)
    codes = model.transform(X)
    return {
        "transform": interleaved(model.transform, model.encoder_, X),
        "inverse_transform": interleaved(model.inverse_transform, model.decoder_, codes),
    }


def memory_of_calls():
    """Bytes above the output that both take on many rows."""
    X = np.random.default_rng(0).random((MANY_ROWS, 4), dtype=np.float32)
    model = fitted(X, WORKLOADS["digits"])
    codes, answer = X[:, :2].copy(), {}
    for name, rows in (("transform", X), ("inverse_transform", codes)):
        function = getattr(model, name)
        function(rows[:10_000])
        with PeakMemory() as memory:
            output = function(rows)
        answer[name] = memory.growth - output.nbytes
    return answer


def times_table(options):
    """Print milliseconds; marks of the ratios."""
    print("\nInference, one thread, medians of rounds" + " " * 8 + "ms   direct, ms        ratio")
    for workload in options.workloads:
        answer = shielded("bench_inference", "call_times", workload, options.mnist)
        for name in ("transform", "inverse_transform"):
            ours, direct, ratio = answer[name] if answer else [np.nan] * 3
            line = f"{1e3 * ours:>12.2f}{1e3 * direct:>12.2f}{ratio:>12.2f}"
            print(f"  {workload + ', ' + name:<38}{line}", flush=True)
            yield Mark(f"{name}, {workload}, ratio to one direct call", ratio, 1.1)


def inference_marks(options):
    """Print the tables; what is asked of `transform` and `inverse_transform`."""
    marks = list(times_table(options))
    print(f"\nMemory above the output, {MANY_ROWS:,} rows of 4 features, MiB")
    answer = shielded("bench_inference", "memory_of_calls")
    for name in ("transform", "inverse_transform"):
        print(f"  {name:<38}{answer[name] / MIB:>12.1f}", flush=True)
        marks.append(Mark(f"{name}, MiB above its output", answer[name] / MIB, SPARE / MIB))
    return marks
