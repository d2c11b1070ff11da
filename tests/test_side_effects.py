"""Same seed, same bits; and the world is left as it was found."""

import logging
import pickle
import random
import subprocess
import sys
import threading
import warnings
from functools import partial

import joblib
import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from sklearn.base import clone

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def quick(quick):
    """With the trial, which must leave no trace either."""
    return partial(quick, alpha="auto")


def world():
    """Everything global that training could disturb."""
    return {
        "numpy": pickle.dumps(np.random.get_state()),
        "python": random.getstate(),
        "torch": torch.get_rng_state().tolist(),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "grad": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "filters": list(warnings.filters),
        "errors": np.geterr(),
        "loggers": {
            name: (logger.level, list(logger.handlers))
            for name, logger in logging.Logger.manager.loggerDict.items()
            if isinstance(logger, logging.Logger)
        },
    }


@pytest.mark.parametrize("seed", [None, 0])
def test_the_world_is_left_as_found(seed, digits, quick):
    quick().fit(digits).sample()  # imports and lazy set-up of the libraries below
    torch.set_num_threads(2)
    before = world()
    est = quick(random_state=seed, early_stopping=True, noise=0.1, latent_penalty="mmd")
    est.fit(digits)
    est.set_params(early_stopping=False).partial_fit(digits)
    est.inverse_transform(est.transform(digits))
    est.score(digits)
    est.sample(5)
    est.sample(5, random_state=0)
    assert world() == before


@pytest.mark.parametrize("sampler", ["gmm", "normal", "kde", "box", "standard_normal"])
def test_samplers_leave_the_world_as_found(sampler, digits, quick):
    est = quick(latent_sampler=sampler, random_state=None).fit(digits)
    est.sample()
    before = world()
    assert not np.array_equal(est.sample(3), est.sample(3))
    assert world() == before


def test_the_world_is_left_as_found_by_errors(digits, quick):
    est = quick().fit(digits)
    before = world()
    with pytest.raises(ValueError, match="loss became"):
        quick(learning_rate_init=1e300).fit(digits)
    with pytest.raises(ValueError, match="features"):
        est.transform(digits[:, :3])
    with pytest.raises(ValueError, match="n_samples"):
        est.sample(0)
    assert world() == before


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_fit_does_not_depend_on_the_grad_mode(context, digits, quick):
    expected = quick().fit(digits).transform(digits)
    with context():
        est = quick().fit(digits)
        np.testing.assert_array_equal(est.transform(digits), expected)
    est.partial_fit(digits)


def test_first_fit_of_a_process_leaves_warning_filters():
    """torch imports parts of itself late, and they add filters."""
    script = (
        "import warnings, numpy as np\n"
        "from skae import AutoencoderTransformer\n"
        "before = list(warnings.filters)\n"
        "AutoencoderTransformer(hidden_layer_sizes=()).fit(np.eye(5)).sample()\n"
        "assert warnings.filters == before, warnings.filters\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_default_dtype_does_not_matter(digits, quick):
    expected = quick().fit(digits).transform(digits)
    torch.set_default_dtype(torch.float64)
    try:
        codes = quick().fit(digits).transform(digits)
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(codes, expected)


def test_autocast_does_not_matter(digits, quick):
    X = digits.astype(np.float32)
    expected = quick().fit(X).transform(X)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        np.testing.assert_array_equal(quick().fit(X).transform(X), expected)


def test_fits_in_threads_do_not_mix_their_seeds(digits, quick):
    expected = quick().fit(digits).transform(digits)
    before = world()
    models = [quick() for _ in range(4)]
    threads = [threading.Thread(target=model.fit, args=(digits,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for model in models:
        np.testing.assert_array_equal(model.transform(digits), expected)
    assert world() == before


def test_global_seeds_do_not_matter(digits, quick):
    codes = []
    for seed in (0, 1):
        np.random.seed(seed)
        torch.manual_seed(seed)
        codes.append(quick(noise=0.1).fit(digits).transform(digits))
    np.testing.assert_array_equal(*codes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"early_stopping": True, "latent_sampler": "normal"},
        {"noise": 0.1, "latent_sampler": "kde"},
        {"latent_penalty": "mmd", "latent_sampler": "box"},
    ],
    ids=str,
)
def test_same_seed_same_bits(dtype, params, digits, quick):
    X = digits.astype(dtype)
    est = quick(**params)
    Z = est.fit(X).transform(X)
    rows = est.sample(4, random_state=1)
    twins = [
        est.fit(X),
        clone(est).fit(X),
        pickle.loads(pickle.dumps(est)),
        pickle.loads(pickle.dumps(clone(est))).fit(X),
    ]
    for twin in twins:
        np.testing.assert_array_equal(twin.transform(X), Z)
        np.testing.assert_array_equal(twin.sample(4, random_state=1), rows)
    other = quick(random_state=1, **params).fit(X).transform(X)
    assert not np.array_equal(other, Z)


def fit_transform(est, X):
    return est.fit_transform(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(300, 64), (500, 300), (3000, 300)])
def test_workers_compute_the_same_bits(dtype, shape, quick):
    """Workers of joblib have one thread, this process two; wide data are where it shows."""
    torch.set_num_threads(2)
    X = np.random.RandomState(0).standard_normal(shape).astype(dtype)
    est = quick(hidden_layer_sizes=(128, 64), max_iter=2, noise=0.1)
    Z = est.fit_transform(X)
    for codes in Parallel(n_jobs=2)(delayed(fit_transform)(est, X) for _ in range(2)):
        np.testing.assert_array_equal(codes, Z)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_thread_count_does_not_matter_for_small_steps(n_threads, digits, quick):
    before = torch.get_num_threads()
    torch.set_num_threads(3 - n_threads)
    est = quick(noise=0.1)
    Z = est.fit(digits).transform(digits)
    torch.set_num_threads(n_threads)
    np.testing.assert_array_equal(est.fit(digits).transform(digits), Z)
    torch.set_num_threads(before)


def test_joblib_round_trip(digits, quick, tmp_path):
    est = quick().fit(digits)
    joblib.dump(est, tmp_path / "est.joblib")
    loaded = joblib.load(tmp_path / "est.joblib")
    np.testing.assert_array_equal(loaded.transform(digits), est.transform(digits))
    np.testing.assert_array_equal(loaded.score_samples(digits), est.score_samples(digits))
    assert loaded.loss_curve_ == est.loss_curve_


def test_random_state_instance_moves_on(digits, quick):
    rng = np.random.RandomState(0)
    first, second = (quick(random_state=rng).fit(digits).transform(digits) for _ in range(2))
    assert not np.array_equal(first, second)
    first_again = quick(random_state=np.random.RandomState(0)).fit(digits).transform(digits)
    np.testing.assert_array_equal(first_again, first)
