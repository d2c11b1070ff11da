"""All tables of speed and memory, and what is met of what is asked.

``python benchmarks/bench.py``; MNIST is measured if ``--mnist`` names an ``.npz`` file with ``X``
(0 to 255), and a stand-in of its size if not.
"""

import argparse
import os

from bench_fit import fit_marks
from bench_growth import growth_marks
from bench_import import import_marks
from bench_inference import inference_marks
from marks import summary
from workloads import WORKLOADS

PARTS = {
    "import": import_marks,
    "inference": inference_marks,
    "growth": growth_marks,
    "fit": fit_marks,
}


def parsed_options():
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    # Workers run in another folder.
    parser.add_argument("--mnist", type=os.path.abspath, help="file with X")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, help="the same for all workloads")
    return parser.parse_args()


def main():
    """Print the tables and the summary."""
    options = parsed_options()
    summary([mark for part in options.parts for mark in PARTS[part](options)])


if __name__ == "__main__":
    main()
