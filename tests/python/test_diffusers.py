# SPDX-License-Identifier: Apache-2.0
"""Int8Config under the real diffusers: small random models, saved to disk, loaded as INT8, saved and loaded again."""

from __future__ import annotations

import copy
import json
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import accelerate
import pytest
import tiny
import torch
from diffusers import FluxPipeline, FluxTransformer2DModel, PipelineQuantizationConfig
from ditune.diffusers import Int8Config, Int8Quantizer
from ditune.errors import UsageError
from ditune.torch import DEFAULT_SKIP, Int8Linear, fuse_, load_, quantize_, save_
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

DTYPES = [torch.float32, torch.bfloat16]
# A row of K = 128 normal values has its greatest at about 2.7 standard deviations, so that rounding to 127 steps adds a
# relative error of 2.7 / 127 / sqrt(12) = 0.006 to the rows of x, and as much to those of W: 0.009 for a layer. Its
# blocks add to a residual stream, which dilutes it; two blocks and the final layer keep it below that twice over.
BOUND = {torch.float32: 0.02, torch.bfloat16: 0.03}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A float transformer on disk."""
    path = tmp_path_factory.mktemp("transformer")
    tiny.flux_transformer().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A whole float pipeline on disk."""
    path = tmp_path_factory.mktemp("pipeline")
    tiny.flux_pipeline().save_pretrained(path)
    return path


def load(path: pathlib.Path, dtype: torch.dtype = torch.float32, **options: Any) -> Any:
    return FluxTransformer2DModel.from_pretrained(path, torch_dtype=dtype, **options)


def int8_layers(model: nn.Module) -> list[str]:
    return sorted(name for name, module in model.named_modules() if isinstance(module, Int8Linear))


def step(model: Any, dtype: torch.dtype) -> Tensor:
    with torch.no_grad():
        y: Tensor = model(**tiny.flux_inputs(dtype))[0]
    return y


def assert_same_step(model: nn.Module, other: nn.Module, dtype: torch.dtype) -> None:
    """In copies, whose memory is aligned alike: torch's float32 products depend on it, and mapped files differ."""
    assert torch.equal(step(copy.deepcopy(model), dtype), step(copy.deepcopy(other), dtype))


def error(y: Tensor, reference: Tensor) -> float:
    return float((y.double() - reference.double()).norm() / reference.double().norm())


def assert_same(model: nn.Module, other: nn.Module) -> None:
    ours, theirs = model.state_dict(), other.state_dict()
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert value.dtype == theirs[name].dtype and torch.equal(value, theirs[name]), name


# ---- Loading float models ----


@pytest.mark.parametrize("rotate", [1, 64])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_float_model_is_loaded_as_int8(saved: pathlib.Path, dtype: torch.dtype, rotate: int) -> None:
    model = load(saved, dtype, quantization_config=Int8Config(rotate=rotate))
    assert int8_layers(model) == sorted(tiny.FLUX_QUANTIZED)
    for name in tiny.FLUX_FLOAT:
        assert model.get_submodule(name).weight.dtype == dtype
    assert not any(tensor.is_meta for tensor in model.state_dict().values())
    assert error(step(model, dtype), step(load(saved), torch.float32)) < BOUND[dtype]


@pytest.mark.parametrize("rotate", [1, 16, 64])
def test_loading_gives_what_quantize_gives(saved: pathlib.Path, rotate: int) -> None:
    expected = quantize_(load(saved), rotate=rotate)
    assert_same(load(saved, quantization_config=Int8Config(rotate=rotate)), expected)


def test_weights_are_quantized_from_the_files_precision(saved: pathlib.Path) -> None:
    """A bf16 model of float32 files rounds its weights once, to int8, and its scales stay float32."""
    expected = load(saved, quantization_config=Int8Config())
    model = load(saved, torch.bfloat16, quantization_config=Int8Config())
    for name in int8_layers(model):
        layer, other = model.get_submodule(name), expected.get_submodule(name)
        assert torch.equal(layer.weight, other.weight) and torch.equal(layer.weight_scale, other.weight_scale)
        assert layer.weight_scale.dtype == torch.float32


