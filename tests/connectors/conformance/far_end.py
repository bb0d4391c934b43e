"""A server in a thread with an event loop of its own, so that blocking clients can be tested as well."""

import asyncio
import socket
import threading
from contextlib import contextmanager


class FarEnd:
    """Listens on loopback; a subclass says in `talk(reader, writer)` what happens on one connection."""

    tls = None

    def __init__(self):
        self.connections = 0
        self._open = set()
        self._tasks = set()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def open_connections(self):
        return len(self._open)

    def hang_up(self):
        """Close every connection that is open, as a load balancer does with idle ones."""
        done = threading.Event()

        def close():
            for writer in list(self._open):
                writer.close()
            done.set()

        self._loop.call_soon_threadsafe(close)
        assert done.wait(5)

    @contextmanager
    def running(self):
        self._thread.start()
        assert self._started.wait(5)
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(5)
            self._loop.close()

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self):
        self._stopping = asyncio.Event()
        listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.port = listening.getsockname()[1]
        server = await asyncio.start_server(self._connected, sock=listening, ssl=self.tls)
        self._started.set()
        await self._stopping.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self._open.add(writer)
        self.connections += 1
        try:
            await self.talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(writer)
            self._tasks.discard(task)
            writer.close()


def nobody():
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]
