# SPDX-License-Identifier: Apache-2.0
"""What NVML tells of a GPU: the driver's version, and the energy that it took. Where there is no NVML, nothing."""

from __future__ import annotations

import ctypes


class Nvml:
    def __init__(self, uuid: str) -> None:
        """uuid: of the GPU, "GPU-...". Raises OSError where NVML or the GPU is not there."""
        self._library = ctypes.CDLL("libnvidia-ml.so.1")
        self._check("nvmlInit_v2")
        self._device = ctypes.c_void_p()
        self._check("nvmlDeviceGetHandleByUUID", uuid.encode(), ctypes.byref(self._device))

    def _check(self, function: str, *arguments: object) -> None:
        status = getattr(self._library, function)(*arguments)
        if status:
            raise OSError(f"{function} gives {status}")

    def driver(self) -> str:
        text = ctypes.create_string_buffer(80)
        self._check("nvmlSystemGetDriverVersion", text, len(text))
        return text.value.decode()

    def joules(self) -> float:
        """Since the driver was loaded. The count moves on some ten times a second. Raises OSError on old GPUs."""
        millijoules = ctypes.c_ulonglong()
        self._check("nvmlDeviceGetTotalEnergyConsumption", self._device, ctypes.byref(millijoules))
        return millijoules.value / 1000


def opened(uuid: str) -> Nvml | None:
    try:
        return Nvml(uuid)
    except (OSError, AttributeError):
        return None
