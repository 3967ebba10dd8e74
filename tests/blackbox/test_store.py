"""`store info`, `check`, `migrate` and `vacuum` on the built binary."""
import json
import os
import sqlite3
import time

import parts
import pytest


@pytest.fixture
def path(tmp_path):
    return tmp_path / "s.db"


@pytest.fixture
def store(path):
    def run(*arguments, code=0, env=None):
        result = parts.voicectl("store", *arguments, "--store", path, "--json", env=env or {})
        assert result.code == code, result
        return json.loads(result.err) if code and not result.out else result.json

    return run


@pytest.fixture
def filled(path):
    """One call of long ago, one of now, a session."""
    export = path.with_suffix(".json")
    for room, when in (("old", "2025-01-02T03:04:05Z"), ("new", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))):
        turn = {"sequence": 0, "speaker": "user", "identity": "ann", "text": "Hello.", "startedAt": when, "endedAt": when}
        export.write_text(json.dumps({"room": room, "startedAt": when, "endedAt": when, "status": "completed", "turns": [turn]}))
        made = parts.voicectl("transcript", "import", export, "--store", path)
        assert made.code == 0, made
    assert parts.voicectl("session", "create", "--id", "s1", "--user", "ann", "--store", path).code == 0


def test_what_a_store_holds(store, path, filled):
    info = store("info")
    assert (info["place"], info["engine"], info["calls"], info["turns"], info["sessions"]) == (str(path), "SQLite", 2, 2, 1)
    assert info["upToDate"] and info["schemaVersion"] == info["knownSchemaVersion"]
    assert info["sizeBytes"] == path.stat().st_size
    assert info["oldestAt"].startswith("2025-01-02T03:04:05") and info["newestAtMs"] > info["oldestAtMs"]
    assert info["spool"] == {"folder": f"{path}.spool", "files": 0, "bytes": 0, "rejectedBytes": 0}
    text = parts.voicectl("store", "info", "--store", path).out
    assert "calls       2, 0 of them active; 2 turns\n" in text
    before = path.read_bytes()
    path.chmod(0o400)
    assert store("info") == info and store("check")["healthy"]
    assert path.read_bytes() == before


def test_nothing_is_made_by_looking(store, path):
    for command in ("info", "check", "vacuum"):
        assert store(command, code=5)["error"]["code"] == "not_found"
    assert store("migrate", "--dry-run")["from"] == 0
    assert not path.exists()
    assert store("migrate")["migrated"]
    assert store("info")["calls"] == 0
    again = store("migrate")
    assert again["from"] == again["to"] and not again["migrated"]


def test_an_older_schema_is_brought_up_when_asked(store, path, filled):
    newest = store("info")["knownSchemaVersion"]
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("DROP TABLE assessments")
    database.execute("DROP TABLE assignments")
    for index in ("start", "user", "call"):
        database.execute(f"DROP INDEX sessions_by_{index}")
    database.execute("ALTER TABLE sessions DROP COLUMN assignment_id")
    if newest > 5:
        pytest.fail("take out here what version 6 has brought")
    database.execute("PRAGMA user_version = 4")
    database.close()
    assert store("info")["schemaVersion"] == 4 and not store("info")["upToDate"]
    assert store("vacuum", code=6)["error"]["hint"].startswith("voicectl store migrate")
    planned = store("migrate", "--dry-run")
    assert (planned["from"], planned["to"], planned["migrated"], planned["backup"]) == (4, newest, False, None)
    assert store("info")["schemaVersion"] == 4 and len(list(path.parent.glob("*.backup"))) == 0
    done = store("migrate")
    assert (done["from"], done["to"], done["migrated"]) == (4, newest, True)
    assert store("info")["upToDate"] and store("check")["healthy"]
    assert os.stat(done["backup"]).st_mode & 0o777 == 0o600
    assert sqlite3.connect(done["backup"]).execute("PRAGMA user_version").fetchone() == (4,)
    assert parts.voicectl("session", "list", "--store", path, "--json").json["sessions"][0]["id"] == "s1"


def test_a_newer_schema_is_told_and_left_alone(store, path, filled):
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA user_version = 99")
    database.close()
    assert store("info")["schemaVersion"] == 99
    for command in ("migrate", "check", "vacuum"):
        assert "schema version 99" in store(command, code=6)["error"]["message"]


def test_damage_is_told_with_what_to_do(store, path, filled):
    assert store("check")["healthy"]
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("DELETE FROM calls WHERE room = 'old'")  # foreign keys are off here
    database.close()
    report = store("check", code=3)
    (orphans,) = [check for check in report["checks"] if check["state"] == "failed"]
    assert orphans["id"] == "orphans" and len(orphans["findings"]) == 1
    command = orphans["findings"][0]["hint"]
    assert command.startswith("sqlite3 ") and "DELETE FROM turns" in command
    # The hint is what helps.
    database = sqlite3.connect(path, isolation_level=None)
    database.execute(command.split('"')[1])
    database.close()
    assert store("check")["healthy"]
    content = bytearray(path.read_bytes())
    content[-4096:] = b"\x5a" * 4096
    path.write_bytes(content)
    report = store("check", code=3)
    assert report["checks"][0]["id"] == "pages" and report["checks"][0]["state"] == "failed"
    text = parts.voicectl("store", "check", "--store", path)
    assert text.code == 3 and "✗ pages" in text.out and "is not whole" in text.err


def test_what_is_old_goes_when_that_is_meant(store, path, filled):
    counted = store("vacuum", "--older-than", "90d", "--dry-run")
    assert counted["removed"] == {"calls": 1, "turns": 1, "sessions": 0, "events": 0} and counted["dryRun"]
    assert "--yes" in store("vacuum", "--older-than", "90d", code=2)["error"]["message"]
    assert store("vacuum", "--older-than", "soon", "--yes", code=2)
    assert store("info")["calls"] == 2
    done = store("vacuum", "--older-than", "90d", "--yes")
    assert done["removed"] == counted["removed"]
    assert 0 < done["bytesAfter"] <= done["bytesBefore"] and done["bytesAfter"] == path.stat().st_size
    assert [call["room"] for call in parts.voicectl("transcript", "list", "--store", path, "--json").json["transcripts"]] == ["new"]
    assert store("vacuum", "--older-than", "90d", "--yes")["removed"]["calls"] == 0


def test_a_vacuum_leaves_a_file_alone_that_another_writes(store, path, filled):
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    before = path.stat()  # to read it would drop this process's locks on it
    error = store("vacuum", code=8)["error"]
    assert "another process writes" in error["message"] and error["hint"]
    assert (path.stat().st_mtime_ns, path.stat().st_size) == (before.st_mtime_ns, before.st_size)
