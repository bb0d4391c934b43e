"""A real PostgreSQL server for tests: its data in a temporary folder, on a loopback port, stopped by its pid."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import psycopg

SECONDS_TO_START = 120
INSTALL = "PostgreSQL is not installed: `apt-get install postgresql` (`.ci/run` does it)"


@contextmanager
def start_postgres(folder):
    """The SQLAlchemy URL of a new, empty server whose data lie under `folder`; it is gone at the end.

    The server refuses to run as root, so root starts it as the user `postgres`, who must be able to reach the
    folder. Durable like in production: nothing is switched off that a crash test would miss.
    """
    data, user, port = Path(folder) / "data", _user(), _free_port()
    data.mkdir(parents=True)
    if user:
        _open_to(user, data)
    _run(user, _binary("initdb"), "-D", data, "-U", "millrace", "-A", "trust", "-E", "UTF8", "--no-locale")
    options = ("-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={data}")
    with (data / "server.log").open("w") as log:
        server = subprocess.Popen(
            [_binary("postgres"), "-D", data, "-p", str(port), *options],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            **_as(user),
        )
    try:
        _wait_for(server, port, data / "server.log")
        yield f"postgresql+psycopg://millrace@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # "fast": ends sessions, then stops
        server.wait(SECONDS_TO_START)
        shutil.rmtree(data)


def create_database(url, name):
    """A database of its own on the same server, as a URL."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
    return f"{url.rpartition('/')[0]}/{name}"


def _binary(name):
    """A program of the newest version that is installed; Debian keeps them off the PATH."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3])
    )
    found = str(installed[-1]) if installed else shutil.which(name)
    if found is None:
        raise RuntimeError(INSTALL)
    return found


def _user():
    """Whom the server runs as: ourselves, unless we are root."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        raise RuntimeError(INSTALL) from None


def _open_to(user, data):
    """The folder belongs to the server's user, and those above it let that user through."""
    os.chown(data, user.pw_uid, user.pw_gid)
    for parent in data.parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            parent.chmod(mode | 0o001)


def _as(user):
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


def _run(user, *command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", **_as(user))
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr}")


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def _wait_for(server, port, log):
    ends = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < ends and server.poll() is None:
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="millrace", dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"PostgreSQL does not answer: {log.read_text()[-2000:]}")
