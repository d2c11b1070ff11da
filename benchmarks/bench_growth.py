"""Time and memory of `fit` and `transform` against rows, features and width; a large memory map.

With one hidden layer the arithmetic of an epoch is linear in each of the three, so that whatever
grows faster shows. Seconds are those of the processor. Exponents are slopes of least squares in
logarithms.
"""

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from marks import Mark
from processes import FRUGAL, MIB, PeakMemory, shielded

__all__ = ["growth_marks"]

BASE = {"n": 20_000, "d": 64, "width": 64}
SIZES = {
    "n": [20_000, 40_000, 80_000, 160_000, 320_000],
    "d": [64, 128, 256, 512, 1024, 2048],
    "width": [64, 128, 256, 512, 1024, 2048],
}
KEYS = ["fit, s", "fit, MiB", "transform, s", "transform, MiB"]

# Exponents of linear growth come out so much above 1, where caches overflow on the way.
LINEAR = 1.1

# Rows and features of the memory map (4 GB), bytes to be free for it, and what `fit` may take.
BIG, FREE, HELD = (1_000_000, 1000), 5 * 10**9, 500 * MIB


def estimator(width):
    """One epoch with one hidden layer."""
    from skae import AutoencoderTransformer

    return AutoencoderTransformer(
        hidden_layer_sizes=width, max_iter=1, batch_size=500, random_state=0
    )


def prepared(n, d, width):
    """Rows, and functions to be measured on them, each of which was called on a few."""
    from contenders import silently

    X = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
    model = estimator(width)
    functions = {"fit": lambda X: silently(model.fit, X), "transform": model.transform}
    for function in functions.values():
        function(X[:1000])
    return X, functions


def seconds(*sizes):
    """Of `fit` and `transform`, the least of three calls each."""
    X, functions = prepared(*sizes)
    return {f"{name}, s": min(timed(f, X) for _ in range(3)) for name, f in functions.items()}


def timed(function, X):
    """Seconds of the processor that one call takes, which others that it serves do not change."""
    start = time.process_time()
    function(X)
    return time.process_time() - start


def memory(*sizes):
    """MiB that `fit` and `transform` take while they last."""
    X, functions = prepared(*sizes)
    answer = {}
    for name, function in functions.items():
        with PeakMemory() as watched:
            function(X)
        answer[f"{name}, MiB"] = watched.growth / MIB
    return answer


def exponents(sizes, rows):
    """Slopes of the logarithms, one for each column."""
    return np.polyfit(np.log(sizes), np.log(np.maximum(rows, 1e-3)), 1)[0]


def line(label, numbers, form=".3f"):
    """One line of a table."""
    print(f"  {label:<22}" + "".join(f"{number:>16{form}}" for number in numbers), flush=True)


def row(*sizes):
    """Seconds and MiB of both, from a process each: frugal memory is slow."""
    times = shielded("bench_growth", "seconds", *sizes)
    spaces = shielded("bench_growth", "memory", *sizes, environment=FRUGAL)
    return [(times if key in times else spaces)[key] for key in KEYS]


def growth_table(name):
    """Print what grows with one of the sizes; marks of the exponents."""
    print(f"\nGrowth with {name}, one epoch, one thread\n" + " " * 24, end="")
    print("".join(f"{key:>16}" for key in KEYS))
    rows = []
    for size in SIZES[name]:
        sizes = {**BASE, name: size}
        rows.append(row(*sizes.values()))
        line(f"{name} = {size}", rows[-1])
    slopes = exponents(SIZES[name], rows)
    line(f"~ {name} **", slopes, ".2f")
    line("largest two alone", exponents(SIZES[name][-2:], rows[-2:]), ".2f")
    return [
        Mark(f"{key.split(',')[0]}, exponent of {what} over {name}", float(slope), LINEAR)
        for key, what, slope in zip(KEYS, ("time", "memory") * 2, slopes, strict=True)
    ]


def write_memory_map(path):
    """A file of float32 rows: the same random block over and over."""
    block = np.random.default_rng(0).standard_normal((10_000, BIG[1]), dtype=np.float32)
    with open(path, "wb") as file:
        for _ in range(BIG[0] // len(block)):
            block.tofile(file)


def memory_of_big_fit():
    """Seconds and MiB of one epoch on the memory map."""
    from contenders import silently

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows")
        write_memory_map(path)
        X = np.memmap(path, np.float32, "r", shape=BIG)
        model = estimator((64, 32))
        silently(model.fit, X[:1000])
        with PeakMemory() as watched:
            passed = timed(lambda X: silently(model.fit, X), X)
    return {"seconds": passed, "growth": watched.growth, "peak": watched.peak}


def memory_map_marks():
    """Print what `fit` takes on the memory map, if there is room for it."""
    gigabytes = 4 * BIG[0] * BIG[1] / 1e9
    print(f"\nOne epoch on a memory map of {gigabytes:g} GB, {BIG[0]} x {BIG[1]} float32")
    if shutil.disk_usage(tempfile.gettempdir()).free < FREE:
        print(f"  left out: there is less than {FREE / 1e9:g} GB free in the temporary folder")
        return []
    answer = shielded("bench_growth", "memory_of_big_fit")
    growth, peak = answer["growth"] / MIB, answer["peak"] / MIB
    print(f"  {answer['seconds']:.0f} s; anonymous MiB: {growth:.0f} more, {peak:.0f} in all")
    return [Mark("fit on the memory map, MiB more of anonymous memory", growth, HELD / MIB)]


def growth_marks(options):
    """Print the tables; what is asked of growth."""
    marks = [mark for name in SIZES for mark in growth_table(name)]
    return [*marks, *memory_map_marks()]
