# SPDX-License-Identifier: Apache-2.0
"""What others put on a fused model: LoRA, hooks, offloading."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import accelerate
import diffusers
import ditune.torch
import ditune.torch.fuse
import peft
import pytest
import torch
from ditune.errors import UsageError
from ditune.torch import fuse_, quantize_
from fuse_models import CASES, blocks_of, flux, flux_inputs, ideogram4, ideogram4_inputs, output, randomize, relative
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

pytestmark = pytest.mark.usefixtures("inference")


@pytest.fixture
def fused() -> nn.Module:
    return fuse_(randomize(ideogram4()))


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


def replaced_norm(block: Any) -> None:
    block.attn.norm_q = nn.RMSNorm(64)
    nn.init.normal_(block.attn.norm_q.weight)


def changed_eps(block: Any) -> None:
    block.attn.norm_q.eps = 5.0


def replaced_activation(block: Any) -> None:
    block.ff.net[1] = nn.LayerNorm(block.ff.net[2].in_features)


@pytest.mark.parametrize("change", [replaced_norm, changed_eps, replaced_activation])
def test_modules_that_are_replaced_later_count(change: Any) -> None:
    quantized = quantize_(randomize(flux())).bfloat16()
    fused = fuse_(copy.deepcopy(quantized))
    inputs = flux_inputs(1)
    before = output(fused, inputs, torch.bfloat16)
    for model in (quantized, fused):
        torch.manual_seed(3)
        change(model.get_submodule("transformer_blocks.0").to(torch.bfloat16))
        model.to(torch.bfloat16)
    wanted = output(quantized, inputs, torch.bfloat16)
    assert relative(output(fused, inputs, torch.bfloat16), wanted) < 0.02 < relative(before, wanted)


def test_what_peft_saves_beside_the_adapters_counts() -> None:
    quantized = quantize_(randomize(flux()))
    fused = fuse_(copy.deepcopy(quantized))
    ditune.torch.enable_lora()
    config = peft.LoraConfig(r=2, target_modules=["x_embedder"], modules_to_save=["norm_q", "norm_k"])
    for model in (quantized, fused):
        model.add_adapter(config)  # type: ignore[operator]
        torch.manual_seed(3)
        for name, parameter in model.named_parameters():
            if "modules_to_save" in name:
                nn.init.normal_(parameter)
    inputs = flux_inputs(1)
    made, wanted = (output(model.bfloat16(), inputs, torch.bfloat16) for model in (fused, quantized))
    assert relative(made, wanted) < 0.02


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


def watching(seen: list[Any]) -> Any:
    """A hook of accelerate, which sets a module's forward: it keeps the first argument."""

    def pre_forward(_: nn.Module, *args: Any, **kwargs: Any) -> Any:
        seen.append(args[0])
        return args, kwargs

    hook = accelerate.hooks.ModelHook()
    hook.pre_forward = pre_forward
    return hook


CHANGES = [lambda model: model, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]


@pytest.mark.parametrize("path", ["attention_norm1", "feed_forward", "adaln_modulation"])
@pytest.mark.parametrize("change", CHANGES)
def test_hooks_on_modules_inside_are_served(fused: nn.Module, path: str, change: Any) -> None:
    fused, inputs = change(fused), ideogram4_inputs(1)
    wanted, seen = output(fused, inputs), []
    handle = blocks_of(fused)[1].get_submodule(path).register_forward_pre_hook(lambda *given: seen.append(given))
    assert relative(output(fused, inputs), wanted) < 0.01 and len(seen) == 1
    handle.remove()
    assert torch.equal(output(fused, inputs), wanted)


