"""A headless Chromium for tests, driven through chromedriver by the few words of WebDriver that they need."""

import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
)


class Browser:
    """One window. ``run`` evaluates a function body in the page, ``errors`` are those of its console."""

    def __init__(self, address: str, session: str) -> None:
        self._base = f"{address}/session/{session}"

    def call(self, verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return request(verb, self._base + path, body)

    def open(self, url: str) -> None:
        self.call("POST", "/url", {"url": url})

    def run(self, script: str, *args: Any) -> Any:
        return self.call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def size(self, width: int, height: int) -> None:
        """The size of the page's view, as on a phone or a desk."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics})

    def offline(self) -> None:
        """From now on nothing can be loaded from anywhere but files."""
        limits = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self.call("POST", "/goog/cdp/execute", {"cmd": "Network.enable", "params": {}})
        self.call("POST", "/goog/cdp/execute", {"cmd": "Network.emulateNetworkConditions", "params": limits})

    def errors(self) -> list[str]:
        entries = self.call("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]

    def wait(self, script: str, *, seconds: float = 20.0) -> Any:
        """The first true answer of a script."""
        end = time.monotonic() + seconds
        while not (answer := self.run(script)):
            assert time.monotonic() < end, f"the page never came to: {script}"
            time.sleep(0.1)
        return answer

    def give(self, selector: str, file: Path) -> None:
        """Choose a file in a file input."""
        element = self.call("POST", "/element", {"using": "css selector", "value": selector})
        self.call("POST", f"/element/{next(iter(element.values()))}/value", {"text": str(file)})

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))


def request(verb: str, url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data=data, method=verb, headers={"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(asked, timeout=120) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read().decode()[:500]) from error


@contextmanager
def browser() -> Iterator[Browser]:
    """A fresh browser; the test is skipped where there is none."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs a browser: apt-get install chromium chromium-driver")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as home:
        started = subprocess.Popen(
            [driver, f"--port={port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": home},
        )
        try:
            _ready(address)
            options = {"binary": chromium, "args": [*FLAGS, f"--user-data-dir={home}/profile"]}
            wanted = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
            session = request("POST", f"{address}/session", {"capabilities": wanted})["sessionId"]
            window = Browser(address, session)
            try:
                yield window
            finally:
                window.call("DELETE", "")  # which closes the browser
        finally:
            started.kill()  # its session is over; asked politely it takes its time
            started.wait(20)


def _ready(address: str) -> None:
    for _ in range(100):
        try:
            if request("GET", f"{address}/status")["ready"]:
                return
        except OSError:
            time.sleep(0.1)
    pytest.skip("chromedriver did not start")
