"""Products into given memory, by every library, against torch's operator."""

import pytest
import torch
from threadpoolctl import ThreadpoolController, threadpool_limits

from skae._core import products
from skae._core.products import THIN, product
from skae._core.seeding import openblas, seeded


def operands(n, k, m, transposed, dtype):
    """Factors, the left one stored row by row or column by column, and what is added."""
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(s, generator=generator, dtype=dtype) for s in ((n, k), (k, m)))
    plus = torch.randn(n, m, generator=generator, dtype=dtype)
    return (a.t().contiguous().t() if transposed else a), b, plus


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("by", ["onednn", "openblas", "torch"])
@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize("k", [1, THIN, 20])
@pytest.mark.parametrize("m", [1, 2, 40])
def test_products(m, k, transposed, by, dtype, monkeypatch):
    monkeypatch.setattr(products, "LARGE", 0 if by == "onednn" else 10**9)
    monkeypatch.setattr(products, "takes_openblas", lambda a: by == "openblas")
    a, b, plus = operands(30, k, m, transposed, dtype)
    # A part of a wider tensor, as the linear path's output is.
    wide = torch.full((30, m + 5), torch.nan, dtype=dtype)
    for out in (torch.empty(30, m, dtype=dtype), wide[:, :m]):
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


@pytest.fixture
def chosen(monkeypatch):
    """Names of the libraries that products went to."""
    names = []
    for name in ("by_onednn", "by_openblas"):
        monkeypatch.setattr(products, name, lambda *args, name=name: names.append(name))
    monkeypatch.setattr(products, "openblas", lambda: [object()])
    return names


@pytest.mark.parametrize("transposed", [True, False])
def test_large_products_of_single_precision_are_onednn_s(transposed, chosen, monkeypatch):
    def multiply(n, dtype=torch.float32):
        a, b, plus = operands(n, 256, 128, transposed, dtype)
        product(a, b, torch.empty(n, 128, dtype=dtype), plus)

    for n in (128, 127):  # below 2**22 multiplications
        multiply(n)
    assert chosen == ["by_onednn", "by_openblas"]
    multiply(128, torch.float64)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    multiply(128)
    assert len(chosen) == 2


def test_products_go_to_numpy_where_it_has_openblas(chosen, monkeypatch):
    a, b, plus = operands(30, 20, 40, False, torch.float64)
    out = torch.empty(30, 40, dtype=torch.float64)
    product(a, b, out)
    product(a[:, :THIN], b[:THIN], out, plus)  # MKL adds on the way
    assert chosen == ["by_openblas"]
    product(a.half(), b.half(), out.half())
    monkeypatch.setattr(products, "openblas", list)
    product(a, b, out)
    assert chosen == ["by_openblas"]


def test_openblas_has_one_thread_in_training():
    """What it computes would depend on their number; small products are slower with two."""
    n_threads = ThreadpoolController().select(internal_api="openblas").info
    with threadpool_limits(2, user_api="blas"):
        before = n_threads()
        with seeded(0, torch.device("cpu")):
            assert {library["num_threads"] for library in openblas().info()} <= {1}
        with pytest.raises(RuntimeError), seeded(0, torch.device("cpu")):
            raise RuntimeError
        assert n_threads() == before
