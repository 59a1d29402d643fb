# SPDX-License-Identifier: Apache-2.0
"""Bit-equality: of layers across batches, threads and devices, and of kernel variants."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from ditune._program import program_file
from ditune.torch import Int8Linear, quantize_
from quality_study import Subject
from torch import Tensor

ROWS = 300
PARTS = (1, 2, 16, 77, 128, 299)
OPERATIONS = (
    "gemm_s8:m=300,n=256,k=512,bias=bf16",
    "gemm_s8:m=300,n=256,k=512,op=swiglu",
    "gemm_s8:m=300,n=256,k=512,bias=bf16,residual=bf16,gate=channel",
    "quantize_s8:m=300,k=768,norm=rms,modulate=scale1,rotate=256",
    "quantize_s8:m=300,k=768,norm=layer,modulate=scale1_shift",
)
EMULATED = ("H100", "RTX 4090", "RTX 3090")

Options = dict[str, Any]


class Equality(NamedTuple):
    what: str
    compared: int
    equal: int
    remark: str = ""


def layers(device: str) -> Iterator[tuple[Int8Linear, Tensor, Callable[[slice], Options]]]:
    """A layer, its input, and its options for some of the rows."""
    torch.manual_seed(0)
    for columns, rotate, op in ((512, 1, "none"), (768, 256, "gelu_tanh"), (192, 64, "silu")):
        linear = torch.nn.Linear(columns, 320).bfloat16()
        layer = Int8Linear.from_float(linear, rotate=rotate, op=op).to(device)  # type: ignore[arg-type]
        x, residual = torch.randn(ROWS, columns).bfloat16().to(device), torch.randn(ROWS, 320).bfloat16().to(device)
        scale, gate = torch.randn(columns).bfloat16().to(device), torch.randn(320).bfloat16().to(device)
        yield layer, x, lambda rows: {}
        yield (
            layer,
            x,
            lambda rows, scale=scale, residual=residual, gate=gate: {  # type: ignore[misc]
                "norm": "rms",
                "scale": scale,
                "residual": residual[rows],
                "gate": gate,
            },
        )


def outputs(device: str) -> list[Tensor]:
    return [layer(x, **options(slice(None))).cpu() for layer, x, options in layers(device)]


def batches(device: str) -> Equality:
    """The first and the last rows alone, against the same rows among all."""
    compared = equal = 0
    for layer, x, options in layers(device):
        whole = layer(x, **options(slice(None)))
        for count in PARTS:
            for rows in (slice(0, count), slice(ROWS - count, ROWS)):
                compared += 1
                equal += torch.equal(layer(x[rows], **options(rows)), whole[rows])
    return Equality(f"layers on {device}: {len(PARTS)} numbers of rows against {ROWS}", compared, equal)


def against_cpu(device: str) -> Equality:
    pairs = list(zip(outputs("cpu"), outputs(device), strict=True))
    return Equality(f"layers on {device} against cpu", len(pairs), sum(torch.equal(*pair) for pair in pairs))


def threads() -> Equality:
    before, wanted = torch.get_num_threads(), outputs("cpu")
    compared = equal = 0
    for count in (1, 2, 3, 7):
        torch.set_num_threads(count)
        compared += len(wanted)
        equal += sum(map(torch.equal, outputs("cpu"), wanted))
    torch.set_num_threads(before)
    return Equality("layers on cpu: 1, 2, 3 and 7 threads", compared, equal)


def models(subject: Subject) -> Iterator[Equality]:
    """An INT8 model of two latents at once, against one at a time; and the float model in the same way."""
    model = quantize_(copy.deepcopy(subject.model), rotate=256)
    given, pair = subject.judged.given, torch.cat([subject.judged.latents, subject.calibrated.latents])
    calls: list[tuple[Int8Linear, Tensor, Tensor]] = []
    hooks = [
        layer.register_forward_hook(lambda layer, args, made: calls.append((layer, args[0], made)))
        for layer in model.modules()
        if isinstance(layer, Int8Linear)
    ]
    both = {name: repeated(value) for name, value in given.items()}
    subject.velocity(model, both, pair, 0.5)
    for hook in hooks:
        hook.remove()
    equal = sum(torch.equal(layer(x[i]), made[i]) for layer, x, made in calls for i in range(2))
    name = subject.kind.name
    yield Equality(f"{name}, its INT8 layers on what they had: batch of 2 against 1", 2 * len(calls), equal)
    for what, made in ((f"{name}, all of it", model), (f"{name} in float32", subject.model)):
        together = subject.velocity(made, both, pair, 0.5)
        alone = torch.cat([subject.velocity(made, given, latents[None], 0.5) for latents in pair])
        difference = float((together - alone).norm() / alone.norm())
        equal = sum(map(torch.equal, together, alone))
        yield Equality(f"{what}: batch of 2 against 1", 2, equal, f"relative difference {difference:.1e}")


def repeated(value: Any) -> Any:
    """For a batch of two; positions without a batch stay."""
    if isinstance(value, list):
        return value * 2
    return torch.cat([value, value]) if isinstance(value, Tensor) and len(value) == 1 else value


def variants(gpu: str | None, count: int) -> Iterator[Equality]:
    """Some candidates of each operation against the definition: on the GPU that is here, or emulating `gpu`."""
    where = ["--gpu", gpu] if gpu else []
    for operation in OPERATIONS:
        found = [
            row["config"] for row in json.loads(ditune("space", "--operation", operation, *where, "--json").stdout)
        ]
        chosen = found[:: max(1, len(found) // count)][:count]
        options = ["--operation", operation, *where, "--on", "cpu" if gpu else "gpu", "--case", "plain"]
        equal = sum(ditune("verify", *options, "--config", config).returncode == 0 for config in chosen)
        remark = f"of {len(found)} candidates"
        yield Equality(f"{operation}, {gpu + ', emulated' if gpu else 'GPU'}", len(chosen), equal, remark)


def ditune(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program_file(), *arguments], capture_output=True, text=True, check=False)
