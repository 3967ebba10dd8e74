"""The page of `voicectl serve` in headless Chromium: signing in, the list, one call, hostile text, the recording, signing out."""
import base64
import hashlib
import json
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
import wave

import chromium
import parts
import pytest

api = pytest.importorskip("livekit.api", reason="the Python package `livekit-api` is not installed")
pytestmark = [pytest.mark.skipif(chromium.PROGRAM is None, reason="no chromium (./scripts/setup --browser installs it)"),
              pytest.mark.skipif(parts.SANITIZED, reason="Chromium and a sanitizer are too much for a small machine")]

PAGE_KEY, SERVICE_KEY = "a key for people & pages = 1+1", "0123456789abcdef0123456789abcdef"
LIVEKIT_KEY, LIVEKIT_SECRET = "devkey", "a secret of 32 bytes for webhooks"
FIRST, CALLS = 1_780_000_000, 60
HOSTILE_ROOM = "<img src=x onerror=\"document.title='pwned'\">"
HOSTILE = ["<script>document.title='pwned'</script><b>bold</b>", "\u202egnp.exe\u202c looks like exe.png", "&lt;b&gt; \"quoted\" 'too' ${1+1} {{7*7}}",
           "javascript:alert(1) <a href=javascript:alert(1)>x</a><svg/onload=alert(1)>", "שלום, מה שלומך?"]
REPORT = {"schemaVersion": 1, "interruptions": 1, "events": [{"atMs": 100, "kind": "caller_joined", "detail": "<i>ann</i>"}, {"atMs": 9000, "kind": "tool_call", "detail": "book: ok in 640 ms"}],
          "errors": [{"atMs": 12000, "stage": "tts", "message": "connection refused <script>1</script>"}],
          "costLines": [{"stage": "stt", "provider": "deepgram", "model": "nova-3", "estimated": False, "audioMs": 63000, "costUsd": "0.00504", "priceDate": "2026-05-01"},
                        {"stage": "llm", "provider": "openai", "model": "<b>gpt</b>", "estimated": True, "inputTokens": 4210, "outputTokens": 380, "costUsd": "0.0008"}]}
# What shows that markup of others became markup: scripts and images that we did not make, and what a script would have done.
INTRUDERS = "[...document.querySelectorAll('main script, main img, main iframe, main b, main svg[onload], main a[href^=\"javascript\" i]')].length + (document.title == 'pwned' ? 1 : 0)"


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def call_text(room, began, turns, status="completed", reason=""):
    return json.dumps({"room": room, "attempt": 1, "status": status, "reason": reason, "agentName": "receptionist", "callerIdentity": "ann", "startedAt": stamp(began), "endedAt": stamp(began + 60),
                       "turns": [{"sequence": i, "speaker": "agent" if i % 2 == 0 else "user", "identity": "ann", "text": text, "startedAt": stamp(began + 2 + 5 * i), "endedAt": stamp(began + 5 + 5 * i),
                                  "interrupted": i == 2, "detail": {"answerLatencyMs": 2500} if i == 2 else {}} for i, text in enumerate(turns)]})


