"""npm packages that tests need: installed once for all test processes, beside the virtual environment."""

import fcntl
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SHARE = Path(sys.prefix) / "share"


def installed(package, folder):
    """The `node_modules` with a package such as `@scope/name@1.2.3`, in `folder` below `SHARE`."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.fail("Node.js and npm are not installed: `apt-get install nodejs npm` (`.ci/run` does it)")
    home = SHARE / folder
    home.mkdir(parents=True, exist_ok=True)
    name, _, version = package.rpartition("@")
    manifest = home / "node_modules" / name / "package.json"
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not manifest.exists() or json.loads(manifest.read_text())["version"] != version:
            install = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", home, package]
            done = subprocess.run(install, check=False, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
    return home / "node_modules"
