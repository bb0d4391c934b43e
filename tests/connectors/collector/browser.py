"""A real browser, driven over the Chrome DevTools Protocol; and the collector on a real port."""

import base64
import json
import shutil
import subprocess
import threading
import time
from contextlib import contextmanager
from urllib.request import Request, urlopen

import uvicorn
from websockets.sync.client import connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_SECONDS = 60


@contextmanager
def running_server(app):
    """The base address of an app that listens."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)


@contextmanager
def running_browser(folder):
    """A page in a fresh browser."""
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    window = ["--window-size=760,900", f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(
        [CHROMIUM, *arguments, *window], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        port_file = folder / "DevToolsActivePort"
        until(lambda: port_file.exists() and port_file.read_text().count("\n"))
        port = port_file.read_text().splitlines()[0]
        made = Request(f"http://127.0.0.1:{port}/json/new?about:blank", method="PUT")
        with urlopen(made) as answer:
            address = json.load(answer)["webSocketDebuggerUrl"]
        with connect(address, max_size=None) as socket:
            yield Page(socket)
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


class Page:
    """What a person does with a page; complaints of the browser (a blocked script or style) are kept."""

    def __init__(self, socket):
        self._socket = socket
        self._last_id = 0
        self.complaints = []
        for domain in ("Page", "Log", "Runtime"):
            self._call(f"{domain}.enable")

    def visit(self, url):
        self._call("Page.navigate", url=url)
        until(lambda: self.run("document.readyState") == "complete" and self.run("location.href") == url)

    def click(self, selector, then):
        """Click, and wait until the page says something."""
        self.run(f"document.querySelector({json.dumps(selector)}).click()")
        until(lambda: then in self.text())

    def type(self, selector, text):
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        self._call("Input.insertText", text=text)

    def text(self):
        return self.run("document.body ? document.body.innerText : ''") or ""

    def run(self, expression):
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer.get("result", {}).get("value")

    def screenshot(self, path):
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))

    def _call(self, method, **parameters):
        self._last_id += 1
        self._socket.send(json.dumps({"id": self._last_id, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(PATIENCE_SECONDS))
            if answer.get("method") == "Log.entryAdded":
                self.complaints.append(answer["params"]["entry"]["text"])
            if answer.get("id") == self._last_id:
                return answer.get("result", {})


def until(condition):
    """Wait for something that takes as long as the machine is busy."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("waited too long")
        time.sleep(0.05)
