"""Same seed, same bits: torch's generators and threads, set for a while and put back."""

import threading
import warnings
from contextlib import contextmanager, nullcontext
from functools import cache

import torch
from threadpoolctl import ThreadpoolController

__all__ = ["limited_threads", "no_autocast", "openblas", "seeded", "thread_pools", "work"]

# torch's generators and its number of threads belong to the process, not to a thread.
_TRAINING = threading.RLock()

# Multiplications in one step below which a second thread costs more than it brings.
THREADING_PAYS = 1e8


@contextmanager
def seeded(seed, device):
    """Run the body with torch seeded, autograd on, autocast off, and leave all as found.

    One thread of Python at a time: the seeds of another would get between. Warning
    filters are put back too, since torch imports libraries late that add some. OpenBLAS has one
    thread: small products take longer with more, and have other bits.

    Parameters
    ----------
    seed : int
        Seed of torch's generators inside the body.
    device : torch.device
        A CUDA device has its generator forked and seeded beside the CPU's.
    """
    gpus = [device] if device.type == "cuda" else []
    with (
        _TRAINING,
        warnings.catch_warnings(),
        torch.random.fork_rng(devices=gpus),
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast(device.type, enabled=False),
        openblas().limit(limits=1),
    ):
        torch.default_generator.manual_seed(seed)
        if gpus:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


@cache
def thread_pools():
    """Of the libraries loaded, which take a while to find."""
    return ThreadpoolController()


@cache
def openblas():
    """Those of OpenBLAS, of which NumPy mostly has one."""
    return thread_pools().select(internal_api="openblas")


def no_autocast(device):
    """Context without autocast, which takes its time even where there is none."""
    if torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def work(module, n_rows):
    """Multiplications of rows with the parameters of the module."""
    return n_rows * sum(p.numel() for p in module.parameters())


@contextmanager
def limited_threads(n_multiplications):
    """One torch thread for so little work that a second does not pay, else as many as before.

    Besides time it saves bits: what one thread computes does not depend on how many
    there are, as in the workers of joblib.
    """
    before = torch.get_num_threads()
    if n_multiplications < THREADING_PAYS and before > 1:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)
