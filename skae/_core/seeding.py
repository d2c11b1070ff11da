"""The only randomness: torch's generators forked and seeded, everything put back after."""

from contextlib import contextmanager

import torch

__all__ = ["seeded"]


@contextmanager
def seeded(seed, device):
    """Run the body with torch seeded, autograd on, and leave all of it as found.

    Parameters
    ----------
    seed : int
        Seed of torch's generators inside the body.
    device : torch.device
        A CUDA device has its generator forked and seeded beside the CPU's.
    """
    gpus = [device] if device.type == "cuda" else []
    with (
        torch.random.fork_rng(devices=gpus),
        torch.inference_mode(False),
        torch.enable_grad(),
    ):
        torch.default_generator.manual_seed(seed)
        if gpus:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
