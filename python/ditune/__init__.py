# SPDX-License-Identifier: Apache-2.0
"""Native INT8 linear layers for diffusion transformers, the fastest kernel for each on the GPU at hand.

`ditune.torch` has the operations, the modules and `quantize_`; `ditune.diffusers` and `ditune.comfy` the doors of
diffusers and ComfyUI. The program `ditune` tunes and shows what was tuned.
"""

from typing import TYPE_CHECKING

from ditune._runtime import Match, Runtime, runtime
from ditune.errors import (
    CudaError,
    DatabaseError,
    DituneError,
    NoDeviceError,
    NoKernelError,
    NotPreparedError,
    UsageError,
)

__all__ = [
    "CudaError",
    "DatabaseError",
    "DituneError",
    "Match",
    "NoDeviceError",
    "NoKernelError",
    "NotPreparedError",
    "Runtime",
    "UsageError",
    "__version__",
    "runtime",
]

if TYPE_CHECKING:
    __version__: str
else:

    def __getattr__(name: str) -> str:
        """__version__, when it is asked for: the metadata takes longer to import than all else here."""
        if name != "__version__":
            raise AttributeError(f"module 'ditune' has no attribute '{name}'")
        import importlib.metadata

        try:
            return importlib.metadata.version("ditune")
        except importlib.metadata.PackageNotFoundError:  # the sources, with DITUNE_LIBRARY beside them
            return "0+unknown"