def test_without_a_dtype_the_rest_is_float32(saved: pathlib.Path) -> None:
    assert_same(
        FluxTransformer2DModel.from_pretrained(saved, quantization_config=Int8Config()),
        load(saved, quantization_config=Int8Config()),
    )


def test_modules_to_not_convert_are_left_beside_the_default(saved: pathlib.Path) -> None:
    model = load(saved, quantization_config=Int8Config(modules_to_not_convert=["ff", "*.to_q"]))
    assert int8_layers(model) == sorted(n for n in tiny.FLUX_QUANTIZED if ".ff." not in n and not n.endswith(".to_q"))


def test_skip_replaces_the_default(saved: pathlib.Path) -> None:
    model = load(saved, quantization_config=Int8Config(skip=["transformer_blocks.*", "single_*"]))
    assert set(int8_layers(model)) <= set(tiny.FLUX_FLOAT) and "context_embedder" in int8_layers(model)


def test_nothing_is_told_to_be_missing(saved: pathlib.Path, tmp_path: pathlib.Path) -> None:
    model, info = load(saved, quantization_config=Int8Config(), output_loading_info=True)
    assert info["missing_keys"] == info["unexpected_keys"] == []
    model.save_pretrained(tmp_path)
    _, info = load(tmp_path, output_loading_info=True)
    assert info["missing_keys"] == info["unexpected_keys"] == []


def test_modules_that_diffusers_keeps_in_float32_are_left(saved: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FluxTransformer2DModel, "_keep_in_fp32_modules", ["ff"])
    model = load(saved, torch.bfloat16, quantization_config=Int8Config())
    assert int8_layers(model) == sorted(name for name in tiny.FLUX_QUANTIZED if ".ff." not in name)
    assert model.get_submodule("transformer_blocks.0.ff.net.2").weight.dtype == torch.float32


