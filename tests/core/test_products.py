"""Products into given memory, by either library, against torch's operator."""

import pytest
import torch

from skae._core import products
from skae._core.products import NARROW, NARROWEST, product


def operands(n, k, m, transposed, dtype):
    """Factors, the left one stored row by row or column by column, and what is added."""
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(s, generator=generator, dtype=dtype) for s in ((n, k), (k, m)))
    plus = torch.randn(n, m, generator=generator, dtype=dtype)
    return (a.t().contiguous().t() if transposed else a), b, plus


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("by_onednn", [True, False])
@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("worth_copying", [0, 10**9])
@pytest.mark.parametrize("m", [1, 2, NARROWEST + 1, NARROW - 1, NARROW, 40])
def test_products(m, worth_copying, transposed, by_onednn, dtype, monkeypatch):
    limit = 0 if by_onednn else 10**9
    monkeypatch.setattr(products, "LARGE", limit)
    monkeypatch.setattr(products, "LARGE_UNORDERED", limit)
    monkeypatch.setattr(products, "WORTH_COPYING", worth_copying)
    a, b, plus = operands(30, 20, m, transposed, dtype)
    # A part of a wider tensor, as the linear path's output is.
    wide = torch.full((30, m + 5), torch.nan, dtype=dtype)
    for out in (torch.empty(30, m, dtype=dtype), wide[:, :m], torch.empty(m, 30, dtype=dtype).t()):
        call = product(a, b, out)
        for _ in range(2):
            call()
            torch.testing.assert_close(out, a @ b)
            b *= -1.5
        product(a, b, out, plus[0])()
        torch.testing.assert_close(out, a @ b + plus[0])
        out.copy_(plus)
        product(a, b, out, out)()
        torch.testing.assert_close(out, a @ b + plus)
    assert wide[:, m:].isnan().all()


def test_large_products_of_single_precision_are_onednn_s(monkeypatch):
    calls = []
    monkeypatch.setattr(products, "by_onednn", lambda *args: calls.append(args))
    a, b, _ = operands(128, 128, 64, False, torch.float32)
    for size, n_calls in ((128, 1), (127, 1)):  # below 2**20 multiplications
        product(a[:size], b, torch.empty(size, 64))
        assert len(calls) == n_calls
    product(a.t(), b, torch.empty(128, 64))  # to be brought into order first
    product(a.double(), b.double(), torch.empty(128, 64, dtype=torch.float64))
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    product(a, b, torch.empty(128, 64))
    assert len(calls) == 1
