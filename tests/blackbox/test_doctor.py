"""doctor on the built binary: a good server, and one thing after the other broken."""
import datetime
import http.server
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading

import parts
import pytest

YAML = parts.AGENT
WAY = "url,dns,tcp,tls,server,clock,credentials,key"


def doctor(server, *words, env=None, **options):
    return parts.voicectl("doctor", *words, env={**(server.environment() if server else {}), **(env or {})}, **options)


def states(result):
    return {one["id"]: one["state"] for one in result.json["checks"]}


def found(result, check):
    return next(one for one in result.json["checks"] if one["id"] == check)


def rooms(server):
    return parts.voicectl("room", "list", "--json", env=server.environment()).json["rooms"]


@pytest.fixture
def quiet(tmp_path):
    """Nothing of the machine's own."""
    return {"XDG_CONFIG_HOME": str(tmp_path / "config"), "VOICECTL_STORE": str(tmp_path / "store.db")}


def test_a_good_server_is_healthy_and_sound_gets_through(server, quiet):
    result = doctor(server, "--json", env=quiet)
    assert result.code == 0, result
    report = result.json
    assert report["schemaVersion"] == 1 and report["healthy"] is True and report["counts"]["failed"] == 0
    seen = states(result)
    for check in ("core", "speech", "url", "credentials", "dns", "tcp", "server", "clock", "key", "grant_create", "grant_list", "grant_admin",
                  "grant_record", "grant_ingress", "join", "worker", "media"):
        assert seen[check] == "ok", (check, found(result, check))
    for check in ("config_file", "tls", "egress", "agent", "database", "providers", "storage"):
        assert seen[check] == "skipped" and found(result, check)["detail"], check
    assert seen["redis"] == "warning"
    assert found(result, "worker")["evidence"]["serverVersion"] == "1.13.5"
    media = found(result, "media")["evidence"]
    assert media["path"] == "udp"
    assert -20 < media["levelDbfs"] < -3 and media["purity"] > 0.5 and 0 <= media["heardMs"] < 3000
    assert not [room for room in rooms(server) if room["name"].startswith("voicectl-doctor")]


def test_the_lines_of_a_person_say_what_to_do(server, quiet):
    result = doctor(server, "--skip", "media,speech", env=quiet)
    assert result.code == 0 and result.err == "", result
    assert "✓ LiveKit server" in result.out and "! Redis" in result.out and "– TLS certificate" in result.out
    assert "hint: set redis.address" in result.out and "healthy:" in result.out.splitlines()[-1]


@pytest.mark.parametrize("change,word", [
    ({"LIVEKIT_API_SECRET": "not-the-secret-not-the-secret-not-the"}, "secret is not the one of this API key"),
    ({"LIVEKIT_API_KEY": "nobody"}, "does not know this API key"),
])
def test_an_unknown_key_and_a_wrong_secret_are_told_apart(server, change, word):
    result = doctor(server, "--only", WAY + ",grant_list,media,join", "--json", env=change)
    assert result.code == 3, result
    assert states(result)["server"] == "ok" and word in found(result, "key")["detail"]
    assert states(result)["grant_list"] == states(result)["media"] == states(result)["join"] == "skipped"
    assert "because of key" in found(result, "grant_list")["detail"]
    for text in (result.out, result.err):
        assert "eyJ" not in text and "not-the-secret" not in text


def test_nobody_at_the_port(server):
    result = doctor(server, "--only", WAY, "--json", env={"LIVEKIT_URL": f"ws://127.0.0.1:{parts.free_port()}"})
    assert result.code == 3 and "refused" in found(result, "tcp")["detail"].lower(), result
    assert states(result)["dns"] == "ok" and states(result)["server"] == states(result)["key"] == "skipped"


def test_a_name_that_does_not_exist(server):
    result = doctor(server, "--only", WAY, "--json", env={"LIVEKIT_URL": "ws://no-such-host.invalid"})
    assert result.code == 3 and "no-such-host.invalid" in found(result, "dns")["detail"], result
    assert states(result)["tcp"] == "skipped"


