# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import logging
import weakref
from typing import Any

import accelerate
import diffusers
import ditune.torch.weights
import pytest
import torch
from ditune.errors import UsageError
from ditune.torch import DEFAULT_SKIP, Int8Linear, quantize_, quantize_weight
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode


class Block(nn.Module):
    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.norm1 = nn.ModuleDict({"linear": nn.Linear(width, 6 * width)})
        self.to_q = nn.Linear(width, width)
        self.proj_out = nn.Linear(width, width, bias=False)
        self.tiny = nn.Linear(width, 4)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.x_embedder = nn.Linear(64, 128)
        self.blocks = nn.ModuleList([Block(), Block()])
        self.proj_out = nn.Linear(128, 64)


def int8_layers(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if isinstance(module, Int8Linear)]


def test_layers_become_int8(caplog: pytest.LogCaptureFixture) -> None:
    model = Model()
    with caplog.at_level(logging.INFO, "ditune"):
        assert quantize_(model) is model
    assert int8_layers(model) == [f"blocks.{i}.{name}" for i in (0, 1) for name in ("to_q", "proj_out")]
    assert caplog.messages == ["quantize_: 4 of 10 linear layers are int8 now, 6 are left as they are"]


@pytest.mark.parametrize(
    ("skip", "count"),
    [
        ((), 8),
        ("blocks.0", 5),
        (("*.to_q", "norm*"), 6),
        ((*DEFAULT_SKIP, "blocks.1"), 2),
        (lambda name, linear: linear.bias is not None, 2),
    ],
)
def test_skip(skip: Any, count: int) -> None:
    assert len(int8_layers(quantize_(Model(), skip=skip))) == count


@pytest.mark.parametrize(("columns", "rotate"), [(256, 256), (192, 64), (80, 16), (72, 1)])
def test_rotation_falls_to_a_group_that_divides(columns: int, rotate: int) -> None:
    model = quantize_(nn.Sequential(nn.Linear(columns, 64)), rotate=256)
    assert model[0].rotate == rotate


def test_smoothing_by_name() -> None:
    model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64))
    with pytest.raises(UsageError, match=r"smooth has '7', which is not quantized"):
        quantize_(model, smooth={"7": torch.ones(64)})
    smooth = torch.rand(64) + 0.5
    quantize_(model, smooth={"1": smooth})
    assert model[0].smooth is None and torch.equal(model[1].smooth, 1 / smooth)


def test_what_is_left_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    class Other(nn.Linear):
        pass

    model = nn.ModuleDict({name: nn.Linear(64, 64) for name in ("a", "b", "hooked", "seen", "watched", "twice")})
    model["b"].weight = model["a"].weight
    model["other"] = Other(64, 64)
    model["hooked"].register_forward_hook(lambda *_: None)
    model["seen"].register_forward_pre_hook(lambda *_: None)
    accelerate.hooks.add_hook_to_module(model["watched"], accelerate.hooks.ModelHook())
    model["again"] = model["twice"]
    with caplog.at_level(logging.WARNING, "ditune"):
        quantize_(model)
    assert int8_layers(model) == ["twice"] and model["again"] is model["twice"]
    assert caplog.messages == [
        "quantize_: left as they are, 3 (hooked, ...) with hooks (quantize before hooks are added)"
    ]
    with pytest.raises(UsageError, match=r"a single nn\.Linear"):
        quantize_(nn.Linear(64, 64))
    with pytest.raises(UsageError, match="rotate=32 is no Hadamard group"):
        quantize_(model, rotate=32)


def test_on_meta_then_loaded() -> None:
    model = quantize_(Model(), rotate=64)
    with torch.device("meta"):
        other = quantize_(Model(), rotate=64)
    assert int8_layers(other) == int8_layers(model)
    other.load_state_dict(model.state_dict(), assign=True)
    x = torch.randn(2, 128)
    assert torch.equal(other.blocks[0].to_q(x), model.blocks[0].to_q(x))  # type: ignore[operator]