@pytest.mark.parametrize("path", ["attention_norm1", "feed_forward", "attention"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_forward_that_is_set_inside_is_called(fused: nn.Module, path: str, change: Any) -> None:
    """As hooks of accelerate and diffusers set it; when they are removed, it is that of the class again."""
    fused, inputs = change(fused), ideogram4_inputs(1)
    wanted, seen = output(fused, inputs), list[Any]()
    module = blocks_of(fused)[1].get_submodule(path)
    accelerate.hooks.add_hook_to_module(module, watching(seen))
    assert [block._runs_fused() for block in blocks_of(fused)] == [True, False, True]
    assert relative(output(fused, inputs), wanted) < 0.01 and len(seen) == 1
    accelerate.hooks.remove_hook_from_module(module)
    assert torch.equal(output(fused, inputs), wanted) and blocks_of(fused)[1]._runs_fused()


def test_layers_are_skipped() -> None:
    """By diffusers' hooks on the containers of MLPs."""
    quantized, inputs = quantize_(randomize(flux())), flux_inputs(1)
    fused = fuse_(copy.deepcopy(quantized))
    plain = output(fused, inputs)
    config = diffusers.LayerSkipConfig(indices=[1], fqn="transformer_blocks", skip_attention=False, skip_ff=True)
    for each in (quantized, fused):
        diffusers.hooks.apply_layer_skip(each, config)
    wanted = output(quantized, inputs)
    assert relative(output(fused, inputs), wanted) < 0.01 < 0.1 < relative(plain, wanted)
    diffusers.hooks.HookRegistry.check_if_exists_or_initialize(fused).remove_hook("layer_skip_hook")
    assert torch.equal(output(fused, inputs), plain) and all(block._runs_fused() for block in blocks_of(fused))


def test_what_earlier_hooks_left_behind_is_fused() -> None:
    model, inputs = quantize_(randomize(ideogram4())), ideogram4_inputs(1)
    wanted = output(fuse_(copy.deepcopy(model)), inputs)
    layer: Any = model.get_submodule("layers.1")
    for module in (layer, layer.feed_forward, layer.attention):
        accelerate.hooks.add_hook_to_module(module, accelerate.hooks.ModelHook())
        accelerate.hooks.remove_hook_from_module(module)
        assert "forward" in module.__dict__
    assert torch.equal(output(fuse_(model), inputs), wanted) and len(blocks_of(model)) == 3


def test_hooks_on_blocks_see_tensors(fused: nn.Module) -> None:
    inputs = ideogram4_inputs(1)
    wanted, seen = output(fused, inputs), []
    blocks_of(fused)[0].register_forward_hook(lambda block, given, made: seen.append(made))
    assert relative(output(fused, inputs), wanted) < 1e-5 and isinstance(seen[0], Tensor)


@pytest.mark.parametrize("how", ["before", "behind", "forward"])
@pytest.mark.parametrize("change", CHANGES)
def test_hooks_on_the_next_block_see_tensors(fused: nn.Module, how: str, change: Any) -> None:
    fused, inputs = change(fused), ideogram4_inputs(1)
    wanted, seen = output(fused, inputs), []
    block = blocks_of(fused)[1]
    if how == "before":
        block.register_forward_pre_hook(lambda block, given: seen.append(given[0]))
    elif how == "behind":
        block.register_forward_hook(lambda block, given, made: seen.append(given[0]))
    else:
        accelerate.hooks.add_hook_to_module(block, watching(seen))
    assert relative(output(fused, inputs), wanted) < 1e-5 and [type(x) for x in seen] == [Tensor]
    assert all(each._runs_fused() for each in blocks_of(fused))


@pytest.mark.parametrize("register", [register_module_forward_pre_hook, register_module_forward_hook])
def test_hooks_on_all_modules_see_tensors(fused: nn.Module, register: Any) -> None:
    inputs, seen, blocks = ideogram4_inputs(1), list[Any](), blocks_of(fused)
    wanted = output(fused, inputs)

    def look(module: nn.Module, args: Any, made: Any = None) -> None:
        if module in blocks:
            seen.append(args[0] if made is None else made)

    handle = register(look)
    try:
        assert relative(output(fused, inputs), wanted) < 1e-5
    finally:
        handle.remove()
    assert [type(x) for x in seen] == [Tensor] * 3


def test_offloading(fused: nn.Module) -> None:
    inputs = ideogram4_inputs(1)
    wanted = output(fused, inputs)
    hook = accelerate.hooks.AlignDevicesHook(torch.device("cpu"), io_same_device=True)
    accelerate.hooks.add_hook_to_module(fused, hook)  # as enable_model_cpu_offload has it
    assert torch.equal(output(fused, inputs), wanted)
    accelerate.hooks.remove_hook_from_module(fused)


@pytest.mark.parametrize("is_fused_first", [True, False])
@pytest.mark.parametrize("name", ["ideogram4", "flux"])
def test_a_device_map_leaves_blocks_fused(name: str, is_fused_first: bool) -> None:
    case = CASES[name]
    model = quantize_(randomize(case.build()))
    alone = fuse_(copy.deepcopy(model))
    if is_fused_first:
        fuse_(model)
    accelerate.dispatch_model(model, {"": "cpu"}, force_hooks=True)
    for list_name in case.launches:  # as a device_map with each block has them
        for block in model.get_submodule(list_name).children():
            hook = accelerate.hooks.AlignDevicesHook("cpu", place_submodules=True)
            accelerate.hooks.add_hook_to_module(block, hook)
    fuse_(model)
    inputs = case.inputs(2)
    assert torch.equal(output(model, inputs), output(alone, inputs))
    assert [type(each) for each in model.modules()] == [type(each) for each in alone.modules()]
    assert all(block._runs_fused() and block._hf_hook for block in blocks_of(model))
    block, seen = blocks_of(model)[0], []  # type: ignore[var-annotated]
    accelerate.hooks.add_hook_to_module(block._parts[0][2], watching(seen))
    assert not block._runs_fused()
    assert relative(output(model, inputs), output(alone, inputs)) < 1e-5 and len(seen) == 1


@pytest.mark.parametrize("change", ["device", "forward", "offload"])
def test_hooks_that_do_more_than_placing_count(change: str, caplog: pytest.LogCaptureFixture) -> None:
    model = quantize_(randomize(ideogram4()))
    accelerate.dispatch_model(model, {"": "cpu"}, force_hooks=True)
    layer: Any = model.get_submodule("layers.1.attention.to_q")
    if change == "device":
        layer._hf_hook.execution_device = 1
    elif change == "offload":
        layer._hf_hook.offload = True
    else:
        layer._old_forward = lambda x: x
    ditune.torch.fuse._warn.cache_clear()
    fuse_(model)
    assert len(blocks_of(model)) == 2 and "attention.to_q has hooks (fuse before hooks are added)" in caplog.text


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
