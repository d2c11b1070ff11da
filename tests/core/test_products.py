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
    monkeypatch.setattr(products, "takes_mkl", lambda a, b: False)
    monkeypatch.setattr(products, "takes_openblas", lambda a, is_large: by == "openblas")
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
        turned = torch.empty(m, 30, dtype=dtype).mT
        product(a, b, turned)()
        torch.testing.assert_close(turned, a @ b)
        out.copy_(plus)
        product(a, b, out, out)()
        torch.testing.assert_close(out, a @ b + plus)
    assert wide[:, m:].isnan().all()


@pytest.fixture
def registers(monkeypatch):
    """Widest ones of the processor, to be replaced."""
    names = ["AVX512"]
    monkeypatch.setattr(products, "widest_registers", lambda: names[-1])
    return names


@pytest.fixture
def chosen(monkeypatch, registers):
    """Names of the libraries that products went to, but for torch's own way."""
    names = []
    for name in ("by_onednn", "by_openblas"):
        monkeypatch.setattr(products, name, lambda *args, name=name: names.append(name))
    return names


class Libraries(list):
    """OpenBLAS, as threadpoolctl finds it; several of it, or none."""

    def info(self):
        return [{"architecture": name} for name in self]


def multiply(n_rows, dtype=torch.float32, transposed=False):
    a, b, plus = operands(n_rows, 256, 128, transposed, dtype)
    product(a, b, torch.empty(n_rows, 128, dtype=dtype), plus)


SMALL, LARGE = 127, 128  # rows, around 2**22 multiplications


@pytest.mark.parametrize("transposed", [True, False])
@pytest.mark.parametrize(
    ("kernels", "n_threads", "expected"),
    [
        ([], 1, [None, "by_onednn"]),
        (["Haswell"], 1, ["by_openblas", "by_onednn"]),
        (["SkylakeX", "Haswell"], 1, ["by_openblas", "by_onednn"]),
        (["SkylakeX"], 1, ["by_openblas", "by_openblas"]),
        (["SkylakeX"], 2, ["by_openblas", "by_onednn"]),
    ],
)
def test_library_of_a_product(kernels, n_threads, expected, transposed, chosen, monkeypatch):
    monkeypatch.setattr(products, "openblas", lambda: Libraries(kernels))
    monkeypatch.setattr(torch, "get_num_threads", lambda: n_threads)
    for n_rows in (SMALL, LARGE):
        multiply(n_rows, transposed=transposed)
    assert chosen == [name for name in expected if name]


@pytest.mark.parametrize("plus", [None, torch.zeros(15)])
def test_products_where_registers_are_shorter(chosen, registers, plus, monkeypatch):
    """MKL is the quickest for all that are wide, of float32 and single; large ones on threads."""
    registers.append("AVX2")
    monkeypatch.setattr(products, "openblas", lambda: Libraries(["Haswell"]))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    multiply(SMALL)
    multiply(LARGE)
    assert not chosen
    a, b, _ = operands(30, 20, products.WIDE - 1, False, torch.float32)
    out = torch.empty(30, products.WIDE - 1)
    product(a, b, out, plus)
    multiply(SMALL, torch.float64)
    a, b, _ = operands(30, 20, products.WIDE, False, torch.float32)
    product(*(t.expand(2, *t.shape) for t in (a, b, torch.empty(30, products.WIDE))))
    assert chosen == ["by_openblas"] * 3
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    multiply(SMALL)
    assert len(chosen) == 4


@pytest.mark.parametrize(
    ("kernels", "n_threads", "expected"),
    [
        (["Zen"], 1, ["by_openblas"]),
        (["Zen", "Haswell"], 1, ["by_openblas"]),
        (["Zen", "Prescott"], 1, []),
        (["Zen"], 2, []),
        ([], 1, []),
    ],
)
def test_large_products_where_registers_are_shorter(
    kernels, n_threads, expected, chosen, registers, monkeypatch
):
    registers.append("AVX2")
    monkeypatch.setattr(products, "openblas", lambda: Libraries(kernels))
    monkeypatch.setattr(torch, "get_num_threads", lambda: n_threads)
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: True)
    multiply(SMALL)
    multiply(LARGE)
    assert chosen == expected


def test_products_left_to_torch(chosen, monkeypatch):
    monkeypatch.setattr(products, "openblas", lambda: Libraries(["Haswell"]))
    multiply(LARGE, torch.float64)
    a, b, plus = operands(30, THIN, 40, False, torch.float64)
    out = torch.empty(30, 40, dtype=torch.float64)
    product(a, b, out, plus)  # it adds on the way
    product(a.half(), b.half(), out.half())
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    multiply(LARGE)
    assert not chosen
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