class Peak(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Bytes of the storages that are alive, at most."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.most = 0
        self.known: set[int] = set()
        for tensor in model.parameters():
            self.track(tensor)

    def track(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key not in self.known:
            self.known.add(key)
            self.now += size
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self.free, key, size)

    def free(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.now -= size

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (list, tuple)) else [made]:
            if isinstance(tensor, torch.Tensor):
                self.track(tensor)
        return made


def test_peak_of_memory_is_never_both_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ditune.torch.weights, "_CHUNK", 1 << 10)
    model = nn.Sequential(*(nn.Linear(256, 256, dtype=torch.bfloat16) for _ in range(16)))
    before = sum(tensor.nbytes for tensor in model.parameters())
    with Peak(model) as peak:
        quantize_(model, rotate=64)
    assert peak.most < 1.1 * before, "one layer in int8, and a few rows of it in float32, beside the model"
    assert peak.now < 0.6 * before


# By model, a layer that takes time, and what is left as it is beside norms.
MODELS = {
    "FluxTransformer2DModel": "single_transformer_blocks.0.proj_out",
    "Flux2Transformer2DModel": "transformer_blocks.0.ff.linear_out",
    "QwenImageTransformer2DModel": "transformer_blocks.0.txt_mlp.net.2",
    "WanTransformer3DModel": "blocks.0.ffn.net.0.proj",
    "SD3Transformer2DModel": "transformer_blocks.0.attn.add_k_proj",
    "LTXVideoTransformer3DModel": "transformer_blocks.0.attn2.to_k",
}


@pytest.mark.parametrize("name", MODELS)
def test_default_skip_takes_the_blocks_of_real_models(name: str) -> None:
    with torch.device("meta"):
        model = getattr(diffusers, name)()
    taken = int8_layers(quantize_(model))
    assert MODELS[name] in taken
    assert all("blocks." in layer and "norm" not in layer and "mod" not in layer for layer in taken)
    left = {name for name, module in model.named_modules() if type(module) is nn.Linear and "blocks." in name}
    assert all("norm" in layer or "_mod" in layer for layer in left)


def test_forwards_of_their_own_are_left(caplog: pytest.LogCaptureFixture) -> None:
    """As kohya's LoRA sets them."""
    model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64))
    forward = model[0].forward
    model[0].forward = lambda x: 3 * forward(x)
    quantize_(model)
    assert type(model[0]) is nn.Linear and isinstance(model[1], Int8Linear)
    assert "left as they are, 1 (0, ...) with a forward of its own (quantize before it is set)" in caplog.text


def test_layers_whose_weights_are_read_are_left(caplog: pytest.LogCaptureFixture) -> None:
    """The fast path of nn.TransformerEncoderLayer, which inference takes, gives them to a kernel of its own."""
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 2, 128, batch_first=True), 2)
    model = nn.ModuleDict({"encoder": encoder, "out": nn.Linear(64, 64)}).eval()
    x, padding = torch.randn(2, 5, 64), torch.tensor([[False] * 5, [False] * 3 + [True] * 2])
    with torch.inference_mode():
        wanted = encoder(x, src_key_padding_mask=padding)
        quantize_(model)
        assert torch.equal(encoder(x, src_key_padding_mask=padding), wanted)
    assert int8_layers(model) == ["out"]
    assert caplog.messages == [
        "quantize_: left as they are, 4 (encoder.layers.0.linear1, ...) with weights that nn.TransformerEncoderLayer "
        "reads itself (use Int8Linear.from_float if its fast path is off)"
    ]


def test_a_model_that_is_offloaded_is_refused() -> None:
    """Its weights are on meta."""
    model = Model()
    accelerate.cpu_offload(model, torch.device("cpu"))
    accelerate.hooks.add_hook_to_module(model.blocks[1].to_q, accelerate.hooks.ModelHook(), append=True)
    for skip in (DEFAULT_SKIP, (*DEFAULT_SKIP, "blocks.0")):
        with pytest.raises(UsageError, match=r"to_q is offloaded by accelerate \(call quantize_ before enable_seq"):
            quantize_(model, skip=skip)
    assert not int8_layers(model)


