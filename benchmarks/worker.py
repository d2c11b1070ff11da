"""One contender in a process of its own: every line read is answered by a fit.

Answers are lines of JSON: seconds of `fit` alone, mean squared error over all rows, or an error.
"""

import argparse
import gc
import json
import os
import sys
import time

import numpy as np
from contenders import CONTENDERS
from workloads import WORKLOADS

# Rows that a reconstruction is measured on at a time.
BLOCK = 10_000


def mean_squared_error(reconstruct, X):
    """Over all rows and features."""
    blocks = [X[start : start + BLOCK] for start in range(0, len(X), BLOCK)]
    total = sum(np.square(x - reconstruct(x), dtype=np.float64).sum() for x in blocks)
    return float(total / X.size)


def measured(fit, X, workload, device):
    """Fit once: what it took, and what came of it."""
    gc.collect()
    start = time.perf_counter()
    fitted = fit(X, workload, device)
    answer = {"seconds": time.perf_counter() - start}
    answer["loss"] = mean_squared_error(fitted.reconstruct, X)
    if fitted.elbo is not None:
        answer["elbo"] = float(fitted.elbo())
    return answer


def warm_up(fit, X, workload, device):
    """A small fit, for whatever is imported or set up when first used."""
    fit(X[: 4 * workload.batch_size], workload._replace(epochs=1), device)
    return {}


def attempt(function, *args):
    """What the function answers, or what it raised."""
    try:
        return function(*args)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0]}


def parsed_options():
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--mnist")
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def main():
    """Answer until there are no more lines."""
    # Contenders may print: only the answers go where the runner reads.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    options = parsed_options()
    workload, fit = WORKLOADS[options.workload], CONTENDERS[options.contender]
    X, _ = workload.data(options.mnist)
    answer = attempt(warm_up, fit, X, workload, options.device)
    print(json.dumps(answer), file=answers, flush=True)
    for _ in sys.stdin:
        answer = attempt(measured, fit, X, workload, options.device)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
