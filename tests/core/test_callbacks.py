"""Which weights are kept and when training ends, where the loss goes astray."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skorch.history import History
from torch import nn

from skae._core.net import BestWeights, Stopping


def run(callback, losses):
    """A net that had these losses; its one weight counts the epochs."""
    net = SimpleNamespace(module_=nn.Linear(1, 1, bias=False), history=History(), verbose=0)
    net.backpropagation_ = SimpleNamespace(is_whole=True)
    callback.on_train_begin(net)
    for epoch, loss in enumerate(losses):
        nn.init.constant_(net.module_.weight, epoch)
        net.history.new_epoch()
        for name, value in {"epoch": epoch, "objective": loss, "train_batch_count": 1}.items():
            net.history.record(name, value)
        callback.on_epoch_end(net)
    return net


@pytest.mark.parametrize(
    ("losses", "kept"),
    [
        ([2.0, 1.5, 1.0, 1.2], 2),
        ([2.0, 1.5, 1.0, 2.9], 2),  # no more above the first than a mean costs
        ([2.0, 1.5, 1.0, 3.1, 1.2], 4),
        ([2.0, 1.5, 1.0, 3.1, 1.2, 0.9], 5),
        ([2.0, 1.5, 1.0, 3.1, 9.0, 4.0], 1),
    ],
)
def test_weights_that_went_astray_are_not_kept(losses, kept):
    callback = BestWeights("objective")
    net = run(callback, losses)
    callback.on_train_end(net)
    assert torch.equal(net.module_.weight, torch.tensor([[float(kept)]]))


@pytest.mark.parametrize(("loss", "finishes"), [(1.0, True), (2.5, True), (9.0, False)])
def test_epochs_that_went_astray_are_no_plateau(loss, finishes):
    finished = []
    state = {"is_cold": False, "is_warming_up": False, "progress_": 0.5}
    schedule = SimpleNamespace(**state, finish_within=finished.append)
    run(Stopping("objective", 1e-3, 3, schedule), [2.0, 1.5, 1.0, *[loss] * 5])
    assert bool(finished) == finishes
    assert np.isfinite(finished).all()
