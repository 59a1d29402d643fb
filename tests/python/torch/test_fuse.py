# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Iterator
from typing import Any

import accelerate
import diffusers
import ditune.torch
import ditune.torch.fuse
import peft
import pytest
import torch
import torch.nn.functional as F
from ditune.errors import UsageError
from ditune.torch import fuse_, quantize_
from ditune.torch.fuse import Block, FusedLinear, Site, fuses
from ditune.torch.fuse.sources import source_hash
from fuse_models import ideogram4, ideogram4_inputs, output, randomize, relative
from torch import Tensor, nn

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


@pytest.fixture(autouse=True)
def seed() -> Iterator[None]:
    torch.manual_seed(0)
    ditune.torch.fuse._warn.cache_clear()
    with torch.no_grad():
        yield


@pytest.fixture
def fused() -> nn.Module:
    return fuse_(randomize(ideogram4()))


def blocks_of(model: nn.Module) -> list[Block]:
    return [module for module in model.modules() if isinstance(module, Block)]


def test_own_model() -> None:
    model, inputs = randomize(Own()), (torch.randn(2, 40, WIDTH), torch.randn(2, 32))
    quantized = quantize_(copy.deepcopy(model))
    made = fuse_(copy.deepcopy(quantized))
    assert len(blocks_of(made)) == 2 and isinstance(made.blocks[0], OwnBlock)  # type: ignore[index]
    wanted = model(*inputs)
    assert relative(made(*inputs), wanted) <= 1.05 * relative(quantized(*inputs), wanted) < 0.03


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
        (lambda block: setattr(block.mlp[1], "forward", block.mlp[1].forward), "mlp.1 has hooks"),
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


def test_conversions_and_saving(fused: nn.Module, tmp_path: Any) -> None:
    inputs = ideogram4_inputs(1)
    wanted = output(fused, inputs)
    ditune.torch.save_(fused, tmp_path / "model.safetensors")
    loaded = ditune.torch.load_(quantize_(ideogram4().eval()), tmp_path / "model.safetensors")
    assert relative(output(fuse_(loaded), inputs), wanted) < 1e-4  # floats lie otherwise in memory
    fused.save_pretrained(tmp_path)  # type: ignore[operator]
    half = copy.deepcopy(fused).to(torch.bfloat16)
    layer = blocks_of(half)[0].qkv
    assert layer.weight.dtype == torch.int8 and layer.weight_scale.dtype == torch.float32
    assert relative(output(half, inputs, torch.bfloat16), wanted) < 0.05
    assert torch.equal(output(pickle.loads(pickle.dumps(fused)), inputs), wanted)


def test_a_checkpoint_is_loaded_into_a_fused_model(fused: nn.Module, tmp_path: Any) -> None:
    inputs = ideogram4_inputs(1)
    wanted = output(fused, inputs)
    file = tmp_path / "model.safetensors"
    ditune.torch.save_(fused, file)
    with torch.no_grad():
        for each in (*fused.parameters(), *(b for n, b in fused.named_buffers() if n.endswith("weight_scale"))):
            each.zero_()
    assert ditune.torch.load_(fused, file) is fused
    assert relative(output(fused, inputs), wanted) < 1e-4  # floats lie otherwise in memory
    rotated = quantize_(ideogram4(), rotate=16)
    ditune.torch.save_(rotated, file)
    with pytest.raises(UsageError, match=r"rotated otherwise than this fused layer \(load it before fuse_\)"):
        ditune.torch.load_(fused, file)
    ditune.torch.save_(ideogram4(), file)
    with pytest.raises(UsageError, match=r"lacks \d+ tensors"):
        ditune.torch.load_(fused, file)
    with pytest.raises(
        UsageError, match=r"to_q.weight is torch.float32 \[128, 128\], not torch.int8 .*\(give its model\)"
    ):
        ditune.torch.load_(fused, file, strict=False)


def test_masks_are_left_out(fused: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor | None] = []
    attend = F.scaled_dot_product_attention

    def spy(*args: Any, **options: Any) -> Tensor:
        seen.append(options.get("attn_mask"))
        return attend(*args, **options)

    monkeypatch.setattr(F, "scaled_dot_product_attention", spy)
    asked: list[Tensor] = []
    all_of = Tensor.all

    def count(mask: Tensor) -> Tensor:
        asked.append(mask)
        return all_of(mask)

    monkeypatch.setattr(Tensor, "all", count)
    inputs = ideogram4_inputs(1)
    one = output(fused, inputs)
    assert seen == [None] * 3 and len(asked) == 1
    inputs["segment_ids"][:, 40:] = 1
    seen.clear()
    two = output(fused, inputs)
    assert all(mask is not None for mask in seen) and len(asked) == 2 and not torch.equal(one, two)
    for full in (fuse_(randomize(ideogram4()), full_attention=True), fuse_(fused, full_attention=True)):
        seen.clear()
        output(full, inputs)
        assert seen == [None] * 3 and len(asked) == 2


