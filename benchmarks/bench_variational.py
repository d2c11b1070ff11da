"""Latent spaces for generating data: the plain model with every latent law, and the variational.

Codes are those of the rows trained on (three quarters; posterior samples of the variational
model). Draws are measured against these codes, decoded draws against the rows, beside the
quarter held out. Medians over seeds; every seed is another split, too.

Run on one thread: ``OMP_NUM_THREADS=1 python benchmarks/bench_variational.py``. MNIST is
measured if ``--mnist`` names an ``.npz`` file with ``X`` (0 to 255) and ``y``.
"""

import argparse
import warnings
from functools import partial

import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skae import AutoencoderTransformer, VariationalAutoencoderTransformer
from skae.metrics import latent_extent, latent_gaps, sample_quality, sampled_classes
from skae.sampling import PosteriorDensity, fit_latent_sampler

LAWS = ["standard_normal", "box", "normal", "gmm", "kde", "class_conditional"]
BETAS = ["auto", 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0]
NOISES = [0.0, 0.25, 0.5]

COLUMNS = {
    "gap": "gap", "reach": "reach", "off_centre": "off-c.", "imbalance": "TV",
    "precision": "prec.", "coverage": "cover.", "error": "error", "log_likelihood": "log p",
    "beta": "beta",
}  # fmt: skip


def fitted_law(name, model, X, y, codes):
    """A latent law fitted on the codes."""
    if name == "posterior":
        means, stds = model._posterior(X)
        return PosteriorDensity(random_state=0).fit(means, X_std=stds)
    return fit_latent_sampler(name, codes, 0, y)


def of_draws(law, model, codes, split):
    """Gaps, classes and quality of draws, the latter as shares of what held-out rows reach."""
    X, X_holdout, y, _ = split
    options = {"sampler": law, "n_resamples": 0, "random_state": 0}
    draws = model.inverse_transform(law.sample(len(X_holdout), random_state=1))
    quality = sample_quality(X, draws, X_holdout=X_holdout, n_resamples=0, random_state=0)
    return {
        "gap": latent_gaps(codes, **options).value,
        "imbalance": sampled_classes(codes, y, **options).value,
        "precision": quality.precision / quality.ceiling["precision"],
        "coverage": quality.coverage / quality.ceiling["coverage"],
    }


def of_model(model, codes, split):
    """Extent of the codes and held-out reconstruction, as a share of the variance."""
    X, X_holdout, _, _ = split
    extent = latent_extent(codes, n_resamples=0)
    rest = X_holdout - model.inverse_transform(model.transform(X_holdout))
    measured = {
        "reach": extent.reach,
        "off_centre": extent.off_centre,
        "error": np.square(rest).sum() / np.square(X_holdout - X.mean(axis=0)).sum(),
    }
    if hasattr(model, "elbo_"):
        measured |= {"log_likelihood": model.score(X_holdout), "beta": model.beta_}
    return measured


def measure(build, laws, data, seed):
    """One fit: a row of numbers for each law."""
    split = train_test_split(*data, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = build(random_state=seed).fit(split[0])
    X, _, y, _ = split
    sampled = hasattr(model, "sample_posterior")
    codes = model.sample_posterior(X, random_state=0) if sampled else model.transform(X)
    common = of_model(model, codes, split)
    fitted = {law: fitted_law(law, model, X, y, codes) for law in laws}
    return {law: common | of_draws(fitted[law], model, codes, split) for law in laws}


def medians(build, laws, data, options):
    """The numbers of each law, medians over seeds."""
    jobs = (delayed(measure)(build, laws, data, seed) for seed in range(options.seeds))
    runs = Parallel(options.jobs)(jobs)
    return {
        law: {key: np.median([run[law][key] for run in runs]) for key in runs[0][law]}
        for law in laws
    }


def line(label, numbers):
    """One line of a table."""
    cells = [f"{numbers[key]:.3f}" if key in numbers else "" for key in COLUMNS]
    print(f"  {label:<30}" + "".join(f"{cell:>9}" for cell in cells), flush=True)


def header(title):
    """Title and columns of a table."""
    print(f"\n{title}\n" + " " * 32 + "".join(f"{column:>9}" for column in COLUMNS.values()))


def laws_table(name, n_components, data, options):
    """Both models with every law; what is met of what was to be reached."""
    header(f"{name}, {n_components} components: every latent law")
    plain = partial(AutoencoderTransformer, n_components)
    variational = partial(VariationalAutoencoderTransformer, n_components)
    of_plain = medians(plain, LAWS, data, options)
    of_variational = medians(variational, ["standard_normal", "posterior"], data, options)
    for model, rows in (("plain", of_plain), ("variational", of_variational)):
        for law, numbers in rows.items():
            line(f"{model}, {law}", numbers)
    verdict(of_plain, of_variational["standard_normal"])


def verdict(plain, own):
    """Print which marks the variational model meets under N(0, I)."""
    best = min(numbers["gap"] for law, numbers in plain.items() if law != "standard_normal")
    share = own["imbalance"] / plain["standard_normal"]["imbalance"]
    ratio = own["error"] / plain["standard_normal"]["error"]
    marks = {
        "gap <= 0.05": own["gap"] <= 0.05,
        "reach in [0.9, 1.1]": 0.9 <= own["reach"] <= 1.1,
        "off-centre <= 0.05": own["off_centre"] <= 0.05,
        "TV <= 0.08": own["imbalance"] <= 0.08,
        f"TV <= a third of plain ({share:.2f})": share <= 1 / 3,
        f"error <= 1.1 of plain ({ratio:.2f})": ratio <= 1.1,
        "precision >= 0.95 of ceiling": own["precision"] >= 0.95,
        "coverage >= 0.95 of ceiling": own["coverage"] >= 0.95,
        f"plain's best law within 0.05 ({best - own['gap']:+.3f})": best <= own["gap"] + 0.05,
    }
    for mark, is_met in marks.items():
        print(f"    {'met    ' if is_met else 'NOT MET'}  {mark}")


def curve(name, n_components, data, options):
    """The variational model over beta, and over the noise on its input."""
    header(f"{name}, {n_components} components: over beta, and over noise at beta='auto'")
    settings = [{"beta": beta} for beta in BETAS] + [{"noise": noise} for noise in NOISES[1:]]
    for setting in settings:
        build = partial(VariationalAutoencoderTransformer, n_components, **setting)
        ((key, value),) = setting.items()
        line(f"{key} {value}", medians(build, LAWS[:1], data, options)["standard_normal"])


def parsed_options():
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", help="file with X and y")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1, help="fits at the same time")
    parser.add_argument("--tables", nargs="+", default=["laws", "curve"], choices=["laws", "curve"])
    return parser.parse_args()


def main():
    """Print the tables."""
    options = parsed_options()
    X, y = load_digits(return_X_y=True)
    tasks = [("digits", n_components, (X / 16, y)) for n_components in (2, 16)]
    if options.mnist:
        mnist = np.load(options.mnist)
        tasks.append(("MNIST", 2, (mnist["X"].astype(np.float32) / 255, mnist["y"])))
    tables = {"laws": laws_table, "curve": curve}
    for task in tasks:
        for table in options.tables:
            tables[table](*task, options)


if __name__ == "__main__":
    main()
