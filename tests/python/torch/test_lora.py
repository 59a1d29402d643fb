# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pathlib
import pickle
from typing import Any

import diffusers
import ditune.torch
import peft
import pytest
import torch
from ditune.errors import UsageError
from ditune.torch import Int8Linear, quantize_
from torch import nn

RANK = 4


@pytest.fixture
def adapted() -> tuple[nn.Module, Any]:
    """A model in int8, and the same with an adapter that does something."""
    torch.manual_seed(0)
    model = quantize_(nn.Sequential(nn.Linear(64, 96), nn.LayerNorm(96), nn.Linear(96, 64)), rotate=16)
    ditune.torch.enable_lora()
    ditune.torch.enable_lora()
    lora = peft.get_peft_model(model, peft.LoraConfig(r=RANK, target_modules=["0", "2"], init_lora_weights=False))
    return model, lora


def test_adapters_are_beside_the_layers(adapted: tuple[nn.Module, Any]) -> None:
    _, lora = adapted
    layer, x = lora.base_model.model[0], torch.randn(3, 64)
    base = layer.base_layer
    assert isinstance(base, Int8Linear) and base.rotate == 16
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    scaling = layer.scaling["default"]
    with torch.no_grad():
        torch.testing.assert_close(layer(x), base(x) + x @ a.T @ b.T * scaling)  # of x as it is, not rotated
        with lora.disable_adapter():
            assert torch.equal(layer(x), base(x))
        assert lora(x).shape == (3, 64)


def test_another_adapter_and_removal(adapted: tuple[nn.Module, Any]) -> None:
    _, lora = adapted
    x = torch.randn(3, 64)
    lora.add_adapter("second", peft.LoraConfig(r=RANK, target_modules=["0"], init_lora_weights=False))
    with torch.no_grad():
        first = lora(x)
        lora.set_adapter("second")
        assert not torch.equal(lora(x), first)
        plain = lora.unload()
        assert isinstance(plain[0], Int8Linear) and plain(x).shape == (3, 64)


def test_merging_is_refused_by_name(adapted: tuple[nn.Module, Any]) -> None:
    _, lora = adapted
    for merge in (lora.merge_and_unload, lora.merge_adapter):
        with pytest.raises(UsageError, match=r"merge_and_unload cannot add LoRA to int8 weights \(keep"):
            merge()


OF_WEIGHTS = [
    ({"use_dora": True}, r"^DoRA needs the float weight of a layer, .* \(leave use_dora out\)$"),
    ({"init_lora_weights": "pissa_niter_4"}, r"^init_lora_weights='pissa_niter_4' needs the float weight"),
    ({"init_lora_weights": "olora"}, r"^init_lora_weights='olora' needs the float weight"),
]


@pytest.mark.parametrize(("options", "why"), OF_WEIGHTS)
def test_adapters_of_float_weights_are_refused_by_name(options: dict[str, Any], why: str) -> None:
    model = quantize_(nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64)))
    ditune.torch.enable_lora()
    with pytest.raises(UsageError, match=why):
        peft.get_peft_model(model, peft.LoraConfig(target_modules=["0"], **options))
    assert type(model[0]) is Int8Linear


@pytest.mark.parametrize(("options", "why"), OF_WEIGHTS)
def test_second_adapters_of_float_weights_are_refused(
    adapted: tuple[nn.Module, Any], options: dict[str, Any], why: str
) -> None:
    """For which peft makes no new layer."""
    _, lora = adapted
    layer, x = lora.base_model.model[0], torch.randn(3, 64)
    with torch.no_grad():
        before = lora(x)
        with pytest.raises(UsageError, match=why):
            lora.add_adapter("second", peft.LoraConfig(r=RANK, target_modules=["0"], **options))
        assert list(layer.lora_A) == list(layer.r) == list(lora.peft_config) == ["default"]
        assert torch.equal(lora(x), before)


def test_kasa_is_refused() -> None:
    """It changes the weight itself."""
    if not hasattr(peft.tuners.lora.config, "KasaConfig"):
        pytest.skip("peft has no KaSA yet")
    model: Any = quantize_(nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64)))
    weight, kasa = model[0].weight.clone(), peft.tuners.lora.config.KasaConfig()
    ditune.torch.enable_lora()
    with pytest.raises(UsageError, match=r"^KaSA needs the float weight"):
        peft.get_peft_model(model, peft.LoraConfig(target_modules=["0"], kasa_config=kasa))
    assert torch.equal(model[0].weight, weight)


def test_float_layers_are_still_pefts_own() -> None:
    ditune.torch.enable_lora()
    model: Any = peft.get_peft_model(nn.Sequential(nn.Linear(64, 64)), peft.LoraConfig(target_modules=["0"]))
    assert type(model.base_model.model[0]) is peft.tuners.lora.Linear
    model.merge_and_unload()


def test_quantize_leaves_pefts_layers(adapted: tuple[nn.Module, Any]) -> None:
    model = peft.get_peft_model(nn.Sequential(nn.Linear(64, 64)), peft.LoraConfig(r=RANK, target_modules=["0"]))
    before = [type(module) for module in model.modules()]
    quantize_(model, skip=("*lora_*", "*base_layer"))
    assert [type(module) for module in model.modules()] == before


def flux() -> Any:
    transformer: Any = diffusers.FluxTransformer2DModel
    torch.manual_seed(0)
    return transformer(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=64,
        num_attention_heads=2,
        joint_attention_dim=64,
        pooled_projection_dim=64,
        axes_dims_rope=(16, 24, 24),
    )


def test_diffusers_loads_an_adapter_into_int8(tmp_path: pathlib.Path) -> None:
    ditune.torch.enable_lora()
    reference, model = flux(), quantize_(flux(), rotate=64)
    config = peft.LoraConfig(r=RANK, target_modules=["to_q", "to_k", "proj_mlp"], init_lora_weights=False)
    reference.add_adapter(config)
    reference.save_lora_adapter(tmp_path)
    model.load_lora_adapter(tmp_path, prefix=None, weight_name="pytorch_lora_weights.safetensors")
    given = {
        "hidden_states": torch.randn(1, 16, 16),
        "encoder_hidden_states": torch.randn(1, 8, 64),
        "pooled_projections": torch.randn(1, 64),
        "timestep": torch.tensor([0.5]),
        "img_ids": torch.zeros(16, 3),
        "txt_ids": torch.zeros(8, 3),
        "return_dict": False,
    }
    with torch.no_grad():
        wanted, made = reference(**given)[0], model(**given)[0]
        assert (made - wanted).norm() < 0.01 * wanted.norm()
        model.disable_lora()
        assert (model(**given)[0] - wanted).norm() > 0.02 * wanted.norm()
    with pytest.raises(UsageError, match="merge_and_unload cannot"):
        model.fuse_lora()
    model.unload_lora()
    assert isinstance(model.transformer_blocks[0].attn.to_q, Int8Linear)


def test_pickles(adapted: tuple[nn.Module, Any]) -> None:
    _, lora = adapted
    layer, x = lora.base_model.model, torch.randn(3, 64)
    other = pickle.loads(pickle.dumps(layer))
    with torch.no_grad():
        assert type(other[0]) is type(layer[0]) and torch.equal(other(x), layer(x))
