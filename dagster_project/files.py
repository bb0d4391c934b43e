"""Files that a reader sees whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or none."""
    arriving = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    arriving.write_bytes(content)
    arriving.replace(path)
