# SPDX-License-Identifier: Apache-2.0
"""What PyTorch's machinery makes of the operators: opcheck, autograd, torch.compile, export, modes."""

from __future__ import annotations

from typing import Any, ClassVar

import ditune.torch
import pytest
import torch
from ditune.errors import DituneError
from tensors import BF16, K, M, N, draw, weights
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

torch.manual_seed(0)
W, SW = weights()


def samples() -> list[tuple[Any, tuple[Any, ...]]]:
    """Operators with arguments of all sorts: tensors first, as the schemas have them."""
    ops: Any = torch.ops.ditune
    x, y, k = draw(2, 3, K), draw(2, 3, K), draw(K)
    none, plain = (None,) * 7, ("none", False, 1e-6, True, None, "none", 1)
    q, scale = ditune.torch.quantize_s8(x)
    angles, headless = draw(3, 16, dtype=torch.float32), (0, "none")
    quantize = [
        (x, *none, *(None,) * 5, *plain, torch.int8, *headless),
        (x[0], *none, *(None,) * 5, *plain[:-1], 16, torch.int8, *headless),
        (
            x,
            y,
            draw(2, K),
            k,
            k,
            None,
            draw(2, K),
            None,
            None,
            None,
            k,
            None,
            None,
            "rms",
            True,
            1e-5,
            True,
            None,
            "silu",
            64,
            torch.int8,
            *headless,
        ),
        (x, *none, None, y, None, None, None, *plain[:-2], "gelu_tanh", 1, torch.int8, *headless),
        (x, *none, None, None, None, torch.tensor([0.1]), None, *plain, torch.int8, *headless),
        (x, y, *(None,) * 11, *plain, BF16, *headless),
        (x, *(None,) * 11, angles, "rms_head", *plain[1:], torch.int8, 16, "half"),
    ]
    none3, bias = (None,) * 3, draw(N)
    gemm = [
        (q, W, scale, SW, None, *none3, "none", 0, None, BF16),
        (q, W, scale, SW, bias, draw(2, 3, N), draw(2, N), None, "gelu_erf", 8, 3, torch.float32),
        (q, W, scale, SW, bias, *none3, "swiglu", 0, None, BF16),
        (q, W, None, None, None, *none3, "none", 0, None, torch.int32),
    ]
    linear = [
        (x, W, SW, None, *(None,) * 11, *plain, "none", 0, None, None),
        (
            x,
            W,
            SW,
            bias,
            k,
            k,
            k,
            k,
            None,
            None,
            k,
            None,
            draw(2, 3, N),
            draw(N),
            None,
            "layer",
            *plain[1:-1],
            16,
            "silu",
            0,
            None,
            BF16,
        ),
    ]
    out = [(*sample[:8], draw(2, 3, N), *sample[8:]) for sample in gemm[:1]]
    turn = [(draw(2, 3, 3 * K)[..., K:], draw(2 * K), angles, "rms_head", 16, "pairs", 1e-5)]
    named = (
        (ops.quantize_s8, quantize),
        (ops.gemm_s8, gemm),
        (ops.linear, linear),
        (ops.gemm_s8_out, out),
        (ops.norm_rope_, turn),
    )
    return [(op.default, sample) for op, its in named for sample in its]


@pytest.mark.parametrize("number", range(15))
def test_opcheck(number: int) -> None:
    op, arguments = samples()[number]
    torch.library.opcheck(op, arguments)
    if op is torch.ops.ditune.linear.default:
        needing = (arguments[0].clone().requires_grad_(), *arguments[1:])
        torch.library.opcheck(op, needing, test_utils=("test_schema", "test_autograd_registration", "test_faketensor"))


def test_opcheck_takes_every_sample() -> None:
    assert len(samples()) == 15


def test_backward_raises() -> None:
    x, (w, sw) = draw(M, K).requires_grad_(), weights()
    made = ditune.torch.linear(x, w, sw)
    assert made.requires_grad
    with pytest.raises(DituneError, match=r"linear has no backward: ditune is for inference \(call it"):
        made.float().sum().backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        assert not ditune.torch.linear(x, w, sw).requires_grad


def test_what_needs_a_gradient_is_not_written_to_out() -> None:
    """Nothing behind `out` would tell that the gradient is lost."""
    (q, scale), (w, sw), bias = ditune.torch.quantize_s8(draw(M, K)), weights(), draw(N).requires_grad_()
    out = draw(M, N)
    before = out.clone()
    with pytest.raises(DituneError, match="gemm_s8_out has no backward"):
        ditune.torch.gemm_s8(q, w, scale, sw, bias, out=out)
    assert torch.equal(out, before)
    with torch.no_grad():
        assert ditune.torch.gemm_s8(q, w, scale, sw, bias, out=out) is out
    assert not torch.equal(out, before)


