"""When a file came into being: what a copy of it cannot have in common with it.

Linux tells it by `statx` (man 2 statx), which Python does not call before 3.15; macOS in `os.stat`.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

_AT_FDCWD = -100
_STATX_BTIME = 0x800
_STATX_BYTES = 256
_MASK_AT, _BIRTH_AT = 0, 80
"""Offsets in `struct statx`: which fields are filled in, and the birth as seconds and nanoseconds."""


def birth(path: Path) -> str:
    """A name for the moment of the file's creation; its inode where the file system keeps no such moment.

    Writing into the file, renaming it and changing its owner do not change it; copying it does.
    """
    status = path.stat()
    moment = getattr(status, "st_birthtime", None) or _statx(path)
    return f"born {moment}" if moment else f"inode {status.st_ino}"


def _statx(path: Path) -> str | None:
    call = getattr(ctypes.CDLL(None, use_errno=True), "statx", None)
    if call is None:
        return None
    buffer = ctypes.create_string_buffer(_STATX_BYTES)
    if call(_AT_FDCWD, os.fsencode(path), 0, _STATX_BTIME, buffer) != 0:
        return None
    (mask,) = struct.unpack_from("=I", buffer, _MASK_AT)
    seconds, nanoseconds = struct.unpack_from("=qI", buffer, _BIRTH_AT)
    return f"{seconds}.{nanoseconds:09d}" if mask & _STATX_BTIME else None
