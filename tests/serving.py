"""`voicectl serve` for tests: started on a free port, asked over HTTP, and every answer held against its own OpenAPI document."""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.parse

import jsonschema
import jwt

import parts

KEY = "the-key-of-services-0123456789"
SECRET = "the-secret-of-users-tokens-0123456789abcdef"
NEVER_SHOWN = (KEY, SECRET)


def token(user="ann", secret=SECRET, algorithm="HS256", headers=None, lifetime=600, **more):
    """A claim that is None is left out."""
    claims = {"sub": user, "aud": "authenticated", "exp": int(time.time()) + lifetime, **more}
    return jwt.encode({key: value for key, value in claims.items() if value is not None}, secret, algorithm, headers=headers)


def as_user(user="ann", **more):
    return {"Authorization": "Bearer " + token(user, **more)}


def assert_nothing_secret(log, *more):
    """Neither a key nor a token, of anybody, stands in the log."""
    for secret in (*NEVER_SHOWN, *more):
        assert secret not in log, secret
    assert not re.search(r"eyJ[\w-]+\.[\w-]+\.", log), "a token"


AS_SERVICE = {"X-Internal-Service-Key": KEY}
NOBODY = {}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def data(self):
        assert self.status < 300, self
        return self.json["data"]

    @property
    def error(self):
        return self.json["error"]

    def __repr__(self):
        return f"{self.status} {dict(self.headers)}\n{self.body[:2000]!r}"


def read_answer(stream):
    """One from a socket's file; None when it was closed before."""
    line = stream.readline()
    if not line:
        return None
    status, headers = int(line.split()[1]), http.client.parse_headers(stream)
    return Answer(status, headers, stream.read(int(headers.get("Content-Length", "0"))))


class Document:
    def __init__(self, text):
        self.json = json.loads(text)
        self.paths = self.json["paths"]

    def operation(self, method, path):
        """(template, operation or None) of a path as sent; None: it has none."""
        given = path.split("?")[0].split("/")
        if any(ord(c) < 32 or ord(c) == 127 for part in given for c in urllib.parse.unquote(part)):
            return None, None
        for template, operations in self.paths.items():
            wanted = template.split("/")
            if len(wanted) == len(given) and all(a == b or (a.startswith("{") and b) for a, b in zip(wanted, given)):
                return template, operations.get("get" if method == "HEAD" else method.lower())
        return None, None

    def validate(self, name_or_schema, value):
        schema = {"$ref": f"#/components/schemas/{name_or_schema}"} if isinstance(name_or_schema, str) else name_or_schema
        jsonschema.Draft202012Validator({**schema, "components": self.json["components"]}).validate(value)

    def check(self, method, path, answer):
        """The answer is one that the document promises."""
        for name in ("X-Request-Id", "Content-Security-Policy"):
            assert answer.headers[name], (method, path, name, answer)
        assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Cache-Control"] == "no-store", (method, path, answer)
        template, operation = self.operation(method, path)
        if operation is None:
            assert method == "OPTIONS" or answer.status == (404 if template is None else 405), (method, path, answer)
            if method != "OPTIONS":
                self.validate("Error", answer.json)
            return
        promised = operation["responses"].get(str(answer.status))
        assert promised is not None, f"{method} {template} answers {answer.status}, which is not in the document: {answer}"
        if "content" not in promised:
            assert answer.body == b"", (method, path, answer)
            return
        kind = answer.headers["Content-Type"].split(";")[0]
        assert kind in promised["content"], f"{method} {template} answers {kind}, which is not in the document for {answer.status}"
        if kind == "application/json" and method != "HEAD":
            self.validate(promised["content"][kind]["schema"], answer.json)


class Serve:
    def __init__(self, folder, *flags, env=None, store=None, key=KEY, secret=SECRET, rate=1_000_000, document=True, port=0):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.store = store or str(self.folder / "store.db")
        self.log, self.ready = self.folder / "serve.log", self.folder / "ready.json"
        own = {"INTERNAL_SERVICE_KEY": key, "VOICECTL_JWT_SECRET": secret, **(env or {})}
        self.env = parts.clean_environment({name: value for name, value in own.items() if value})
        self.command = [parts.voicectl_path(), "serve", "--port", str(port), "--store", self.store, "--ready-file", str(self.ready), "--log-format", "json", "--rate", str(rate), *map(str, flags)]
        self.ready.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, env=self.env, stdout=log, stderr=log)
        parts.wait_for(lambda: self.ready.exists() or self.process.poll() is not None, 60, "serve listens")
        assert self.ready.exists(), self.log.read_text()
        told = json.loads(self.ready.read_text())
        self.port, self.url, self.pid = told["port"], told["url"], told["pid"]
        self.document = Document(self.raw("GET", "/openapi.json").body) if document else None

    def raw(self, method, path, body=None, headers=(), timeout=30):
        """Without a look at the document. `headers`: a dict, or pairs when a name stands twice."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items() if isinstance(headers, dict) else headers:
                connection.putheader(name, value)
            names = {name.lower() for name in dict(headers)}
            if body is not None and not names & {"content-length", "transfer-encoding"}:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def call(self, method, path, body=None, who=AS_SERVICE, headers=None, status=None, timeout=30):
        """`body`: a value that is sent as JSON, or bytes. The answer is one that the document promises."""
        every = {**who, **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            every.setdefault("Content-Type", "application/json")
        answer = self.raw(method, path, body, every, timeout)
        self.document.check(method, path, answer)
        if status is not None:
            assert answer.status == status, (method, path, answer)
        return answer

    def connect(self, timeout=20):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def say(self, data, timeout=20, most=100):
        """What is answered to these bytes on a connection of their own, whose sending end is closed behind them."""
        out = []
        with self.connect(timeout) as connection, connection.makefile("rb") as stream:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                while len(out) < most and (answer := read_answer(stream)) is not None:
                    out.append(answer)
            except (ConnectionError, BrokenPipeError):
                pass
        return out

    # ---- what is there ----

    def session(self, user="ann", **more):
        return self.call("POST", "/v1/sessions", {"userId": user, **more}, status=201).data

    def held_call(self, user="ann", turns=("Good morning.", "When are you open?"), **more):
        """(session, call): one of the user's that is over."""
        session = self.session(user)
        said = [{"speaker": "agent" if i % 2 == 0 else "user", "text": text} for i, text in enumerate(turns)]
        call = self.call("POST", f"/v1/sessions/{session['id']}/transcript", {"turns": said, **more}, status=200).data
        return session, call

    def requests(self, **wanted):
        """Lines of its access log."""
        every = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [one for one in every if one.get("msg", one.get("message")) == "request" and all(one.get(key) == value for key, value in wanted.items())]

    def resident_kb(self):
        if parts.SANITIZED:
            return 0  # sanitizers keep what was freed: ASan 256 MB of it; with quarantine_size_mb=1 a thousand large answers grow it no more than the dev build
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text())[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def stop(self, number=signal.SIGTERM, timeout=60):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        return self.process.returncode
