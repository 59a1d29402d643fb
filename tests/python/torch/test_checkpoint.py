# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import pathlib
from typing import Any

import accelerate
import comfy_kitchen.tensor
import pytest
import torch
from comfy_kitchen.tensor import QuantizedTensor, TensorWiseINT8Layout
from ditune.errors import UsageError
from ditune.torch import Int8Linear, load_, quantize_, save_
from safetensors.torch import load_file, save_file
from torch import nn


class Model(nn.Module):
    def __init__(self, dtype: torch.dtype = torch.bfloat16) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(256, dtype=dtype)
        self.up = nn.Linear(256, 128, dtype=dtype)
        self.down = nn.Linear(128, 256, bias=False, dtype=dtype)
        self.head = nn.Linear(256, 8, dtype=dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.head(self.down(self.up(self.norm(x))))
        return made


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    return quantize_(Model(), rotate=256)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(5, 256, dtype=torch.bfloat16)


def test_round_trip(model: Model, x: torch.Tensor, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "model.safetensors"
    save_(model, file)
    with torch.device("meta"):
        on_meta = Model()
    for other in (Model(), on_meta, quantize_(Model()), quantize_(Model(), rotate=16)):
        assert load_(other, file) is other
        assert isinstance(other.up, Int8Linear) and other.up.rotate == 256
        assert isinstance(other.down, Int8Linear) and other.down.rotate == 64
        assert torch.equal(other(x), model(x))
        for name in ("up", "down"):  # else each call would copy them
            assert not any(t.data_ptr() % 16 for t in other.get_submodule(name).state_dict().values())
    assert list(tmp_path.iterdir()) == [file]


def test_what_the_file_has(model: Model, tmp_path: pathlib.Path) -> None:
    save_(model, tmp_path / "a")
    tensors = load_file(tmp_path / "a")
    assert sorted(name for name in tensors if name.startswith("up.")) == [
        "up.bias",
        "up.comfy_quant",
        "up.weight",
        "up.weight_scale",
    ]
    assert tensors["up.weight"].dtype == torch.int8 and tensors["up.weight_scale"].shape == (128, 1)
    assert tensors["up.weight_scale"].dtype == torch.float32
    config = json.loads(tensors["up.comfy_quant"].numpy().tobytes())
    assert config == {"format": "int8_tensorwise", "convrot": True, "convrot_groupsize": 256}


def test_comfy_kitchen_reads_the_same_weights(tmp_path: pathlib.Path) -> None:
    torch.manual_seed(0)
    for rotate in (1, 64):
        model = Model(torch.float32)
        wanted = model.up.weight.detach().clone()
        save_(quantize_(model, rotate=rotate), tmp_path / "a")
        tensors = load_file(tmp_path / "a")
        config = json.loads(tensors["up.comfy_quant"].numpy().tobytes())
        params = TensorWiseINT8Layout.Params(
            scale=tensors["up.weight_scale"],
            orig_dtype=torch.float32,
            orig_shape=(128, 256),
            convrot=config.get("convrot", False),
            convrot_groupsize=config.get("convrot_groupsize", 256),
        )
        made = TensorWiseINT8Layout.dequantize(tensors["up.weight"], params)
        assert (made - wanted).norm() / wanted.norm() < 0.01
        assert isinstance(model.up, Int8Linear)
        torch.testing.assert_close(made, model.up.dequantize())


@pytest.mark.parametrize(("rotate", "one_scale"), [(1, False), (1, True), (64, False)])
def test_reads_what_comfy_kitchen_writes(rotate: int, one_scale: bool, x: torch.Tensor, tmp_path: pathlib.Path) -> None:
    torch.manual_seed(0)
    model = Model()
    tensors: dict[str, Any] = {f"model.diffusion_model.{name}": each for name, each in model.state_dict().items()}
    quantized: Any = QuantizedTensor.from_float(
        model.up.weight.detach().float(),
        "TensorWiseINT8Layout",
        per_channel=not one_scale,
        convrot=rotate > 1,
        convrot_groupsize=rotate if rotate > 1 else 256,
    )
    config: dict[str, Any] = {"format": "int8_tensorwise"}
    if rotate > 1:
        config |= {"params": {"convrot": True, "convrot_groupsize": rotate}}
    prefix = "model.diffusion_model.up."
    tensors[prefix + "weight"] = quantized._qdata
    tensors[prefix + "weight_scale"] = quantized._params.scale
    tensors[prefix + "comfy_quant"] = torch.tensor(list(json.dumps(config).encode()), dtype=torch.uint8)
    save_file(tensors, tmp_path / "a", metadata={})
    loaded = load_(Model(), tmp_path / "a", prefix="model.diffusion_model.")
    assert isinstance(loaded.up, Int8Linear) and type(loaded.down) is nn.Linear
    wanted, made = model(x), loaded(x)
    assert (made - wanted).norm() / wanted.norm() < 0.03
    rows = comfy_kitchen.int8_linear(
        x,
        quantized._qdata,
        quantized._params.scale,
        model.up.bias,
        torch.bfloat16,
        convrot=rotate > 1,
        convrot_groupsize=64,
    )
    assert (loaded.up(x) - rows).norm() / rows.norm() < 0.02


def test_refusals(model: Model, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "a"
    save_(model, file)
    with pytest.raises(UsageError, match=r"lacks 2 tensors \(gone.bias, gone.weight\) \(give prefix="):
        other = Model()
        other.gone = nn.Linear(4, 4)
        load_(other, file)
    load_(other, file, strict=False)
    with pytest.raises(UsageError, match=r"head.bias is \[8\] in the file and \[9\] in the model"):
        other = Model()
        other.head = nn.Linear(256, 9)
        load_(other, file)
    tensors = load_file(file)
    tensors["up.comfy_quant"] = torch.tensor(list(b'{"format": "nvfp4"}'), dtype=torch.uint8)
    save_file(tensors, file)
    with pytest.raises(UsageError, match=r"up is of the format 'nvfp4' \(give a checkpoint of int8_tensorwise\)"):
        load_(Model(), file)
    smooth = quantize_(Model(), smooth={"up": torch.ones(256)})
    with pytest.raises(UsageError, match="up is smoothed"):
        save_(smooth, tmp_path / "b")
    with torch.device("meta"), pytest.raises(UsageError, match="is on meta and has no values"):
        save_(Model(), tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_a_refused_file_leaves_the_model(model: Model, x: torch.Tensor, tmp_path: pathlib.Path) -> None:
    save_(model, tmp_path / "a")
    tensors = load_file(tmp_path / "a")
    wrong = (
        {"more": torch.zeros(3)},
        {"head.bias": torch.zeros(3)},
        {"up.comfy_quant": torch.tensor(list(b'{"format": "nvfp4"}'), dtype=torch.uint8)},
        {
            "up.comfy_quant": torch.tensor(
                list(b'{"format": "int8_tensorwise", "convrot": 1, "convrot_groupsize": null}')
            )
        },
        {"up.comfy_quant": torch.zeros(3)},
        {"up.weight": torch.zeros(128, 256)},
        {"up.weight": torch.zeros(128, 256, dtype=torch.uint8)},
        {"down.weight_scale": torch.zeros(3)},
        {"norm.weight": None},
        {"down.weight_scale": None},
    )
    for other in (Model(), quantize_(Model(), rotate=16), quantize_(Model())):
        wanted = other(x)
        for each in wrong:
            save_file({name: t for name, t in {**tensors, **each}.items() if t is not None}, tmp_path / "b")
            with pytest.raises(UsageError):
                load_(other, tmp_path / "b")
            assert torch.equal(other(x), wanted), each


def test_what_a_file_lacks_stays(model: Model, tmp_path: pathlib.Path) -> None:
    """Without strict: a float layer, and a bias."""
    save_(model, tmp_path / "a")
    tensors = load_file(tmp_path / "a")
    del tensors["up.bias"], tensors["down.weight"]
    save_file(tensors, tmp_path / "a")
    other = Model()
    bias, down = other.up.bias.clone(), other.down
    load_(other, tmp_path / "a", strict=False)
    assert isinstance(other.up, Int8Linear) and other.up.rotate == 256
    assert other.up.bias is not None and torch.equal(other.up.bias, bias) and other.down is down
    rotated = quantize_(Model(), rotate=16)
    load_(rotated, tmp_path / "a", strict=False)
    assert (
        isinstance(rotated.down, Int8Linear) and rotated.down.rotate == 16
    )  # not the file's, whose weight is not there


def test_nothing_half_written_stays(model: Model, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(tensors: Any, file: str, **_: Any) -> None:
        pathlib.Path(file).write_bytes(b"half")
        raise OSError("no space left")

    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(OSError, match="no space left"):
        save_(model, tmp_path / "a")
    assert list(tmp_path.iterdir()) == [tmp_path / "a"] and (tmp_path / "a").read_bytes() == b"old"


def test_a_buffer_that_no_file_has_may_not_be_on_meta(tmp_path: pathlib.Path) -> None:
    class Rotary(Model):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("frequencies", torch.arange(4.0), persistent=False)

    save_(quantize_(Rotary()), tmp_path / "a")
    with torch.device("meta"):
        on_meta = Rotary()
    with pytest.raises(UsageError, match=r"frequencies is on meta, and in no file \(make the model under accelerate"):
        load_(on_meta, tmp_path / "a")
    with accelerate.init_empty_weights(include_buffers=False):
        empty = Rotary()
    load_(empty, tmp_path / "a")
    assert not any(each.is_meta for each in (*empty.parameters(), *empty.buffers()))


@pytest.mark.parametrize("names", [["first.weight", "first.bias"], ["first.weight", "first.bias", "last.weight"]])
def test_tied_weights_stay_tied(names: list[str], tmp_path: pathlib.Path) -> None:
    model = nn.ModuleDict({"first": nn.Linear(8, 8), "middle": nn.Linear(8, 8), "last": nn.Linear(8, 8, bias=False)})
    model["last"].weight = model["middle"].weight = model["first"].weight
    given = {name: torch.full((8, 8) if "weight" in name else (8,), 3.0) for name in names}
    save_file(given, tmp_path / "a")
    load_(model, tmp_path / "a", strict=False)
    assert model["last"].weight is model["middle"].weight is model["first"].weight
    assert torch.equal(model.get_parameter("last.weight"), given["first.weight"])
