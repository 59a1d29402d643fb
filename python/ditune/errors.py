# SPDX-License-Identifier: Apache-2.0
"""What ditune raises. A message is one line: what is wrong, then in parentheses what to do."""

from __future__ import annotations


class DituneError(RuntimeError):
    """Of all kinds."""


class UsageError(DituneError, ValueError):
    """The request is wrong: a shape, a dtype, an unknown word, tensors that overlap."""


class NotPreparedError(DituneError):
    """A stream is being captured, and the kernel that it needs is not prepared: run once before the capture."""


class NoKernelError(DituneError):
    """No kernel could be loaded or compiled."""


class DatabaseError(DituneError):
    """A database is not there, not readable, or damaged."""


class CudaError(DituneError):
    """The driver or a device failed."""


class NoDeviceError(DituneError):
    """No GPU is visible, or there is no driver for one."""


# By ditune_status.
STATUS_ERRORS: dict[int, type[DituneError]] = {
    1: UsageError,
    2: UsageError,
    3: NotPreparedError,
    4: NoKernelError,
    5: DatabaseError,
    6: CudaError,
    9: NoDeviceError,
}