def test_a_model_that_a_device_map_has_placed_stays_there(caplog: pytest.LogCaptureFixture) -> None:
    model, alone = Model(), Model()
    alone.load_state_dict(model.state_dict())
    accelerate.dispatch_model(model, {"": "cpu"}, force_hooks=True)
    layer: Any = model.blocks[0].to_q
    hook = layer._hf_hook
    caplog.clear()
    with caplog.at_level(logging.WARNING, "ditune"):
        quantize_(model)
    assert int8_layers(model) == int8_layers(quantize_(alone)) and not caplog.messages
    layer = model.blocks[0].to_q
    assert layer._hf_hook is hook
    layer._hf_hook.execution_device = torch.device("meta")  # it is called
    with pytest.raises(UsageError, match="on cpu \\(give it on meta, where x is"):
        layer(torch.ones(1, layer.in_features))


def test_compiled_models_are_quantized() -> None:
    model: Any = torch.compile(Model())
    assert int8_layers(quantize_(model)) == [f"_orig_mod.{name}" for name in int8_layers(quantize_(Model()))]
    model = Model()
    model.blocks[0] = torch.compile(model.blocks[0])
    quantize_(model, skip=(*DEFAULT_SKIP, "blocks.0.to_q"))
    assert "blocks.0._orig_mod.proj_out" in int8_layers(model) and "blocks.0._orig_mod.to_q" not in int8_layers(model)


def test_skip_may_be_an_iterator() -> None:
    model = nn.Sequential(*(nn.Linear(64, 64) for _ in range(4)))
    assert int8_layers(quantize_(model, skip=(each for each in ("1", "3")))) == ["0", "2"]


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_dtypes_are_looked_at_first(name: str) -> None:
    model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64))
    setattr(model[1], name, nn.Parameter(getattr(model[1], name).to(torch.float8_e4m3fn), requires_grad=False))
    with pytest.raises(UsageError, match=r"1 is float8_e4m3fn \(convert the model to"):
        quantize_(model)
    assert not int8_layers(model)


def test_what_no_kernel_takes_is_left() -> None:
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(131_072, 64), nn.Linear(131_071, 64))
    assert int8_layers(quantize_(model)) == ["1"]


@pytest.mark.parametrize("factors", [torch.zeros(64), torch.full((64,), torch.nan), torch.ones(64, device="meta")])
def test_factors_that_make_no_number_are_refused(factors: torch.Tensor) -> None:
    model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64))
    with pytest.raises(UsageError, match=r"smooth\['1'\] is .* \(give finite factors, none of them 0"):
        quantize_(model, smooth={"1": factors})
    assert not int8_layers(model)


@pytest.mark.parametrize("smooth", [{"1": torch.ones(3)}, {"1": torch.ones(128)}])
def test_wrong_factors_leave_the_model_as_it_was(smooth: dict[str, torch.Tensor]) -> None:
    model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64))
    with pytest.raises(UsageError, match=r"smooth\['1'\] is float32 \[\d+\]"):
        quantize_(model, smooth=smooth)
    assert type(model[0]) is nn.Linear


def test_float64_and_no_columns_are_refused() -> None:
    with pytest.raises(UsageError, match="0 is float64"):
        quantize_(nn.Sequential(nn.Linear(64, 64)).double())
    skipped = nn.Sequential(nn.Linear(64, 64).double(), nn.Linear(64, 64), nn.Linear(64, 8).double())
    assert int8_layers(quantize_(skipped, skip="0")) == ["1"]
    with pytest.raises(UsageError, match="one column or more"):
        quantize_weight(torch.empty(4, 0))
    empty = nn.Sequential(nn.Linear(0, 64))
    assert type(quantize_(empty, min_features=0)[0]) is nn.Linear


def test_float_weights_are_not_loaded_into_int8() -> None:
    model = nn.Sequential(nn.Linear(64, 64))
    state = copy.deepcopy(model.state_dict())
    with pytest.raises(UsageError, match=r"0\.weight is float32 .* before quantize_"):
        quantize_(model).load_state_dict(state, strict=False)
