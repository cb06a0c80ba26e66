# SPDX-License-Identifier: GPL-2.0-or-later
"""A headless Chromium, driven over two pipes by the DevTools protocol. Standard library only."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find():
    """The browser's program, or None."""
    return next((p for p in map(shutil.which, NAMES) if p), None)


class Browser:
    """with Browser(width, height) as b: b.open(path); b.evaluate("1 + 1")"""

    def __init__(self, width=1280, height=900, timeout=300):
        self.size = (width, height)
        self.deadline = time.monotonic() + timeout
        self.profile = tempfile.mkdtemp(prefix="guestscope-browser-")
        self.messages = []
        self.buffer = b""
        self.next_id = 0
        self.session = None
        to_read, self.write_fd = os.pipe()
        self.read_fd, to_write = os.pipe()
        argv = [find(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--hide-scrollbars", f"--user-data-dir={self.profile}",
                f"--window-size={width},{height}", "--remote-debugging-pipe", "about:blank"]
        # The protocol's pipes are descriptors 3 and 4 of the browser; a shell puts them there.
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'] + argv,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            pass_fds=(to_read, to_write), start_new_session=True)
        os.close(to_read)
        os.close(to_write)

    def __enter__(self):
        try:
            target = self.call("Target.createTarget", url="about:blank")
            self.session = self.call("Target.attachToTarget", targetId=target["targetId"],
                                     flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.call(domain + ".enable")
            self.call("Emulation.setDeviceMetricsOverride", width=self.size[0], height=self.size[1],
                      deviceScaleFactor=1, mobile=False)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.session = None
            self.call("Browser.close")
            self.process.wait(10)
        except (OSError, RuntimeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.read_fd)
        os.close(self.write_fd)
        shutil.rmtree(self.profile, ignore_errors=True)

    def receive(self):
        while b"\0" not in self.buffer:
            left = self.deadline - time.monotonic()
            if left <= 0 or not select.select([self.read_fd], [], [], left)[0]:
                raise RuntimeError("the browser does not answer")
            piece = os.read(self.read_fd, 1 << 16)
            if not piece:
                raise RuntimeError("the browser has ended")
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(line)

    def call(self, method, **params):
        self.next_id += 1
        message = {"id": self.next_id, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.write_fd, data):]
        while True:
            answer = self.receive()
            if answer.get("id") == self.next_id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.messages.append(answer)

    def wait_for(self, event):
        while True:
            answer = self.receive()
            self.messages.append(answer)
            if answer.get("method") == event:
                return answer["params"]

    def open(self, path):
        self.messages.clear()
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        if not any(m.get("method") == "Page.loadEventFired" for m in self.messages):
            self.wait_for("Page.loadEventFired")

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def center_of(self, expression):
        """Scroll an element into view and return the middle of it."""
        box = self.evaluate(f"(e => {{ e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect();"
                            f" return [r.x + r.width / 2, r.y + r.height / 2]; }})({expression})")
        return box

    def click(self, expression):
        x, y = self.center_of(expression)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def hover(self, expression):
        x, y = self.center_of(expression)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def key(self, name, code=0):
        """Press a key; @code is what the browser's own keys (Tab 9, Enter 13) are known by."""
        text = {"text": "\r"} if name == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code,
                      **(text if kind == "keyDown" else {}))

    def prefer(self, scheme):
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path, selector=None):
        """The whole page, or one element of it, as PNG."""
        clip = self.evaluate("(s => { const e = s ? document.querySelector(s) : document.documentElement;"
                             " const r = e.getBoundingClientRect(); return [r.x + scrollX, r.y + scrollY,"
                             " Math.max(r.width, s ? 0 : e.scrollWidth), Math.max(r.height, s ? 0 : e.scrollHeight)]; })"
                             f"({json.dumps(selector)})")
        box = dict(zip(("x", "y", "width", "height"), clip), scale=1)
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=box)
        with open(path, "wb") as f:
            f.write(base64.b64decode(data["data"]))

    def problems(self):
        """What scripts, the security policy or the network complained of, and every request but the page."""
        found = []
        for m in self.messages:
            method, params = m.get("method"), m.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(str(params["exceptionDetails"].get("exception", params)))
            elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(params["entry"]["text"])
            elif method == "Runtime.consoleAPICalled":
                found.append(str(params["args"]))
            elif method == "Page.javascriptDialogOpening":
                found.append("dialog: " + params["message"])
            elif method == "Network.requestWillBeSent" and params.get("type") != "Document" \
                    and not params["request"]["url"].startswith("data:"):  # in the page itself
                found.append("request: " + params["request"]["url"])
        return found