def test_several_segments(fused: nn.Module) -> None:
    """Each of the packed images is what it is alone."""
    inputs = ideogram4_inputs(1)
    half = inputs["segment_ids"].shape[1] // 2
    inputs["segment_ids"][:, half:] = 1
    first = {name: x if name == "timestep" else x[:, :half] for name, x in inputs.items()}
    assert relative(output(fused, inputs)[:, :half], output(fused, first)) < 1e-4


def test_a_timestep_for_each_token(fused: nn.Module) -> None:
    inputs = ideogram4_inputs(2)
    one = output(fused, inputs)
    inputs["timestep"] = inputs["timestep"][:, None].expand(2, one.shape[1])
    assert relative(output(fused, inputs), one) < 0.01


def test_blocks_with_lora_run_as_before() -> None:
    model = randomize(ideogram4())
    quantized, inputs = quantize_(model), ideogram4_inputs(1)
    fused = fuse_(copy.deepcopy(quantized))
    plain = output(fused, inputs)
    ditune.torch.enable_lora()
    config = peft.LoraConfig(r=4, target_modules=["layers.1.attention.to_q", "w3"], init_lora_weights=False)
    for each in (quantized, fused):
        torch.manual_seed(7)
        each.add_adapter(config)  # type: ignore[operator]
    assert [block._runs_fused() for block in blocks_of(fused)] == [False] * 3
    wanted = output(quantized, inputs)
    assert relative(output(fused, inputs), wanted) < 1e-5 < 0.01 < relative(plain, wanted)
    fused.unload_lora()  # type: ignore[operator]
    assert torch.equal(output(fused, inputs), plain) and all(block._runs_fused() for block in blocks_of(fused))
    one = fuse_(copy.deepcopy(quantize_(randomize(ideogram4()))))
    config.target_modules = ["layers.1.attention.to_q"]
    one.add_adapter(config)  # type: ignore[operator]
    assert [block._runs_fused() for block in blocks_of(one)] == [True, False, True]
    assert output(one, inputs).isfinite().all()


def test_models_with_lora_are_left(caplog: pytest.LogCaptureFixture) -> None:
    model = quantize_(ideogram4())
    ditune.torch.enable_lora()
    model.add_adapter(peft.LoraConfig(r=4, target_modules=["to_q"]))  # type: ignore[operator]
    assert not blocks_of(fuse_(model)) and len(caplog.messages) == 1
    why = "attention.to_q is Int8LoraLinear, not Int8Linear (quantize all layers of a block, no LoRA)"
    assert caplog.messages[0] == f"fuse_: left as they are, 3 (layers.0, ...) of Ideogram4TransformerBlock: {why}"


def test_hooks_on_attention_are_served(fused: nn.Module) -> None:
    inputs = ideogram4_inputs(1)
    wanted, seen = output(fused, inputs), []
    attention = blocks_of(fused)[1].attention
    handle = attention.register_forward_hook(lambda *given: seen.append(given))
    assert relative(output(fused, inputs), wanted) < 0.01 and len(seen) == 1
    handle.remove()
    assert torch.equal(output(fused, inputs), wanted)


def test_hooks_on_joined_layers_are_served(fused: nn.Module) -> None:
    inputs = ideogram4_inputs(1)
    wanted, seen = output(fused, inputs), []
    handle = blocks_of(fused)[1].feed_forward.w1.register_forward_hook(lambda *given: seen.append(given))
    assert relative(output(fused, inputs), wanted) < 0.01 and len(seen) == 1
    handle.remove()
    assert torch.equal(output(fused, inputs), wanted)
    blocks_of(fused)[1].feed_forward.w1.forward = lambda x: torch.zeros(*x.shape[:-1], 384)
    assert not blocks_of(fused)[1]._runs_fused()