class Backend:
    def __init__(self, folder):
        self.folder, self.store = folder, folder / "s.db"
        # Rooms are told apart by their names; one call has all that a call can have.
        for number in range(CALLS):
            room, turns = (HOSTILE_ROOM, ["Good morning.", *HOSTILE]) if number == CALLS - 1 else (f"room-{number:02}", [f"Turn of call {number}."])
            self.take_in(call_text(room, FIRST + 100 * number, turns, "failed" if number % 10 == 0 else "completed", "the caller left"))
        with sqlite3.connect(self.store) as database:
            database.execute("UPDATE calls SET report_json = ? WHERE room = ?", (json.dumps(REPORT), HOSTILE_ROOM))
        database.close()
        (folder / "recordings").mkdir()
        with wave.open(str(folder / "recordings/r.wav"), "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(bytes(2 * 8000 * 40))
        ready = folder / "ready.json"
        self.log = open(folder / "serve.log", "wb")
        self.process = subprocess.Popen(
            [parts.voicectl_path(), "serve", "--port", "0", "--store", str(self.store), "--ready-file", str(ready), "--recordings", str(folder / "recordings")], stdout=self.log, stderr=self.log,
            env=parts.clean_environment({"INTERNAL_SERVICE_KEY": SERVICE_KEY, "VOICECTL_PAGE_KEY": PAGE_KEY, "LIVEKIT_URL": "ws://127.0.0.1:1", "LIVEKIT_API_KEY": LIVEKIT_KEY, "LIVEKIT_API_SECRET": LIVEKIT_SECRET}))
        parts.wait_for(lambda: ready.exists() or self.process.poll() is not None, what="the backend")
        assert self.process.poll() is None, (folder / "serve.log").read_text()
        self.url = json.loads(ready.read_text())["url"]
        self.record(HOSTILE_ROOM, FIRST + 100 * (CALLS - 1))
        self.call = next(c["id"] for c in json.loads(self.ask("/v1/calls?limit=1", **{"X-Internal-Service-Key": SERVICE_KEY})[1])["data"]["calls"])

    def take_in(self, text):
        done = parts.voicectl("transcript", "import", "-", "--store", self.store, stdin=text)
        assert done.code == 0, done

    def record(self, room, began):
        """LiveKit's word that a recording is complete."""
        second = 10**9
        egress = {"egressId": "EG_1", "roomId": "RM_1", "roomName": room, "status": "EGRESS_COMPLETE", "startedAt": str((began + 1) * second), "endedAt": str((began + 41) * second),
                  "updatedAt": str((began + 41) * second), "fileResults": [{"filename": "r.wav", "duration": str(40 * second), "size": "640044", "location": str(self.folder / "recordings/r.wav")}]}
        body = json.dumps({"event": "egress_ended", "id": "EV_1", "createdAt": str(began + 41), "egressInfo": egress}).encode()
        token = api.AccessToken(LIVEKIT_KEY, LIVEKIT_SECRET).with_sha256(base64.b64encode(hashlib.sha256(body).digest()).decode()).to_jwt()
        assert self.ask("/v1/webhooks/livekit", body, Authorization=token, **{"Content-Type": "application/webhook+json"})[0] == 200

    def ask(self, path, body=None, **headers):
        request = urllib.request.Request(self.url + path, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.log.close()


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    running = Backend(tmp_path_factory.mktemp("page"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    running = chromium.Chromium(tmp_path_factory.mktemp("tab"))
    yield running
    running.close()


@pytest.fixture
def page(backend, tab):
    """A browser that nobody is signed in with. What its console complained of at the end fails the test."""
    tab.do("Network.clearBrowserCookies")
    tab.go("about:blank")
    tab.size(1400, 900)
    tab.faults.clear()
    yield tab
    assert tab.faults == []


def sign_in(page, backend, key=PAGE_KEY):
    page.go(backend.url + "/")
    page.wait("document.activeElement.id == 'key'")
    page.type(key)
    page.press("Enter", windowsVirtualKeyCode=13, text="\r")


def signed_in(page, backend):
    sign_in(page, backend)
    page.wait("document.querySelectorAll('#list tr').length > 0")
    return page


def open_call(page):
    page.js("document.querySelector('#list a').click()")
    page.wait("document.querySelectorAll('.turns li').length == 6 && document.querySelector('audio') && document.querySelector('.time-line svg')")


def test_nothing_is_shown_to_who_is_not_signed_in(page, backend):
    for path in ("/v1/calls", f"/v1/calls/{backend.call}", f"/v1/calls/{backend.call}/transcript", f"/v1/calls/{backend.call}/recording", "/page.js"):
        for headers in ({}, {"Cookie": "voicectl=" + "x" * 43}, {"Cookie": "voicectl="}, {"Cookie": "__Host-voicectl=x; voicectl=1"}):
            assert backend.ask(path, **headers)[0] == 401, (path, headers)
    for address in ("/", f"/#/calls/{backend.call}"):
        page.go(backend.url + address)
        assert page.js("document.querySelectorAll('script, table, article').length") == 0
        shown = page.js("document.body.innerText")
        assert "Sign in" in shown and "room-" not in shown and "img src" not in shown


def test_signing_in_by_keyboard_with_a_wrong_key_and_the_right_one(page, backend):
    sign_in(page, backend, "a key for people & pages = 1+2")
    page.wait("document.getElementById('trouble') && document.activeElement.id == 'key'")
    assert "This is not the key" in page.js("document.querySelector('[role=alert]').innerText")
    assert page.js("document.getElementById('key').value") == "" and page.do("Network.getCookies")["cookies"] == []
    page.type(PAGE_KEY)
    page.press("Enter", windowsVirtualKeyCode=13, text="\r")
    page.wait("document.querySelectorAll('#list tr').length == 50")
    [cookie] = page.do("Network.getCookies")["cookies"]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"], cookie["name"], len(cookie["value"])) == (True, "Strict", "/", "voicectl", 43)
    assert page.js("document.cookie") == ""


def test_the_list_is_filtered_and_goes_back_in_time(page, backend):
    signed_in(page, backend)
    assert page.js("document.querySelectorAll('#list tr').length") == 50
    assert page.js("document.querySelector('#list a').textContent") == HOSTILE_ROOM
    assert page.js(INTRUDERS) == 0
    page.js("document.getElementById('more').click()")
    page.wait(f"document.querySelectorAll('#list tr').length == {CALLS} && document.getElementById('more').hidden")
    names = page.js("[...document.querySelectorAll('#list a')].map(a => a.textContent)")
    assert names == [HOSTILE_ROOM] + [f"room-{n:02}" for n in range(CALLS - 2, -1, -1)]
    page.js("(f => { f.status.value = 'failed'; f.status.dispatchEvent(new Event('change', {bubbles: true})); })(document.getElementById('filter'))")
    page.wait("document.querySelectorAll('#list tr').length == 6")
    assert page.js("[...document.querySelectorAll('#list .state')].every(s => s.textContent == 'failed')")
    page.js("(f => { f.room.value = 'room-11'; f.requestSubmit(); })(document.getElementById('filter'))")
    page.wait("!document.getElementById('none').hidden")
    assert "No call fits" in page.js("document.getElementById('none').innerText")
    page.js("(f => { f.status.value = ''; f.requestSubmit(); })(document.getElementById('filter'))")
    page.wait("document.querySelectorAll('#list tr').length == 1")


def test_a_new_call_comes_by_itself_and_nobody_loses_their_place(page, backend):
    signed_in(page, backend)
    page.js("(a => { a.focus(); a.scrollIntoView({block: 'center'}); window.mine = a; window.top_of_it = a.getBoundingClientRect().top; })(document.querySelectorAll('#list a')[30])")
    before = page.js("[scrollY, mine.textContent]")
    assert before[0] > 0
    backend.take_in(call_text("fresh", FIRST + 100_000, ["Hello."]))
    page.wait("[...document.querySelectorAll('#list a')].some(a => a.textContent == 'fresh')")
    assert page.js("document.activeElement == mine && mine.isConnected && mine.textContent") == before[1]
    assert abs(page.js("mine.getBoundingClientRect().top - top_of_it")) < 2
    assert page.js("document.getElementById('news').textContent") == "1 new call"
    with sqlite3.connect(backend.store) as database:
        for table in ("turns", "calls"):
            database.execute(f"DELETE FROM {table} WHERE {'call_id' if table == 'turns' else 'id'} = (SELECT id FROM calls WHERE room = 'fresh')")
    database.close()


def test_one_call_with_all_that_belongs_to_it(page, backend):
    open_call(signed_in(page, backend))
    assert page.js("document.activeElement.id") == "call-title"
    assert page.js("document.getElementById('call-title').textContent") == "Call in " + HOSTILE_ROOM
    # What people said is text to the letter; what would turn it around is shown by its number.
    said = page.js("[...document.querySelectorAll('.turns .words')].map(w => w.textContent)")
    assert said == ["Good morning."] + [text.replace("\u202e", "U+202E").replace("\u202c", "U+202C") for text in HOSTILE]
    assert page.js(INTRUDERS) == 0
    assert page.js("[...document.querySelectorAll('.turns .took')].map(t => t.textContent)")[2] == "after 2.5 s interrupted"
    shapes = {look: page.js(f"document.querySelectorAll('.time-line svg .{look}').length") for look in ("say", "cut", "fault", "note")}
    assert shapes == {"say": 6, "cut": 1, "fault": 1, "note": 1}
    cost = page.js("document.querySelector('[aria-labelledby=cost-title]').innerText")
    assert "$0.005840" in cost and "<b>gpt</b>" in cost and "(estimated)" in cost and "4,210 tokens in" in cost
    shown = page.js("document.getElementById('call').innerText")
    assert "the caller left" in shown and "connection refused <script>1</script>" in shown and "<i>ann</i>" in shown
    page.wait("document.querySelector('audio').duration > 39.9")
    assert page.js("document.querySelector('audio').duration") == pytest.approx(40, abs=0.1)
    page.js("document.querySelectorAll('.turns button')[2].click()")  # 12 s into the call, 11 s into the recording
    page.wait("document.querySelector('audio').currentTime >= 11 && document.querySelector('audio').currentTime < 20")
    page.wait("document.querySelector('.turns li.now')")
    page.js("document.querySelector('audio').pause()")
    page.js("history.back()")
    page.wait("!document.getElementById('calls').hidden && document.activeElement.id == 'calls-title'")


@pytest.mark.parametrize("width, dark", [(360, False), (1400, False), (1400, True), (360, True)])
def test_the_page_is_readable_at_any_width_by_day_and_night(page, backend, width, dark):
    page.size(width, 800, dark)
    page.go(backend.url + "/")
    look_at(page)
    signed_in(page, backend)
    look_at(page)
    open_call(page)
    look_at(page)


def look_at(page):
    """What fits, what has a name, what stands out from its ground (WCAG 2.2: 1.1.1, 1.3.1, 1.4.3, 1.4.10, 3.1.1, 4.1.2)."""
    page.wait("document.readyState == 'complete'")
    assert page.js("document.documentElement.scrollWidth <= innerWidth")
    assert page.js("document.documentElement.lang") == "en" and page.js("document.title")
    assert [role for role, name in page.outline() if role in ("button", "link", "textbox", "searchbox", "combobox", "table", "columnheader", "Audio") and not name] == []
    assert page.js("[...document.images].every(i => i.hasAttribute('alt'))")
    assert page.js("[...document.querySelectorAll('thead th')].every(t => t.scope == 'col')")
    assert page.js("(ids => new Set(ids).size == ids.length)([...document.querySelectorAll('[id]')].map(e => e.id))")
    assert page.js("document.querySelectorAll('main').length == 1 && [...document.querySelectorAll('h1')].filter(h => h.offsetParent).length == 1")
    assert page.js(CONTRAST) == []


# Texts that are seen and their contrast with what is behind them, below 4.5 to 1.
CONTRAST = """(() => {
  const parse = (c) => { const n = c.match(/[\\d.]+/g).map(Number); return n.length == 4 ? n : [...n, 1]; };
  const light = (c) => { const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0) return c; } return [255, 255, 255, 1]; };
  const out = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement, style = getComputedStyle(e);
    if (!walk.currentNode.data.trim() || !e.checkVisibility() || e.closest('.unseen, svg, .steer, noscript, option')) continue;
    const [a, b] = [light(parse(style.color)), light(ground(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) out.push([e.className, walk.currentNode.data.slice(0, 20), ((a + 0.05) / (b + 0.05)).toFixed(2)]);
  }
  return out;
})()"""


def test_without_a_network_it_says_so_and_goes_on_when_it_is_back(page, backend):
    signed_in(page, backend)
    offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.do("Network.emulateNetworkConditions", offline=True, **offline)
    page.wait("!document.getElementById('trouble').hidden")
    assert "does not answer" in page.js("document.getElementById('trouble').innerText")
    assert page.js("document.querySelectorAll('#list tr').length") == 50
    page.do("Network.emulateNetworkConditions", offline=False, **offline)
    page.wait("document.getElementById('trouble').hidden")


def test_a_call_that_is_not_there_says_what_to_do(page, backend):
    signed_in(page, backend)
    page.js("location.hash = '#/calls/999999'")
    page.wait("!document.getElementById('trouble').hidden")
    assert "no such call" in page.js("document.getElementById('trouble').innerText")


def test_signing_out_ends_it_for_that_cookie(page, backend):
    signed_in(page, backend)
    [cookie] = page.do("Network.getCookies")["cookies"]
    header = {"Cookie": f"{cookie['name']}={cookie['value']}"}
    assert backend.ask("/v1/calls", **header)[0] == 200
    assert backend.ask("/v1/sessions", b'{"userId":"ann"}', **header, **{"Content-Type": "application/json"})[0] in (401, 403)  # a cookie only reads
    page.js("document.querySelector('.bar button').click()")
    page.wait("document.getElementById('key')")
    assert backend.ask("/v1/calls", **header)[0] == 401 and page.do("Network.getCookies")["cookies"] == []
    page.js("history.back()")
    page.wait("document.getElementById('key')")
    assert page.js("document.querySelectorAll('table').length") == 0