def test_a_black_hole_is_found_soon(server):
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen()
        result = doctor(server, "--only", WAY, "--json", "--timeout", "2s", env={"LIVEKIT_URL": f"ws://127.0.0.1:{hole.getsockname()[1]}"})
    assert result.code == 3 and result.seconds < 6, result
    assert states(result)["tcp"] == "ok" and states(result)["server"] == "failed" and states(result)["key"] == "skipped"
    assert "does not speak HTTP" in found(result, "server")["hint"]


class Page(http.server.BaseHTTPRequestHandler):
    status, body, extra = 404, b"<html><body>Not Found</body></html>", {}

    def do_GET(self):
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        for name, value in self.extra.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def web():
    """web(status, body, certificate, headers) → port of a web server that always says the same."""
    running = []

    def start(status=200, body=b"OK", certificate=None, **extra):
        handler = type("Handler", (Page,), {"status": status, "body": body, "extra": extra})
        one = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            one.socket = context.wrap_socket(one.socket, server_side=True)
        threading.Thread(target=one.serve_forever, daemon=True).start()
        running.append(one)
        return one.server_address[1]

    yield start
    for one in running:
        one.shutdown()
        one.server_close()


@pytest.mark.parametrize("status,body,extra,words", [
    (404, b"<html>Not Found</html>", {}, "status 404"),
    (200, b"<html>Welcome</html>", {}, "status 200"),
    (406, b"Not Ready: stale", {}, "not ready"),
    (301, b"", {"Location": "https://elsewhere.example/"}, "redirected to https://elsewhere.example/"),
    (502, b"bad gateway", {}, "status 502"),
])
def test_what_is_not_livekit_or_not_ready(server, web, status, body, extra, words):
    result = doctor(server, "--only", WAY, "--json", env={"LIVEKIT_URL": f"ws://127.0.0.1:{web(status, body, **extra)}"})
    assert result.code == 3 and words in found(result, "server")["detail"] and found(result, "server")["hint"], result
    assert states(result)["key"] == "skipped"


def openssl(*words, cwd):
    subprocess.run(["openssl", *map(str, words)], cwd=cwd, check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    folder = tmp_path_factory.mktemp("authority")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", "/CN=Test Authority", cwd=folder)
    return folder


def certificate(folder, name, days, host="IP:127.0.0.1", began=-400):
    """A certificate of the authority that ends in so many days from now."""
    now = datetime.datetime.now(datetime.timezone.utc)
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}", cwd=folder)
    (folder / f"{name}.cnf").write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={name}.db\nserial={name}.srl\nnew_certs_dir=.\npolicy=p\ndefault_md=sha256\nx509_extensions=x\n"
                                        f"[p]\ncommonName=supplied\n[x]\nsubjectAltName={host}\n")
    (folder / f"{name}.db").write_text("")
    (folder / f"{name}.srl").write_text("01")
    at = [(now + datetime.timedelta(days=offset, hours=1)).strftime("%Y%m%d%H%M%SZ") for offset in (began, days)]
    openssl("ca", "-batch", "-config", f"{name}.cnf", "-in", f"{name}.csr", "-out", f"{name}.pem", "-cert", "ca.pem", "-keyfile", "ca.key",
            "-startdate", at[0], "-enddate", at[1], cwd=folder)
    return str(folder / f"{name}.pem"), str(folder / f"{name}.key")


@pytest.mark.parametrize("name,days,host,trusted,state,words", [
    ("good", 100, "IP:127.0.0.1", True, "ok", "100 days"),
    ("soon", 5, "IP:127.0.0.1", True, "warning", "expires in 5 days"),
    ("expired", -3, "IP:127.0.0.1", True, "failed", "expired on"),
    ("other", 100, "DNS:elsewhere.example", True, "failed", "for another host"),
    ("stranger", 100, "IP:127.0.0.1", False, "failed", "not trusted"),
])
def test_certificates(server, web, authority, name, days, host, trusted, state, words):
    port = web(certificate=certificate(authority, name, days, host))
    env = {"LIVEKIT_URL": f"wss://127.0.0.1:{port}", **({"SSL_CERT_FILE": str(authority / "ca.pem")} if trusted else {})}
    result = doctor(server, "--only", "url,dns,tcp,tls,server", "--json", env=env)
    tls = found(result, "tls")
    assert tls["state"] == state and words in tls["detail"], result
    assert states(result)["server"] == ("skipped" if state == "failed" else "ok"), result
    assert state == "ok" or tls["hint"]