@pytest.mark.parametrize("name", ["quantize_s8", "gemm_s8", "gemm_s8_out", "linear"])
def test_forward_mode_raises(name: str) -> None:
    """Rather than that tangents are zero."""
    x, (w, sw), (q, scale) = draw(M, K), weights(), ditune.torch.quantize_s8(draw(M, K))

    def call(t: Tensor) -> Any:
        return {  # type: ignore[no-untyped-call]
            "quantize_s8": lambda: ditune.torch.quantize_s8(x * t),
            "gemm_s8": lambda: ditune.torch.gemm_s8(q, w, scale * t, sw),
            "gemm_s8_out": lambda: ditune.torch.gemm_s8(q, w, scale * t, sw, out=draw(M, N)),
            "linear": lambda: ditune.torch.linear(x * t, w, sw),
        }[name]()

    one = torch.ones(())
    with torch.no_grad(), torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(one, one)  # type: ignore[no-untyped-call]
        with pytest.raises(DituneError, match=rf"{name} has no derivative: ditune is for inference \(detach"):
            call(dual)
        call(one)
    with pytest.raises(DituneError, match=f"{name} has no derivative"):
        torch.func.jvp(call, (one,), (one,))


class Layers(torch.nn.Module):
    def forward(self, x: Tensor, w: Tensor, sw: Tensor, residual: Tensor) -> Tensor:
        q, scale = ditune.torch.quantize_s8(x, norm="rms", rotate=16)
        y = ditune.torch.gemm_s8(q, w, scale, sw, op="silu")
        residual = residual.clone()
        ditune.torch.gemm_s8(q, w, scale, sw, residual=residual, out=residual)
        normed, _ = ditune.torch.quantize_s8(x, norm="rms", out_dtype=BF16)
        ditune.torch.norm_rope_(normed[..., 16:], head=16)
        return y + ditune.torch.linear(normed, w, sw, residual=residual) + 1


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_compile_has_no_graph_breaks(backend: str, dynamic: bool) -> None:
    torch._dynamo.reset()
    compiled = torch.compile(Layers(), fullgraph=True, backend=backend, dynamic=dynamic)
    for rows in (M, M + 3):
        given = (draw(2, rows, K), *weights(), draw(2, rows, N))
        with torch.no_grad():
            torch.testing.assert_close(compiled(*given), Layers()(*given), rtol=0.02, atol=0.02)


def test_export_and_fake_tensors() -> None:
    given = (draw(2, M, K), *weights(), draw(2, M, N))
    program = torch.export.export(Layers(), given)
    assert torch.equal(program.module()(*given), Layers()(*given))


class Seen(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A mode as many tools have one."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.functions: list[Any] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.functions.append(function)
        return function(*args, **(kwargs or {}))


class Logged(Tensor):
    """A subclass, as those of quantized or distributed tensors are."""

    functions: ClassVar[list[Any]] = []

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        Logged.functions.append(function)
        return super().__torch_function__(function, types, args, kwargs)  # type: ignore[no-untyped-call]


def test_the_dispatcher_is_left_out_where_nobody_looks() -> None:
    x, (w, sw) = draw(M, K), weights()
    with torch.profiler.profile() as profile:
        ditune.torch.linear(x, w, sw)
    assert "ditune::linear" in [event.key for event in profile.key_averages()]
    with Seen() as seen:
        ditune.torch.linear(x, w, sw)
    assert seen.functions == [torch.ops.ditune.linear.default]
    with torch._subclasses.FakeTensorMode() as mode:
        fake = mode.from_tensor(w)
    logged = w.as_subclass(Logged)
    for given in ((x.as_subclass(Logged), w, sw), (x, logged, sw), (x, w, sw.as_subclass(Logged))):
        Logged.functions.clear()
        ditune.torch.linear(*given)
        assert torch.ops.ditune.linear.default in Logged.functions
    with pytest.raises(Exception, match="FakeTensor"):
        ditune.torch.linear(x, fake, sw)
    with torch._subclasses.FakeTensorMode() as mode:
        made = ditune.torch.linear(*map(mode.from_tensor, (x, w, sw)))
    assert isinstance(made, torch._subclasses.FakeTensor) and made.shape == (M, N)
    assert ditune.torch.linear(*(each.to("meta") for each in (x, w, sw))).is_meta
