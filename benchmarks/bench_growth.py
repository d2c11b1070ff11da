"""Time and memory of `fit` and `transform` against rows, features and width; a large memory map.

With one hidden layer the arithmetic of an epoch is linear in each of the three, so that whatever
grows faster shows. Exponents are slopes of least squares in logarithms.
"""

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from marks import Mark
from processes import MIB, PeakMemory, shielded

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

# Rows and features of the memory map (4 GB), bytes to be free for it, and what `fit` may hold.
BIG, FREE, HELD = (1_000_000, 1000), 5 * 10**9, 500 * MIB


def estimator(width):
    """One epoch with one hidden layer."""
    from skae import AutoencoderTransformer

    return AutoencoderTransformer(
        hidden_layer_sizes=width, max_iter=1, batch_size=500, random_state=0
    )


def watched(function, *args):
    """Seconds of a call, and MiB that it takes while it lasts."""
    with PeakMemory() as memory:
        start = time.perf_counter()
        function(*args)
        passed = time.perf_counter() - start
    return passed, memory.growth / MIB


def point(n, d, width):
    """Seconds (the least of three calls) and MiB (of the first) of `fit` and `transform`."""
    from contenders import silently

    X = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
    model = estimator(width)
    silently(model.fit, X[:1000])
    model.transform(X[:1000])
    numbers = []
    for function in (lambda X: silently(model.fit, X), model.transform):
        calls = [watched(function, X) for _ in range(3)]
        numbers += [min(call[0] for call in calls), calls[0][1]]
    return dict(zip(KEYS, numbers, strict=True))


def exponents(sizes, rows):
    """Slopes of the logarithms, one for each column."""
    return np.polyfit(np.log(sizes), np.log(np.maximum(rows, 1e-3)), 1)[0]


def line(label, numbers, form=".3f"):
    """One line of a table."""
    print(f"  {label:<22}" + "".join(f"{number:>16{form}}" for number in numbers), flush=True)


def growth_table(name):
    """Print what grows with one of the sizes; marks of the exponents."""
    print(f"\nGrowth with {name}, one epoch, one thread\n" + " " * 24, end="")
    print("".join(f"{key:>16}" for key in KEYS))
    rows = []
    for size in SIZES[name]:
        sizes = {**BASE, name: size}
        answer = shielded("bench_growth", "point", *sizes.values())
        rows.append([answer[key] for key in KEYS])
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
        with PeakMemory() as memory:
            start = time.perf_counter()
            silently(model.fit, X)
            passed = time.perf_counter() - start
    return {"seconds": passed, "growth": memory.growth, "peak": memory.peak}


def memory_map_marks():
    """Print what `fit` takes on the memory map, if there is room for it."""
    gigabytes = 4 * BIG[0] * BIG[1] / 1e9
    print(f"\nOne epoch on a memory map of {gigabytes:g} GB, {BIG[0]} x {BIG[1]} float32")
    if shutil.disk_usage(tempfile.gettempdir()).free < FREE:
        print(f"  left out: there is less than {FREE / 1e9:g} GB free in the temporary folder")
        return []
    answer = shielded("bench_growth", "memory_of_big_fit")
    growth, peak = answer["growth"] / MIB, answer["peak"] / MIB
    print(f"  {answer['seconds']:.0f} s; anonymous memory grows by {growth:.0f} MiB to {peak:.0f}")
    return [Mark("fit on the memory map, MiB of anonymous memory in all", peak, HELD / MIB)]


def growth_marks(options):
    """Print the tables; what is asked of growth."""
    marks = [mark for name in SIZES for mark in growth_table(name)]
    return [*marks, *memory_map_marks()]
