"""Headless Chromium, driven by its own protocol (chromedevtools.github.io/devtools-protocol)."""
import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
import time

import aiohttp

PROGRAM = shutil.which("chromium")
PATIENCE = 30


class Chromium:
    """One browser with one tab. `faults`: what its console and its policies complained of."""

    def __init__(self, folder):
        self.loop, self.faults, self.answers, self.sent = asyncio.new_event_loop(), [], {}, 0
        self.log = open(folder / "chromium.log", "wb")
        self.process = subprocess.Popen(
            [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--mute-audio", "--lang=en-GB",
             f"--user-data-dir={folder / 'chromium'}", "--remote-debugging-port=0", "about:blank"],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, start_new_session=True)
        port = folder / "chromium/DevToolsActivePort"
        self.until(lambda: port.exists() and len(port.read_text().split()) == 2, "the port of Chromium")
        self.run(self.connect(port.read_text().split()[0]))
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.do(domain + ".enable")

    async def connect(self, port):
        self.session = aiohttp.ClientSession()
        async with self.session.get(f"http://127.0.0.1:{port}/json/list") as response:
            tab = next(t for t in await response.json() if t["type"] == "page")
        self.socket = await self.session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=64 * 1024 * 1024)

    def run(self, what):
        return self.loop.run_until_complete(what)

    def hear(self, message):
        if "id" in message:
            self.answers[message["id"]] = message
        elif message["method"] == "Runtime.exceptionThrown":
            self.faults.append(message["params"]["exceptionDetails"])
        elif message["method"] == "Log.entryAdded" and message["params"]["entry"]["source"] in ("security", "javascript", "violation"):
            self.faults.append(message["params"]["entry"])

    def do(self, method, **parameters):
        async def exchange():
            self.sent += 1
            await self.socket.send_json({"id": self.sent, "method": method, "params": parameters})
            while self.sent not in self.answers:
                self.hear(json.loads((await self.socket.receive(timeout=PATIENCE)).data))
            return self.answers.pop(self.sent)

        answer = self.run(exchange())
        assert "error" not in answer, (method, answer)
        return answer["result"]

    def until(self, condition, what):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            assert self.process.poll() is None, "Chromium has ended"
            if found := condition():
                return found
            time.sleep(0.05)
        raise AssertionError(f"not within {PATIENCE} s: {what}")

    def js(self, expression):
        answer = self.do("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True)
        assert "exceptionDetails" not in answer, (expression, answer)
        return answer["result"].get("value")

    def wait(self, expression):
        """Until it is true; a page that is on its way may not know it yet."""
        def ask():
            answer = self.do("Runtime.evaluate", expression=f"(async () => !!(await ({expression})))()", awaitPromise=True, returnByValue=True)
            return answer["result"].get("value") if "exceptionDetails" not in answer else None
        return self.until(ask, expression)

    def go(self, url):
        self.do("Page.navigate", url=url)
        self.wait("document.readyState == 'complete'")

    def size(self, width, height, dark=False):
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.do("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def press(self, key, code=None, **more):
        for kind in ("keyDown", "keyUp"):
            self.do("Input.dispatchKeyEvent", type=kind, key=key, code=code or key, **more)

    def type(self, text):
        self.do("Input.insertText", text=text)

    def picture(self, path, whole=False):
        path.write_bytes(base64.b64decode(self.do("Page.captureScreenshot", captureBeyondViewport=whole)["data"]))

    def outline(self):
        """(role, name) of all that somebody meets who does not see the page."""
        nodes = self.do("Accessibility.getFullAXTree")["nodes"]
        return [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n.get("ignored")]

    def close(self):
        self.run(self.socket.close())
        self.run(self.session.close())
        self.loop.close()
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()
