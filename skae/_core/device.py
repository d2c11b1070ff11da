"""Where to compute."""

import torch

__all__ = ["check_device"]


def check_device(device):
    """The torch device, 'auto' being a CUDA GPU where there is one."""
    name = device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        checked = torch.device(name)
        torch.empty(1, device=checked).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            "device must be 'auto' or a device that torch can use here, such as 'cpu'. "
            f"Got {device!r} instead: {reason}"
        ) from None
    return checked
