# SPDX-License-Identifier: Apache-2.0
"""What a fused model computes, and how it is stored, copied and loaded."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import diffusers
import ditune.torch
import ditune.torch.fuse
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from ditune.errors import UsageError
from ditune.torch import fuse_, quantize_
from ditune.torch.fuse.masks import Masks
from ditune.torch.fuse.versions import version_of
from fuse_models import TOKENS, blocks_of, ideogram4, ideogram4_inputs, output, randomize, relative
from torch import Tensor, nn

pytestmark = pytest.mark.usefixtures("inference")


@pytest.fixture
def fused() -> nn.Module:
    return fuse_(randomize(ideogram4()))


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


def test_a_refused_checkpoint_leaves_a_fused_model(fused: nn.Module, tmp_path: Any) -> None:
    inputs = ideogram4_inputs(1)
    wanted = output(fused, inputs)
    other = quantize_(randomize(ideogram4()))
    last = [name for name in other.state_dict() if name.endswith("to_q.weight")][-1]
    state = {**other.state_dict(), last: torch.zeros(3, 3, dtype=torch.int8)}
    safetensors.torch.save_file({name: each.clone() for name, each in state.items()}, tmp_path / "a")
    with pytest.raises(UsageError, match=r"to_q.weight is torch.int8 \[3, 3\], not"):
        ditune.torch.load_(fused, tmp_path / "a")
    assert torch.equal(output(fused, inputs), wanted)


def test_a_fused_model_on_meta(fused: nn.Module, tmp_path: Any) -> None:
    """Runs there, and says that nothing can be loaded."""
    state = fused.state_dict()
    ditune.torch.save_(fused, tmp_path / "a")
    on_meta = copy.deepcopy(fused).to("meta")
    block = blocks_of(on_meta)[0]
    assert block.qkv(torch.empty(1, 3, 128, device="meta")).shape == (1, 3, 384)
    assert block.attention.to_q(torch.empty(1, 3, 128, device="meta")).shape == (1, 3, 128) and block._runs_fused()
    with pytest.raises(
        RuntimeError, match=r"to_q.weight is on meta, where nothing can be loaded \(load it before fuse_\)"
    ):
        on_meta.load_state_dict(state, assign=True)
    on_meta.rotary_emb = fused.rotary_emb  # which no file has, either
    with pytest.raises(UsageError, match=r"is on meta, and in no file \(load the model before fuse_\)"):
        ditune.torch.load_(on_meta, tmp_path / "a")


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


def test_a_mask_that_changed_is_looked_at_again() -> None:
    masks, mask = Masks(), torch.ones(1, 40, dtype=torch.bool)
    assert masks.needed(mask, True) is None and masks.needed(mask, False) is None
    mask[:, 20:] = False
    assert masks.needed(mask, False) is mask
    mask.fill_(True)
    assert masks.needed(mask, False) is None
    with torch.inference_mode():
        inference = torch.zeros(1, 40, dtype=torch.bool)
    assert masks.needed(inference, False) is inference and masks.needed(mask, False) is None


def test_masks_of_threads() -> None:
    """Another one looks at a mask of its own whenever this one looks at what is known."""

    class Shared(Masks):
        @property
        def known(self) -> Any:
            seen, self.__dict__["seen"] = self.__dict__["seen"], (version_of(other), True)
            return seen

        @known.setter
        def known(self, seen: Any) -> None:
            self.__dict__["seen"] = seen

    masks, mask, other = Shared(), torch.zeros(1, 40, dtype=torch.bool), torch.ones(1, 40, dtype=torch.bool)
    masks.known = version_of(mask), False
    assert masks.needed(mask, False) is mask


def test_masks_change_while_the_first_block_is_not_fused(fused: nn.Module) -> None:
    """By an adapter or, here, a hook."""
    inputs, mask = ideogram4_inputs(1), torch.ones(1, 1, TOKENS, TOKENS, dtype=torch.bool)
    blocks_of(fused)[0].attention.register_forward_hook(lambda *_: None)
    for block in blocks_of(fused):
        block.register_forward_pre_hook(lambda _, args: (args[0], mask, *args[2:]))
    plain = output(fused, inputs)
    mask[..., 40:] = False
    made = output(fused, inputs)
    assert torch.equal(made, output(copy.deepcopy(fused), inputs)) and not torch.equal(made, plain)


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