def test_shards_are_loaded(tmp_path: pathlib.Path, saved: pathlib.Path) -> None:
    load(saved).save_pretrained(tmp_path, max_shard_size="200KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    assert_same(load(tmp_path, quantization_config=Int8Config()), load(saved, quantization_config=Int8Config()))


def test_no_more_than_one_weight_is_there_in_both_forms(saved: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes of the model's tensors, taken as each weight has been made: never more than the INT8 model's in the end."""
    sizes: list[int] = []
    create = Int8Quantizer.create_quantized_param

    def counted(self: Any, model: nn.Module, *args: Any, **kwargs: Any) -> None:
        create(self, model, *args, **kwargs)
        sizes.append(resident(model))

    monkeypatch.setattr(Int8Quantizer, "create_quantized_param", counted)
    model = load(saved, torch.bfloat16, quantization_config=Int8Config())
    assert len(sizes) == len(tiny.FLUX_QUANTIZED)
    assert max(sizes) <= resident(model) < 0.75 * resident(load(saved, torch.bfloat16))


def resident(model: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in model.state_dict().values() if not tensor.is_meta)


def test_a_device_map_of_one_device(saved: pathlib.Path) -> None:
    model = load(saved, quantization_config=Int8Config(), device_map="cpu")
    assert_same(model, load(saved, quantization_config=Int8Config()))


def test_a_device_map_with_the_disk_is_refused(saved: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with pytest.raises(UsageError, match="disk"):
        load(saved, quantization_config=Int8Config(), device_map={"": "disk"}, offload_folder=tmp_path)


def test_a_single_file_is_loaded_and_can_be_saved(saved: pathlib.Path, tmp_path: pathlib.Path) -> None:
    file = saved / "diffusion_pytorch_model.safetensors"
    options = {"config": str(saved), "torch_dtype": torch.float32, "quantization_config": Int8Config()}
    model = FluxTransformer2DModel.from_single_file(str(file), **options)
    assert_same(model, load(saved, quantization_config=Int8Config()))
    model.save_pretrained(tmp_path)
    assert_same(load(tmp_path), model)


# ---- Saving, and loading again ----


@pytest.mark.parametrize("rotate", [1, 64])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shard", ["10GB", "200KB"])
def test_a_saved_int8_model_is_the_same_when_loaded(
    saved: pathlib.Path, tmp_path: pathlib.Path, dtype: torch.dtype, rotate: int, shard: str
) -> None:
    model = load(saved, dtype, quantization_config=Int8Config(rotate=rotate))
    model.save_pretrained(tmp_path, max_shard_size=shard)
    again = load(tmp_path, dtype)
    assert_same(again, model)
    assert_same_step(again, model, dtype)


def test_what_is_saved(saved: pathlib.Path, tmp_path: pathlib.Path) -> None:
    load(saved, torch.bfloat16, quantization_config=Int8Config(rotate=64)).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())["quantization_config"]
    assert config["quant_method"] == "ditune" and config["rotate"] == 64 and config["skip"] == list(DEFAULT_SKIP)
    tensors = load_file(tmp_path / "diffusion_pytorch_model.safetensors")
    for name in tiny.FLUX_QUANTIZED:
        assert tensors[f"{name}.weight"].dtype == torch.int8 and tensors[f"{name}.weight_scale"].dtype == torch.float32
    for name in tiny.FLUX_FLOAT:
        assert tensors[f"{name}.weight"].dtype == torch.bfloat16


@pytest.mark.parametrize("change", [lambda model: model, fuse_])
def test_what_load_has_read_is_saved_as_int8(change: Any, saved: pathlib.Path, tmp_path: pathlib.Path) -> None:
    model: Any = load(saved)
    save_(quantize_(load(saved), rotate=64), tmp_path / "comfy")
    change(load_(model, tmp_path / "comfy")).save_pretrained(tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())["quantization_config"]
    assert config == {"quant_method": "ditune", "rotate": 64}
    assert_same(load(tmp_path / "out"), quantize_(load(saved), rotate=64))


def test_a_config_of_what_is_no_list_or_text(tmp_path: pathlib.Path) -> None:
    config = Int8Config(skip=(each for each in ("a", "b")), device=torch.device("cpu"))  # type: ignore[arg-type]
    assert json.loads(json.dumps(config.to_dict()))["skip"] == ["a", "b"] and config.device == "cpu"


def test_a_saved_int8_model_makes_no_float_weights(
    saved: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(saved, quantization_config=Int8Config()).save_pretrained(tmp_path)

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a weight was quantized")

    monkeypatch.setattr("ditune.diffusers.quantize_weight", refuse)
    load(tmp_path)


@pytest.mark.parametrize("change", [quantize_, fuse_])
def test_a_model_that_was_changed_in_place_is_loaded_as_int8(
    saved: pathlib.Path, tmp_path: pathlib.Path, change: Callable[..., Any]
) -> None:
    model = change(load(saved), rotate=16)
    model.save_pretrained(tmp_path)
    assert_same(quantize_(load(saved), rotate=16), load(tmp_path))


def test_factors_of_smoothing_are_loaded(saved: pathlib.Path, tmp_path: pathlib.Path) -> None:
    name = "transformer_blocks.0.attn.to_q"
    model = load(saved)
    factors = torch.rand(model.get_submodule(name).in_features) + 0.5
    quantize_(model, smooth={name: factors}).save_pretrained(tmp_path)
    assert_same(model, load(tmp_path))


def test_a_saved_model_has_the_layers_that_it_was_saved_with(saved: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Also where the rules that chose them have changed since."""
    load(saved, quantization_config=Int8Config(modules_to_not_convert=["ff"])).save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    config = json.loads(file.read_text())
    config["quantization_config"] |= {"skip": [], "modules_to_not_convert": []}
    file.write_text(json.dumps(config))
    assert int8_layers(load(tmp_path)) == sorted(name for name in tiny.FLUX_QUANTIZED if ".ff." not in name)


def test_tensors_that_lie_between_alignments_are_copied_once(saved: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """In a file that is mapped they may lie at a multiple of 8 bytes; kernels read multiples of 16."""
    load(saved, quantization_config=Int8Config()).save_pretrained(tmp_path)
    file = tmp_path / "diffusion_pytorch_model.safetensors"
    stored = file.read_bytes()
    size = int.from_bytes(stored[:8], "little")
    header = stored[8 : 8 + size].rstrip()
    header += b" " * (-len(header) % 16)
    file.write_bytes(len(header).to_bytes(8, "little") + header + stored[8 + size :])
    assert load_file(file)["proj_out.bias"].data_ptr() % 16 == 8
    model = load(tmp_path)
    for name in int8_layers(model):
        layer = model.get_submodule(name)
        for tensor in (*layer.parameters(), layer.weight_scale):
            assert tensor.data_ptr() % 16 == 0, name


def test_a_layer_of_another_form_is_named(saved: pathlib.Path, tmp_path: pathlib.Path) -> None:
    load(saved, quantization_config=Int8Config()).save_pretrained(tmp_path)
    file, name = tmp_path / "diffusion_pytorch_model.safetensors", tiny.FLUX_QUANTIZED[0]
    other = torch.tensor(list(b'{"format": "nvfp4"}'), dtype=torch.uint8)
    save_file({**load_file(file), f"{name}.comfy_quant": other}, file, metadata={"format": "pt"})
    with pytest.raises(UsageError, match=rf"^{name} is of the format 'nvfp4' \("):
        load(tmp_path)


def test_a_new_process_needs_the_import_alone(saved: pathlib.Path, tmp_path: pathlib.Path) -> None:
    load(saved, quantization_config=Int8Config()).save_pretrained(tmp_path)
    code = f"import ditune.diffusers, diffusers; diffusers.FluxTransformer2DModel.from_pretrained({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


# ---- Pipelines ----


def load_pipeline(path: pathlib.Path, dtype: torch.dtype = torch.float32, **options: Any) -> Any:
    pipe = FluxPipeline.from_pretrained(path, torch_dtype=dtype, **options)
    pipe.set_progress_bar_config(disable=True)
    pipe.transformer = copy.deepcopy(pipe.transformer)  # as of assert_same_step
    return pipe


def transformer_in_int8(**options: Any) -> PipelineQuantizationConfig:
    return PipelineQuantizationConfig(quant_mapping={"transformer": Int8Config(**options)})


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_pipeline(pipeline: pathlib.Path, tmp_path: pathlib.Path, dtype: torch.dtype) -> None:
    pipe = load_pipeline(pipeline, dtype, quantization_config=transformer_in_int8())
    assert int8_layers(pipe.transformer) == sorted(tiny.FLUX_QUANTIZED)
    assert not int8_layers(pipe.text_encoder_2)
    image = tiny.image(pipe)
    assert (image - tiny.image(load_pipeline(pipeline, dtype))).abs().mean() < 0.01  # of 0 to 1
    pipe.save_pretrained(tmp_path)
    assert torch.equal(tiny.image(load_pipeline(tmp_path, dtype)), image)


def test_moving_keeps_the_types_and_casting_is_refused(saved: pathlib.Path) -> None:
    model = load(saved, torch.bfloat16, quantization_config=Int8Config())
    before = step(model, torch.bfloat16)
    assert torch.equal(step(model.to("cpu"), torch.bfloat16), before)
    with pytest.raises(ValueError, match="dtype"):
        model.to(torch.float16)


@pytest.mark.parametrize("buffers", [False, True])
def test_every_layer_can_be_offloaded(saved: pathlib.Path, buffers: bool) -> None:
    """As enable_sequential_cpu_offload does it, here from the CPU to the CPU; with buffers where the model itself has
    parameters."""
    model = load(saved, torch.bfloat16, quantization_config=Int8Config(rotate=64))
    before = step(model, torch.bfloat16)
    accelerate.cpu_offload(model, "cpu", offload_buffers=buffers)
    for _ in range(2):
        assert all(model.get_submodule(name).weight.is_meta for name in tiny.FLUX_QUANTIZED)
        assert torch.equal(step(model, torch.bfloat16), before)


def test_the_dtype_is_that_of_the_float_layers(saved: pathlib.Path) -> None:
    """Not that of scales: pipelines convert their inputs to it."""
    model = load(saved, torch.bfloat16, quantization_config=Int8Config(skip=[]))
    assert model.dtype == torch.bfloat16


class Stream:
    """In the place of one of a GPU."""

    def synchronize(self) -> None: ...


def test_groups_on_a_stream_give_their_memory_back(saved: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stream diffusers brings parameters of modules back to the CPU, and not buffers."""
    from diffusers.hooks.group_offloading import ModuleGroup

    model = load(saved, torch.bfloat16, quantization_config=Int8Config())
    block = model.transformer_blocks[0]
    cpu = torch.device("cpu")
    group = ModuleGroup([block], cpu, cpu, block, stream=None)
    group.stream, group.record_stream, group.low_cpu_mem_usage = Stream(), True, True
    group.cpu_param_dict = group._init_cpu_param_dict()
    kept = {tensor.data_ptr() for tensor in group.cpu_param_dict.values()}
    for tensor in (*block.parameters(), *block.buffers()):
        tensor.data = tensor.data.clone()  # onloaded
    group._offload_to_memory()
    left = [each for each in (*block.parameters(), *block.buffers()) if each.data_ptr() not in kept]
    assert sum(each.nbytes for each in left) < 0.05 * sum(each.nbytes for each in block.state_dict().values())


@pytest.mark.parametrize("kind", ["block_level", "leaf_level"])
def test_groups_can_be_offloaded(saved: pathlib.Path, kind: str) -> None:
    model = load(saved, torch.bfloat16, quantization_config=Int8Config(rotate=64))
    before = step(model, torch.bfloat16)
    model.enable_group_offload(torch.device("cpu"), offload_type=kind, num_blocks_per_group=1)
    assert torch.equal(step(model, torch.bfloat16), before)


def test_a_lora_adapter_works_beside_int8_layers(saved: pathlib.Path) -> None:
    peft = pytest.importorskip("peft")
    from ditune.torch import enable_lora

    enable_lora()
    model = load(saved, quantization_config=Int8Config(rotate=64))
    before = step(model, torch.float32)
    model.add_adapter(peft.LoraConfig(r=4, target_modules=["to_q", "proj_mlp"], init_lora_weights=False))
    assert error(step(model, torch.float32), before) > 1e-3
    model.disable_adapters()
    assert torch.equal(step(model, torch.float32), before)


def test_a_model_compiles_without_a_graph_break(saved: pathlib.Path) -> None:
    model = load(saved, quantization_config=Int8Config())
    before = step(model, torch.float32)
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    assert torch.equal(step(compiled, torch.float32), before)


# ---- The config ----


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rotate": 32}, "rotate is 32"),
        ({"skip": "proj_out"}, "skip is"),
        ({"modules_to_not_convert": [1]}, "not_convert is"),
    ],
)
def test_a_wrong_config_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Int8Config(**options)


def test_a_config_is_the_same_after_a_round_trip() -> None:
    config = Int8Config(rotate=256, modules_to_not_convert=["x"], device="cuda")
    assert Int8Config.from_dict(json.loads(config.to_json_string())) == config
    assert "rotate=256" in repr(config)
