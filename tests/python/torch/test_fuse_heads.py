# SPDX-License-Identifier: Apache-2.0
"""Norm and rotary embedding of q and k in place: when the processor is left out, and when it is not."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import diffusers
import ditune.torch.fuse.heads
import pytest
import torch
from diffusers.models.transformers import transformer_flux, transformer_ideogram4
from ditune._problem import format_problem, make_problem
from ditune.errors import UsageError
from ditune.torch import fuse_, ops, quantize_
from ditune.torch.fuse.heads import Angles, HeadNorms, Heads, PackedAttention, of_complex, of_halves, of_pairs
from ditune.torch.fuse.models.ideogram4 import Ideogram4Block
from fuse_models import (
    HEAD,
    TEXT,
    TOKENS,
    WIDTH,
    blocks_of,
    flux,
    flux_inputs,
    ideogram4,
    ideogram4_inputs,
    output,
    qwen_image,
    qwen_image_inputs,
    randomize,
    relative,
)
from torch import Tensor, nn

pytestmark = pytest.mark.usefixtures("inference")

BF16 = torch.bfloat16

Launches = list[torch.Size]


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> Launches:
    """What norm_rope_ was called with."""
    seen: Launches = []
    run = ops.norm_rope_

    def counted(x: Tensor, **options: Any) -> Tensor:
        seen.append(x.shape)
        return run(x, **options)

    monkeypatch.setattr(ops, "norm_rope_", counted)
    return seen


def fused_of(model: nn.Module) -> nn.Module:
    return fuse_(randomize(model).to(BF16))


def run(model: nn.Module, inputs: dict[str, Any]) -> Tensor:
    return output(model, inputs, BF16)


# ---- who computes


def test_another_processor_is_served(launches: Launches) -> None:
    class Other(transformer_ideogram4.Ideogram4AttnProcessor):  # type: ignore[misc]
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return 2 * super().__call__(*args, **kwargs)

    fused, inputs = fused_of(ideogram4()), ideogram4_inputs(1)
    wanted = run(fused, inputs)
    assert len(launches) == 3
    fused.set_attn_processor(Other())  # type: ignore[operator]
    assert not torch.equal(run(fused, inputs), wanted) and len(launches) == 3
    fused.set_attn_processor(transformer_ideogram4.Ideogram4AttnProcessor())  # type: ignore[operator]
    assert torch.equal(run(fused, inputs), wanted) and len(launches) == 6


def test_arguments_that_processors_alone_know(launches: Launches) -> None:
    fused, inputs = fused_of(flux()), flux_inputs(1)
    run(fused, inputs)
    count = len(launches)
    assert count == 2 * 2 + 3
    inputs["joint_attention_kwargs"] = {"attention_mask": torch.ones(1, 1, 1, TOKENS, dtype=torch.bool)}
    run(fused, inputs)
    assert len(launches) == count


@pytest.mark.parametrize("name", ["attention", "attention.norm_q"])
def test_hooks_are_served(name: str, launches: Launches) -> None:
    fused, inputs, seen = fused_of(ideogram4()), ideogram4_inputs(1), []
    wanted = run(fused, inputs)
    handle = blocks_of(fused)[1].get_submodule(name).register_forward_hook(lambda *given: seen.append(given))
    launches.clear()
    assert relative(run(fused, inputs), wanted) < 0.02 and len(seen) == 1 and len(launches) == 2
    handle.remove()
    assert torch.equal(run(fused, inputs), wanted)


def test_what_needs_a_gradient_is_left_to_the_processor(launches: Launches) -> None:
    fused, inputs = fused_of(ideogram4()), ideogram4_inputs(1)
    with torch.enable_grad():
        made = fused(**{name: x.to(BF16) if x.is_floating_point() else x for name, x in inputs.items()})[0]
    assert made.requires_grad and not launches


def test_float32_is_left_to_the_processor(launches: Launches) -> None:
    output(fuse_(randomize(ideogram4())), ideogram4_inputs(1))
    assert not launches


def test_processors_that_changed_stay(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, launches: Launches
) -> None:
    heads = {"attention": Ideogram4Block.heads["attention"]._replace(sources=("0123456789ab",))}
    monkeypatch.setattr(Ideogram4Block, "heads", heads)
    caplog.set_level("INFO", "ditune")
    fused = fused_of(ideogram4())
    assert all(block._runs_fused() for block in blocks_of(fused))
    run(fused, ideogram4_inputs(1))
    assert not launches
    told = [message for message in caplog.messages if "keeps its processor" in message]
    assert told == [
        "fuse_: attention of Ideogram4TransformerBlock keeps its processor: "
        "the source of Ideogram4AttnProcessor is not one that was tried"
    ]


def change_eps(norm: Any) -> None:
    norm.eps = 0.5


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda attention: setattr(attention, "norm_k", nn.LayerNorm(HEAD)), "is no RMSNorm"),
        (lambda attention: setattr(attention, "norm_k", nn.RMSNorm(WIDTH)), "of other columns"),
        (lambda attention: setattr(attention, "norm_k", None), "of other columns"),
        (lambda attention: setattr(attention, "norm_k", nn.BatchNorm1d(HEAD)), "no norm that can be fused"),
        (lambda attention: change_eps(attention.norm_q), "differ in eps"),
        (lambda attention: setattr(attention, "num_heads", 1 + attention.num_heads), "heads have 42 columns"),
    ],
)
def test_modules_that_do_not_fit(change: Any, why: str) -> None:
    block: Any = ideogram4().get_submodule("layers.0")
    heads = Ideogram4Block.heads["attention"]
    PackedAttention(block, "attention", heads)
    change(block.attention)
    with pytest.raises(UsageError, match=why):
        PackedAttention(block, "attention", heads)


def test_modules_without_a_processor() -> None:
    block: Any = ideogram4().get_submodule("layers.0")
    with pytest.raises(UsageError, match="has no Gone or no dispatch_attention_fn"):
        PackedAttention(block, "attention", Ideogram4Block.heads["attention"]._replace(processor="Gone"))


@pytest.mark.parametrize("norms", ["none", "without weights", "of all heads"])
def test_other_norms(norms: str) -> None:
    columns = 4 * HEAD if norms == "of all heads" else HEAD
    q, k = (nn.RMSNorm(columns, 1e-5, elementwise_affine=norms != "without weights") for _ in range(2))
    given: Any = (None, None) if norms == "none" else (q, k)
    x, angles = torch.randn(TOKENS, 12 * HEAD, dtype=BF16), torch.randn(TOKENS, HEAD)
    wanted = x.clone()
    for i, norm in enumerate(given):
        part = wanted[:, 4 * i * HEAD :][:, : 4 * HEAD]
        part.copy_(part if norm is None else norm(part.float().unflatten(-1, (-1, columns))).flatten(1))  # type: ignore[no-untyped-call]
        ops.norm_rope_(part, head=HEAD, norm="none", rope="half", angles=angles)
    HeadNorms(given, 4 * HEAD, HEAD).turn(x, "half", angles)
    torch.testing.assert_close(x, wanted, rtol=0.02, atol=0.05)


def test_attention_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    dispatch = transformer_ideogram4.dispatch_attention_fn

    def spy(*args: Any, **options: Any) -> Any:
        seen.append(options["backend"])
        return dispatch(*args, **options)

    monkeypatch.setattr(transformer_ideogram4, "dispatch_attention_fn", spy)
    fused, inputs = fused_of(ideogram4()), ideogram4_inputs(1)
    run(fused, inputs)
    fused.set_attention_backend("_native_math")  # type: ignore[operator]
    run(fused, inputs)
    assert seen[:3] == [None] * 3 and {str(each.value) for each in seen[3:]} == {"_native_math"}


# ---- weights


def test_loaded_weights_are_seen() -> None:
    fused, inputs = fused_of(ideogram4()), ideogram4_inputs(1)
    before = run(fused, inputs)
    state = {name: x.clone() for name, x in fused.state_dict().items()}
    copied, pickled = copy.deepcopy(fused), pickle.loads(pickle.dumps(fused))
    kept = blocks_of(fused)[0]._packed["attention"].norms[0].weight  # type: ignore[index,union-attr]
    norms = {name: x.flip(0) for name, x in state.items() if "norm_q" in name or "norm_k" in name}
    assert len(norms) == 6
    fused.load_state_dict(norms, strict=False)
    made = run(fused, inputs)
    assert not torch.equal(made, before)
    assert blocks_of(fused)[0]._packed["attention"].norms[0].weight is kept  # type: ignore[index,union-attr]
    wanted = fuse_(quantize_(ideogram4().to(BF16)))
    wanted.load_state_dict(state | norms)
    assert torch.equal(run(wanted, inputs), made)
    for other in (copied, pickled):
        assert torch.equal(run(other, inputs), before)
        other.load_state_dict(norms, strict=False, assign=True)
        assert torch.equal(run(other, inputs), made)
    fused.load_state_dict(state)
    assert torch.equal(run(fused, inputs), before)


@pytest.mark.parametrize("how", ["in place", "replaced", "in inference mode"])
def test_changed_weights_are_seen(how: str) -> None:
    fused, inputs = fused_of(ideogram4()), ideogram4_inputs(1)
    before = run(fused, inputs)
    norm: Any = blocks_of(fused)[0].attention.norm_q
    if how == "in place":
        norm.weight.mul_(-1)
    else:
        with torch.inference_mode(how == "in inference mode"):
            norm.weight = nn.Parameter(-norm.weight, requires_grad=False)
    made = run(fused, inputs)
    assert relative(made, before) > 1e-3 and torch.equal(run(copy.deepcopy(fused), inputs), made)


def test_a_file_is_read(tmp_path: Any) -> None:
    one, two, inputs = fused_of(ideogram4()), fused_of(ideogram4()), ideogram4_inputs(1)
    ditune.torch.save_(one, tmp_path / "model.safetensors")
    ditune.torch.load_(two, tmp_path / "model.safetensors")
    assert relative(run(two, inputs), run(one, inputs)) < 0.02  # floats lie otherwise in memory


def test_weights_are_converted() -> None:
    """By .to(dtype) of a fused model as before fuse_, of the same int8 weights."""
    model, inputs = quantize_(randomize(ideogram4())), ideogram4_inputs(1)
    late, early = fuse_(copy.deepcopy(model)).to(BF16), fuse_(copy.deepcopy(model).to(BF16))
    weight = blocks_of(late)[0]._packed["attention"].norms[0].weight  # type: ignore[index,union-attr]
    assert isinstance(weight, Tensor) and weight.dtype == BF16
    assert torch.equal(run(late, inputs), run(early, inputs))


# ---- rotary embeddings


def test_forms_of_rotary_embeddings() -> None:
    turns = torch.polar(torch.ones(3, 8), torch.randn(3, 8))
    cos, sin = turns.real, turns.imag
    wanted = torch.stack([cos, sin], -1).flatten(-2)
    assert torch.equal(of_complex(turns), wanted)
    assert torch.equal(of_halves((torch.cat([cos, cos], -1), torch.cat([sin, sin], -1))), wanted)
    assert torch.equal(of_pairs((cos.repeat_interleave(2, -1), sin.repeat_interleave(2, -1))), wanted)


def test_sizes_of_heads_are_the_librarys() -> None:
    def is_taken(head: int) -> bool:
        try:
            format_problem(make_problem("quantize_s8", m=1, k=head, rope="half", head=head))
        except UsageError:
            return False
        return True

    assert tuple(filter(is_taken, range(1, 1025))) == ditune.torch.fuse.heads._SIZES


def test_rotary_embeddings_are_converted_once_a_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []

    def counted(rotary: Any) -> Tensor:
        made.append(rotary)
        return of_halves(rotary)

    heads = {"attention": Ideogram4Block.heads["attention"]._replace(angles=counted)}
    monkeypatch.setattr(Ideogram4Block, "heads", heads)
    fused, inputs = fused_of(ideogram4()), ideogram4_inputs(1)
    one = run(fused, inputs)
    assert len(made) == 1
    inputs["position_ids"] = inputs["position_ids"] * 3
    two = run(fused, inputs)
    assert len(made) == 2 and not torch.equal(one, two)
    assert torch.equal(run(copy.deepcopy(fused), inputs), two)


def test_what_was_converted_is_of_these_tensors() -> None:
    heads = Heads("", (), of_pairs, "pairs")
    angles, like = Angles(), torch.empty(1)
    rotary = (torch.randn(4, 16), torch.randn(4, 16))
    first = angles.of(rotary, heads, like, True)
    assert angles.of(rotary, heads, like, False) is first and angles.of(None, heads, like, False) is None
    again = angles.of(rotary, heads, like, True)
    assert again is not first
    other = (rotary[0], rotary[1].clone())
    assert angles.of(other, heads, like, False) is not again
    del other
    assert torch.equal(angles.of(rotary, heads, like, False), first)  # type: ignore[arg-type]
    rotary[0].mul_(2)
    assert not torch.equal(angles.of(rotary, heads, like, False), first)  # type: ignore[arg-type]
    copied = pickle.loads(pickle.dumps(angles))
    assert copied.known is None


def test_forms_of_the_same_rotary_embedding() -> None:
    angles, like = Angles(), torch.empty(1)
    rotary = (torch.randn(4, 16), torch.randn(4, 16))
    for form in (of_pairs, of_halves, of_pairs):
        made = angles.of(rotary, Heads("", (), form, "pairs"), like, False)
        assert made is not None and torch.equal(made, form(rotary))


# ---- two streams


@pytest.mark.parametrize("batch", [1, 2])
def test_streams_of_one_image_are_not_copied(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[torch.Size] = []
    cat = torch.cat
    monkeypatch.setattr(torch, "cat", lambda tensors, dim=0: sizes.append(tensors[0].shape) or cat(tensors, dim=dim))  # type: ignore[func-returns-value]
    run(fused_of(flux()), flux_inputs(batch))
    packed = [size for size in sizes if len(size) == 3 and size[-1] >= 3 * WIDTH]
    assert packed == ([] if batch == 1 else [torch.Size((2, TEXT, 3 * WIDTH))] * 2)


def test_masked_text(launches: Launches) -> None:
    quantized = quantize_(randomize(qwen_image()).to(BF16))
    fused, inputs = fuse_(copy.deepcopy(quantized)), qwen_image_inputs(2)
    plain = run(fused, inputs)
    inputs["encoder_hidden_states_mask"] = torch.arange(TEXT) < torch.tensor([[TEXT], [5]])
    made = run(fused, inputs)
    assert relative(made, run(quantized, inputs)) < 0.02 and relative(made[0], plain[0]) < 0.02
    assert relative(plain[1], made[1]) > 0.02 and len(launches) == 12


def test_ip_adapter() -> None:
    quantized = quantize_(randomize(flux()).to(BF16))
    fused, inputs = fuse_(copy.deepcopy(quantized)), flux_inputs(1)
    adapter = randomize(transformer_flux.FluxIPAdapterAttnProcessor(WIDTH, 64)).to(BF16)
    for each in (quantized, fused):
        for block in each.transformer_blocks:  # type: ignore[union-attr]
            block.attn.set_processor(adapter)
    inputs["joint_attention_kwargs"] = {"ip_hidden_states": [torch.randn(1, 1, 4, 64, dtype=BF16)]}
    assert relative(run(fused, inputs), run(quantized, inputs)) < 0.03


def test_first_block_cache(launches: Launches) -> None:
    fused, inputs = fused_of(flux()), flux_inputs(1)
    wanted = run(fused, inputs)
    fused.enable_cache(diffusers.FirstBlockCacheConfig(threshold=0.05))  # type: ignore[operator]
    with fused.cache_context("test"):  # type: ignore[operator]
        assert all(relative(run(fused, inputs), wanted) < 0.01 for _ in range(2))
    assert len(launches) == 7 + 7 + 2


def test_groups_of_blocks_are_offloaded(launches: Launches) -> None:
    fused, inputs = fused_of(ideogram4()), ideogram4_inputs(1)
    wanted = run(fused, inputs)
    fused.enable_group_offload(  # type: ignore[operator]
        torch.device("cpu"), offload_type="block_level", num_blocks_per_group=1
    )
    assert torch.equal(run(fused, inputs), wanted) and len(launches) == 6


def test_lora_is_left_to_the_processor(launches: Launches) -> None:
    peft = pytest.importorskip("peft")
    fused, inputs = fused_of(ideogram4()), ideogram4_inputs(1)
    ditune.torch.enable_lora()
    fused.add_adapter(peft.LoraConfig(r=4, target_modules=["layers.1.attention.to_q"]))  # type: ignore[operator]
    run(fused, inputs)
    assert len(launches) == 2
