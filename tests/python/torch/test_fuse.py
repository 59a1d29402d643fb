# SPDX-License-Identifier: Apache-2.0
"""Which blocks and models are fused, and which are left."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from diffusers.models.normalization import RMSNorm
from ditune.errors import UsageError
from ditune.torch import fuse_, quantize_
from ditune.torch.fuse import Block, FusedLinear, Site, fuses
from ditune.torch.fuse.block import AttentionView
from ditune.torch.fuse.sources import source_hash
from fuse_models import blocks_of, ideogram4, ideogram4_inputs, output, randomize, relative
from torch import Tensor, nn

pytestmark = pytest.mark.usefixtures("inference")

WIDTH = 128


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, 2, WIDTH // 2)).permute(2, 0, 3, 1, 4)
        made: Tensor = self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return made


class OwnBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.modulation = nn.Linear(32, 6 * WIDTH)
        self.norm1 = nn.LayerNorm(WIDTH, elementwise_affine=False)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.attn = Attention()
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 256), nn.GELU(), nn.Linear(256, WIDTH))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition)[:, None].chunk(6, -1)
        x = x + gate1 * self.attn(self.norm1(x) * (1 + scale1) + shift1)
        made: Tensor = x + gate2 * self.mlp(self.norm2(x) * (1 + scale2) + shift2)
        return made


@fuses(OwnBlock)
class FusedOwnBlock(Block):
    sites = (
        Site("joined", ("attn.qkv",)),
        Site("o", ("attn.proj",), behind=True),
        Site("up", ("mlp.0",), op="gelu_erf"),
        Site("down", ("mlp.2",)),
    )
    attentions = ("attn",)
    norms = ("norm1", "norm2")

    def fused(self, x: Tensor, condition: Tensor) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition)[:, None].chunk(6, -1)
        joined = self.joined(x, norm=self.norm1, scale=scale1, shift=shift1)
        x = self.o(self.attend("attn", joined), residual=x, gate=gate1)
        up = self.up(x, norm=self.norm2, scale=scale2, shift=shift2)
        made: Tensor = self.down(up, residual=x, gate=gate2)
        return made


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([OwnBlock(), OwnBlock()])

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, condition)
        return x


def test_own_model() -> None:
    model, inputs = randomize(Own()), (torch.randn(2, 40, WIDTH), torch.randn(2, 32))
    quantized = quantize_(copy.deepcopy(model))
    made = fuse_(copy.deepcopy(quantized))
    assert len(blocks_of(made)) == 2 and isinstance(made.blocks[0], OwnBlock)  # type: ignore[index]
    wanted = model(*inputs)
    assert relative(made(*inputs), wanted) <= 1.05 * relative(quantized(*inputs), wanted) < 0.03


class AttentionOfMethods(Attention):
    def forward(self, x: Tensor) -> Tensor:
        return self.behind(self.before(x))

    def before(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, 2, WIDTH // 2)).permute(2, 0, 3, 1, 4)
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)

    def behind(self, x: Tensor) -> Tensor:
        made: Tensor = self.proj(x)
        return made


def test_methods_of_attention_see_no_projections_either() -> None:
    model, inputs = randomize(Own()), (torch.randn(2, 40, WIDTH), torch.randn(2, 32))
    for block in model.blocks:  # type: ignore[union-attr]
        attention = AttentionOfMethods()
        attention.load_state_dict(block.attn.state_dict())
        block.attn = attention
    quantized = quantize_(copy.deepcopy(model))
    made = fuse_(copy.deepcopy(quantized))
    assert len(blocks_of(made)) == 2 and relative(made(*inputs), quantized(*inputs)) < 0.01
    block = blocks_of(made)[0]
    compiled: Any = torch.compile(block, backend="eager", fullgraph=True)
    assert torch.equal(compiled(*inputs), block(*inputs))


def test_what_attention_keeps_is_its_own() -> None:
    attention = Attention()
    AttentionView(attention).register_buffer("last", torch.ones(1))
    assert torch.equal(attention.get_buffer("last"), torch.ones(1))


def test_unknown_models_are_left(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        model = nn.Sequential(nn.Linear(64, 64))
        assert fuse_(model) is model and type(model[0]) is nn.Linear
    assert caplog.messages == ["fuse_: Sequential has no block that is known and is left as it is (use quantize_)"]


def test_blocks_that_changed_are_left(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FusedOwnBlock, "sources", ("0123456789ab",))
    model = fuse_(Own())
    assert not blocks_of(model) and type(model.blocks[0].attn.proj) is nn.Linear  # type: ignore[union-attr]
    assert len(caplog.messages) == 2 and "the source of OwnBlock is not one that was tried" in caplog.messages[0]
    monkeypatch.setattr(FusedOwnBlock, "reads", ("gone",))
    assert not blocks_of(fuse_(Own()))


def test_hash_is_of_code_alone() -> None:
    def with_text() -> int:
        """Text."""
        # more
        return 1

    text = source_hash([with_text])

    def with_text() -> int:  # type: ignore[no-redef]
        return 1

    assert text == source_hash([with_text]) != ""

    def with_text() -> int:  # type: ignore[no-redef]
        return 2

    assert text != source_hash([with_text])
    assert source_hash([type("NoSource", (), {})]) == ""


def test_again_and_with_options(caplog: pytest.LogCaptureFixture) -> None:
    model = fuse_(Own(), rotate=64)
    assert blocks_of(model)[0].up.rotate == 64
    assert fuse_(model) is model and not caplog.messages
    for int8 in (quantize_(Own()), model, quantize_(nn.Sequential(nn.Linear(64, 64)))):
        with pytest.raises(UsageError, match=r"rotate are options of quantize_, which was called already"):
            fuse_(int8, rotate=64)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda block: setattr(block, "up", 1), "an attribute up already"),
        (lambda block: setattr(block, "norm1", nn.BatchNorm1d(WIDTH)), "BatchNorm1d is no norm"),
        (lambda block: setattr(block.attn, "proj", nn.Linear(WIDTH, WIDTH)), r"attn.proj is Linear, not Int8Linear"),
        (lambda block: delattr(block.attn, "proj"), r"no layer attn.proj"),
        (lambda block: setattr(block.attn, "fused_projections", True), "joined by diffusers"),
        (lambda block: block.attn.proj.register_forward_hook(print), "attn.proj has hooks"),
        (lambda block: block.register_forward_hook(print), "it has hooks"),
        (lambda block: block.norm2.register_forward_hook(print), "norm2 has hooks"),
        (lambda block: block.mlp.register_forward_pre_hook(print), "mlp has hooks"),
        (lambda block: setattr(block.mlp[1], "forward", lambda x: x), "mlp.1 has hooks"),
    ],
)
def test_blocks_that_do_not_fit_are_left(change: Any, why: str, caplog: pytest.LogCaptureFixture) -> None:
    model = quantize_(Own())
    change(model.blocks[0])
    fuse_(model)
    assert len(blocks_of(model)) == 1 and type(model.blocks[0]) is OwnBlock
    assert (
        len(caplog.messages) == 1 and "fuse_: left as they are, 1 (blocks.0, ...) of OwnBlock: " in caplog.messages[0]
    )
    assert why in caplog.messages[0]


class PlusOne(nn.RMSNorm):
    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, 1 + self.weight, self.eps)


class Times5(nn.LayerNorm):
    def forward(self, x: Tensor) -> Tensor:
        return 5 * super().forward(x)


PlusOne.__name__ = "RMSNorm"


@pytest.mark.parametrize("norm", [PlusOne(WIDTH), Times5(WIDTH), nn.LayerNorm((40, WIDTH)), nn.RMSNorm((40, WIDTH))])
def test_norms_that_compute_something_else_are_left(norm: nn.Module, caplog: pytest.LogCaptureFixture) -> None:
    model, inputs = quantize_(randomize(Own())), (torch.randn(2, 40, WIDTH), torch.randn(2, 32))
    model.blocks[0].norm2 = norm  # type: ignore[index, union-attr]
    fused = fuse_(copy.deepcopy(model))
    assert len(blocks_of(fused)) == 1 and len(caplog.messages) == 1
    assert relative(fused(*inputs), model(*inputs)) < 0.01
    with pytest.raises(UsageError, match=r"can be fused"):
        blocks_of(fused)[0].up(inputs[0], norm=norm)


@pytest.mark.parametrize("norm", [nn.LayerNorm(WIDTH, 1e-5), RMSNorm(WIDTH, 1e-5, bias=True)])
def test_blocks_whose_sums_have_other_norms_are_left(norm: nn.Module, caplog: pytest.LogCaptureFixture) -> None:
    model, inputs = quantize_(randomize(ideogram4())), ideogram4_inputs(1)
    model.get_submodule("layers.0").attention_norm2 = randomize(norm)
    fused = fuse_(copy.deepcopy(model))
    assert len(blocks_of(fused)) == 2 and len(caplog.messages) == 1
    assert "left as they are, 1 (layers.0, ...)" in caplog.messages[0]
    assert "the norm of a sum is" in caplog.messages[0]
    assert relative(output(fused, inputs), output(model, inputs)) < 0.01
    for block in (blocks_of(fused)[0], model.get_submodule("layers.1")):  # one that comes later counts, too
        block.attention_norm2 = norm
    assert relative(output(fused, inputs), output(model, inputs)) < 0.01


def test_norms_without_weights() -> None:
    model, inputs = quantize_(randomize(ideogram4())), ideogram4_inputs(1)
    for block in model.layers:  # type: ignore[union-attr]
        block.attention_norm2 = nn.RMSNorm(WIDTH, block.attention_norm1.eps, elementwise_affine=False)
    fused = fuse_(copy.deepcopy(model))
    assert len(blocks_of(fused)) == 3 and relative(output(fused, inputs), output(model, inputs)) < 0.01


@pytest.fixture
def fused() -> nn.Module:
    return fuse_(randomize(ideogram4()))


def test_names(fused: nn.Module) -> None:
    block = blocks_of(fused)[0]
    assert type(block).__name__ == "Ideogram4TransformerBlock" and type(block).__module__.startswith("diffusers.")
    assert isinstance(block.qkv, FusedLinear) and "fused" in repr(block.attention.to_q)
    assert list(inspect.signature(block.forward).parameters)[:2] == ["hidden_states", "attention_mask"]
