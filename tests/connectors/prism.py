"""Prism plays a vendor from its published API description, and refuses bodies that do not fit it.

Prism accepts any body when a schema does not compile, so each contract test also shows a body that is refused.
"""

import fcntl
import gzip
import json
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.connectors.conformance.far_end import nobody

PACKAGE = "@stoplight/prism-cli@5.14.2"
"""The last one that runs on Debian's Node 18."""

DESCRIPTIONS = Path(__file__).parents[3] / "shared" / "data" / "openapi"
CACHE = Path(sys.prefix) / "share" / "prism"
START_SECONDS = 90


@contextmanager
def start_prism(description, folder):
    """Prism on a free loopback port; gives its URL.

    `description` is the name of a file in `../shared/data/openapi`; `folder` holds the repaired copy and the log.
    """
    program = _installed()
    source = DESCRIPTIONS / description
    plain, repaired, log = folder / "plain.json", folder / "repaired.json", folder / "prism.log"
    text = source.read_bytes()
    plain.write_bytes(gzip.decompress(text) if source.suffix == ".gz" else text)
    fix = [sys.executable, DESCRIPTIONS / "prism_fix.py", plain, repaired]
    subprocess.run(fix, check=True, capture_output=True)
    port = nobody()
    command = [
        "node",
        program,
        "mock",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--multiprocess",
        "false",
        repaired,
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        _wait_until_it_listens(process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_it_listens(process, log):
    give_up = time.monotonic() + START_SECONDS
    while b"Prism is listening" not in log.read_bytes():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < give_up, log.read_text()
        time.sleep(0.1)


def _installed():
    """The program, installed once for all test processes from the npm registry."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.fail("Node.js and npm are not installed: `apt-get install nodejs npm` (`.ci/run` does it)")
    CACHE.mkdir(parents=True, exist_ok=True)
    home = CACHE / "node_modules" / "@stoplight" / "prism-cli"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        version = PACKAGE.rpartition("@")[2]
        manifest = home / "package.json"
        if not manifest.exists() or json.loads(manifest.read_text())["version"] != version:
            install = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", CACHE, PACKAGE]
            done = subprocess.run(install, check=False, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
    return home / "dist" / "index.js"