def test_a_certificate_of_a_future_day(server, web, authority):
    port = web(certificate=certificate(authority, "future", 100, began=10))
    result = doctor(server, "--only", "tls", "--json", env={"LIVEKIT_URL": f"wss://127.0.0.1:{port}", "SSL_CERT_FILE": str(authority / "ca.pem")})
    assert found(result, "tls")["state"] == "failed" and "not valid before" in found(result, "tls")["detail"], result


def test_no_tls_where_tls_is_expected(server):
    result = doctor(server, "--only", WAY, "--json", env={"LIVEKIT_URL": server.url.replace("ws://", "wss://")})
    assert states(result)["tls"] == "failed" and "speak TLS" in found(result, "tls")["hint"], result


@pytest.mark.skipif(parts.SANITIZED, reason="a sanitizer must be loaded before libfaketime")
@pytest.mark.parametrize("offset,state", [("-90s", "failed"), ("+90s", "failed"), ("+20s", "warning"), ("+0s", "ok")])
def test_a_clock_that_is_off(server, offset, state):
    faketime = shutil.which("faketime")
    if not faketime:
        pytest.skip("faketime is not installed")
    env = parts.clean_environment({**server.environment(), "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")})
    words = [parts.voicectl_path(), "doctor", "--only", WAY, "--json"]
    library = os.environ.get("VOICECTL_FAKETIME_LIBRARY")
    if library:
        env.update({"LD_PRELOAD": library, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    else:
        words = [faketime, "-m", "-f", offset, *words]
        env["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60)
    checks = {one["id"]: one for one in json.loads(done.stdout)["checks"]}
    assert checks["clock"]["state"] == state, done
    if state == "failed":
        assert done.returncode == 3 and "NTP" in checks["clock"]["hint"]
        # A clock that is behind makes tokens that end early: ours live for 120 s, and the server forgives 60.
        assert checks["key"]["state"] == ("failed" if offset == "+90s" else "ok")
        assert offset != "+90s" or "clock" in checks["key"]["hint"]
    else:
        assert done.returncode == 0


def test_an_agent_that_is_there_and_one_that_is_not(server, agents):
    agents(server, YAML.format(name="patient-agent"))
    good = doctor(server, "--only", "agent", "--agent", "patient-agent", "--json")
    assert good.code == 0 and found(good, "agent")["evidence"]["identity"].startswith("agent-"), good
    bad = doctor(server, "--only", "agent", "--agent", "nobody", "--agent-wait", "1s", "--json")
    assert bad.code == 3 and "nobody" in found(bad, "agent")["detail"] and found(bad, "agent")["hint"], bad
    assert not [room for room in rooms(server) if room["name"].startswith("voicectl-doctor")]


def test_a_signal_leaves_no_room_behind(server):
    process = subprocess.Popen([parts.voicectl_path(), "doctor", "--only", "agent", "--agent", "nobody"], text=True,
                               env=parts.clean_environment(server.environment()), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    parts.wait_for(lambda: [room for room in rooms(server) if room["name"].startswith("voicectl-doctor")], what="the room")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=15)
    assert process.returncode == 130, out + err
    assert not [room for room in rooms(server) if room["name"].startswith("voicectl-doctor")]


def test_what_the_machine_lacks(server, quiet, tmp_path):
    result = doctor(server, "--only", "core,media", "--json", env={**quiet, "VOICECTL_LIVEKIT_CORE": "/nowhere.so"})
    assert result.code == 3 and states(result) == {"core": "failed", "media": "skipped"} and found(result, "core")["hint"], result
    broken = tmp_path / "broken.db"
    broken.write_text("no database, but long enough to be looked at as if it were one")
    result = doctor(server, "--only", "database", "--store", broken, "--json")
    assert result.code == 3 and found(result, "database")["detail"], result
    config = tmp_path / "agent.yaml"
    config.write_text(YAML.format(name="x").replace("flite", "gramophone"))
    result = doctor(server, "--only", "providers", "--agent-config", config, "--json")
    assert result.code == 3 and "gramophone" in found(result, "providers")["detail"], result
    config.write_text(YAML.format(name="x"))
    assert states(doctor(server, "--only", "providers", "--agent-config", config, "--json")) == {"providers": "ok"}


def test_files_that_others_may_read(server, tmp_path):
    folder = tmp_path / "voicectl"
    folder.mkdir()
    config = folder / "config.yaml"
    config.write_text("profiles: {a: {url: 'ws://a', api_key: k, api_secret: secret-of-a-profile}}\n")
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    config.chmod(0o644)
    result = doctor(server, "--only", "config_file", "--json", env=env)
    assert result.code == 3 and "chmod 600" in found(result, "config_file")["hint"], result
    config.chmod(0o600)
    assert states(doctor(server, "--only", "config_file", "--json", env=env)) == {"config_file": "ok"}
    secret = tmp_path / "secret"
    secret.write_text(server.secret)
    secret.chmod(0o644)
    result = doctor(server, "--only", "credentials", "--json", "--api-secret-file", secret)
    assert states(result) == {"credentials": "warning"}, result


def test_storage_that_was_not_tried_is_not_called_good(server):
    result = doctor(server, "--only", "storage", "--json", env={"S3_BUCKET": "b"})
    assert states(result) == {"storage": "skipped"} and "no keys" in found(result, "storage")["detail"], result
    assert result.code == 3, result


def test_storage_is_written_read_and_deleted(server, storage):
    before = storage.objects()
    result = doctor(server, "--only", "storage", "--json", env=storage.environment())
    assert states(result) == {"storage": "ok"} and storage.objects() == before, result
    result = doctor(server, "--only", "storage", "--json", env={**storage.environment(), "RECORDING_S3_SECRET_KEY": "not-the-secret"})
    assert states(result) == {"storage": "failed"} and result.code == 3 and "not-the-secret" not in result.out + result.err, result


def test_a_profile_is_where_the_settings_came_from(server, tmp_path):
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}
    made = parts.voicectl("profile", "add", "here", "--url", server.url, "--api-key", server.key, "--secret-stdin", env=env, stdin=server.secret)
    assert made.code == 0, made
    result = doctor(None, "--only", WAY, "--json", env=env)
    assert result.code == 0 and found(result, "url")["evidence"]["from"].startswith("profile here"), result


def test_a_protected_profile_keeps_the_doctor_from_making_rooms(server, tmp_path):
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}
    made = parts.voicectl("profile", "add", "live", "--protected", "--url", server.url, "--api-key", server.key, "--secret-stdin", env=env, stdin=server.secret)
    assert made.code == 0, made
    words = ["--only", "key,media,agent", "--agent", "nobody", "--agent-wait", "1s", "--json"]
    refused = doctor(None, *words, env=env)
    assert states(refused) == {"key": "ok", "media": "skipped", "agent": "skipped"} and refused.code == 0, refused
    assert "--confirm live" in found(refused, "media")["detail"]
    agreed = doctor(None, *words, "--confirm", "live", env=env)
    assert states(agreed) == {"key": "ok", "media": "ok", "agent": "failed"}, agreed


def test_media_over_tcp_alone_are_a_warning():
    """What a firewall before the UDP ports makes of calls."""
    narrow = parts.Server(rtc=", force_tcp: true")
    try:
        result = doctor(narrow, "--only", "media", "--json")
    finally:
        narrow.stop()
    assert result.code == 0 and states(result)["media"] == "warning", result
    media = found(result, "media")
    assert media["evidence"]["path"] == "tcp" and "over TCP" in media["detail"] and "UDP port" in media["hint"], media
