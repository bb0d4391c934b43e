"""Prism plays a vendor from its published API description, and refuses bodies that do not fit it.

Prism accepts any body when a schema does not compile, so each contract test also shows a body that is refused.
"""

import gzip
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from tests.connectors.conformance.far_end import nobody
from tests.npm import installed

PACKAGE = "@stoplight/prism-cli@5.14.2"
"""The last one that runs on Debian's Node 18."""

DESCRIPTIONS = Path(__file__).parents[3] / "shared" / "data" / "openapi"
START_SECONDS = 90


@contextmanager
def start_prism(description, folder):
    """Prism on a free loopback port; gives its URL.

    `description` is the name of a file in `../shared/data/openapi`; `folder` holds the repaired copy and the log.
    """
    program = installed(PACKAGE, "prism") / "@stoplight" / "prism-cli" / "dist" / "index.js"
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
