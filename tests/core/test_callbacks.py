"""Mean losses; which weights are kept and when training ends, where the loss goes astray."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import linregress
from skorch.callbacks import PassthroughScoring
from skorch.history import History
from torch import nn

from skae._core.callbacks import BestWeights, MeanLoss, Stopping, sure_fall


def run(callback, losses):
    """A net that had these losses; its one weight counts the epochs."""
    net = SimpleNamespace(module_=nn.Linear(1, 1, bias=False), history=History(), verbose=0)
    net.backpropagation_ = SimpleNamespace(is_whole=True)
    callback.on_train_begin(net)
    for epoch, loss in enumerate(losses):
        nn.init.constant_(net.module_.weight, epoch)
        net.history.new_epoch()
        net.epoch = net.history[-1]
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
        ([2.0, 1.5, 1.0, 0.9, 0.8, 0.7, 3.1], 4),
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


@pytest.mark.parametrize(("fall", "ends"), [(0.05, False), (0.0, True)])
def test_noise_is_no_progress_once_steps_are_small(fall, ends):
    """Of noise of 0.1 the last of 11 epochs may lie far below the first."""
    losses = 1 - fall * np.arange(11) + 0.1 * np.array([2, 0, 1, -1, 0, 1, -1, 0, 1, 0, -1])
    callback = Stopping("valid_loss", 0.1, 10, SimpleNamespace(is_cold=True))
    callback.on_train_begin(None)
    epoch = {"train_batch_count": 1}
    net = SimpleNamespace(epoch=epoch, epoch_losses={"valid_loss": losses}.get)
    with pytest.raises(KeyboardInterrupt) if ends else nullcontext():
        callback.on_epoch_end(net)


@pytest.mark.parametrize("on_train", [True, False])
def test_mean_losses_are_those_of_skorch(on_train):
    prefix = "train" if on_train else "valid"
    arguments = f"{prefix}_loss", True, on_train
    histories = []
    for callback in (MeanLoss(*arguments), PassthroughScoring(*arguments)):
        history = History()
        callback.initialize()
        for losses in ([3.0, 1.0], [2.5, 0.5], [2.6, 1.5], [0.1, 0.2]):
            history.new_epoch()
            for part in ("train", "valid"):
                for size, loss in zip((5, 3), losses, strict=True):
                    history.new_batch()
                    history.record_batch(f"{part}_loss", loss if part == prefix else 7.0)
                    history.record_batch(f"{part}_batch_size", size)
            callback.on_epoch_end(SimpleNamespace(history=history, epoch=history[-1]))
        histories.append([{k: v for k, v in epoch.items() if k != "batches"} for epoch in history])
    assert [list(epoch) for epoch in histories[0]] == [list(epoch) for epoch in histories[1]]
    for ours, theirs in zip(*histories, strict=True):
        assert ours == pytest.approx(theirs)


def test_sure_fall_is_that_of_a_line_less_two_standard_errors():
    assert sure_fall([3.0, 2.5, 2.0, 1.5]) == pytest.approx(1.5)
    losses = 1 - 0.01 * np.arange(11) + 0.02 * np.random.RandomState(0).standard_normal(11)
    line = linregress(np.arange(11), losses)
    assert sure_fall(losses) == pytest.approx(-10 * (line.slope + 2 * line.stderr))