@pytest.mark.parametrize("path", ["attention_norm1", "feed_forward", "adaln_modulation"])
@pytest.mark.parametrize(
    "change", [lambda model: model, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
)
def test_hooks_on_modules_inside_are_served(fused: nn.Module, path: str, change: Any) -> None:
    fused, inputs = change(fused), ideogram4_inputs(1)
    wanted, seen = output(fused, inputs), []
    handle = blocks_of(fused)[1].get_submodule(path).register_forward_pre_hook(lambda *given: seen.append(given))
    assert relative(output(fused, inputs), wanted) < 0.01 and len(seen) == 1
    handle.remove()
    assert torch.equal(output(fused, inputs), wanted)


def test_hooks_on_blocks_see_tensors(fused: nn.Module) -> None:
    inputs = ideogram4_inputs(1)
    wanted, seen = output(fused, inputs), []
    blocks_of(fused)[0].register_forward_hook(lambda block, given, made: seen.append(made))
    assert relative(output(fused, inputs), wanted) < 1e-5 and isinstance(seen[0], Tensor)


def test_processors_are_those_of_the_model(fused: nn.Module) -> None:
    class Other(diffusers.models.transformers.transformer_ideogram4.Ideogram4AttnProcessor):  # type: ignore[misc]
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return 2 * super().__call__(*args, **kwargs)

    inputs = ideogram4_inputs(1)
    wanted = output(fused, inputs)
    fused.set_attn_processor(Other())  # type: ignore[operator]
    assert not torch.equal(output(fused, inputs), wanted)


def test_autocast_runs_as_before(fused: nn.Module) -> None:
    inputs = ideogram4_inputs(1)
    wanted = output(fused, inputs)
    with torch.autocast("cpu", torch.bfloat16):
        assert relative(output(fused, inputs), wanted) < 0.05


def test_offloading(fused: nn.Module) -> None:
    inputs = ideogram4_inputs(1)
    wanted = output(fused, inputs)
    hook = accelerate.hooks.AlignDevicesHook(torch.device("cpu"), io_same_device=True)
    accelerate.hooks.add_hook_to_module(fused, hook)  # as enable_model_cpu_offload has it
    assert torch.equal(output(fused, inputs), wanted)
    accelerate.hooks.remove_hook_from_module(fused)
    accelerate.hooks.attach_align_device_hook(fused, torch.device("cpu"))  # as dispatch_model does it
    assert relative(output(fused, inputs), wanted) < 0.01 and not blocks_of(fused)[0]._runs_fused()


@pytest.mark.parametrize("buffers", [False, True])
def test_offloading_one_by_one_is_refused(fused: nn.Module, buffers: bool) -> None:
    """Rather than that fused layers stay on the GPU, all of them."""
    accelerate.cpu_offload(fused, torch.device("cpu"), offload_buffers=buffers)
    with pytest.raises(UsageError, match=r"cannot be offloaded one by one \(use enable_model_cpu_offload"):
        output(fused, ideogram4_inputs(1))


def test_groups_of_blocks_are_offloaded(fused: nn.Module) -> None:
    inputs = ideogram4_inputs(1)
    wanted = output(fused, inputs)
    parameters = {id(each) for each in blocks_of(fused)[0].parameters()}
    for site in blocks_of(fused)[0].sites:
        assert id(getattr(blocks_of(fused)[0], site.name).weight) in parameters, "what streams bring back to the CPU"
    fused.enable_group_offload(  # type: ignore[operator]
        torch.device("cpu"), offload_type="block_level", num_blocks_per_group=1
    )
    assert torch.equal(output(fused, inputs), wanted) and blocks_of(fused)[0]._runs_fused()


def test_inference_mode(fused: nn.Module) -> None:
    inputs = ideogram4_inputs(1)
    wanted = output(fused, inputs)
    with torch.inference_mode():
        assert torch.equal(output(fused, inputs), wanted)


def test_training_is_refused_by_name(fused: nn.Module) -> None:
    with torch.enable_grad():
        made = fused(**ideogram4_inputs(1))[0]
        with pytest.raises(ditune.DituneError, match="is for inference"):
            made.sum().backward()


def test_names(fused: nn.Module) -> None:
    block = blocks_of(fused)[0]
    assert type(block).__name__ == "Ideogram4TransformerBlock" and type(block).__module__.startswith("diffusers.")
    assert isinstance(block.qkv, FusedLinear) and "fused" in repr(block.attention.to_q)
    assert list(inspect.signature(block.forward).parameters)[:2] == ["hidden_states", "attention_mask"]
