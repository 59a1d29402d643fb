# SPDX-License-Identifier: Apache-2.0
"""INT8 linear layers for PyTorch: operations, modules, quantization of a model in place, checkpoints, tuning.

import ditune.torch
ditune.torch.quantize_(pipe.transformer)
"""

from ditune.torch._calls import record
from ditune.torch._runtime import use_databases
from ditune.torch.checkpoint import load_, save_
from ditune.torch.fuse import fuse_
from ditune.torch.lora import enable_lora
from ditune.torch.modules import Int8Linear
from ditune.torch.ops import gemm_s8, linear, norm_rope_, quantize_s8
from ditune.torch.quantize import DEFAULT_SKIP, quantize_
from ditune.torch.tuning import tune
from ditune.torch.weights import dequantize_weight, quantize_weight

__all__ = [
    "DEFAULT_SKIP",
    "Int8Linear",
    "dequantize_weight",
    "enable_lora",
    "fuse_",
    "gemm_s8",
    "linear",
    "load_",
    "norm_rope_",
    "quantize_",
    "quantize_s8",
    "quantize_weight",
    "record",
    "save_",
    "tune",
    "use_databases",
]
