"""Fixtures for every test in Python (tests/blackbox: the built binary; tests/interop: other implementations)."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import parts  # noqa: E402
import serving  # noqa: E402


@pytest.fixture(scope="session")
def server():
    """A livekit-server that the whole session shares. Tests that kill theirs start one of their own."""
    running = parts.Server()
    yield running
    running.stop()


@pytest.fixture
def own_server():
    running = parts.Server()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def redis():
    running = parts.Redis()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def redis_server(redis):
    """A livekit-server that shares Redis with whoever else does: egress workers, other servers."""
    running = parts.Server(redis=redis)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def storage():
    """An S3 storage with one bucket."""
    running = parts.Storage()
    yield running
    running.stop()


@pytest.fixture
def voicectl():
    return parts.voicectl


@pytest.fixture
def agents(tmp_path):
    """agents(server, yaml, *flags) → a registered agent; all are stopped at the end."""
    running = []

    def start(server, yaml, *flags, **more):
        folder = tmp_path / f"agent{len(running)}"
        folder.mkdir()
        running.append(parts.Agent(server, yaml, folder, *flags, **more))
        return running[-1]

    yield start
    for agent in running:
        agent.stop()


@pytest.fixture
def start(tmp_path):
    """Starts `voicectl serve` with these flags; as often as is wanted."""
    running = []

    def begin(*flags, **more):
        running.append(serving.Serve(tmp_path / f"serve{len(running)}", *flags, **more))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


@pytest.fixture
def downstream():
    running = []

    def start(*arguments, **more):
        running.append(parts.Downstream(*arguments, **more))
        return running[-1]

    yield start
    for one in running:
        one.stop()


def pytest_collection_modifyitems(items):
    """A token differs from second to second, and pytest-xdist's workers have to collect the same names."""
    timed = [item.nodeid for item in items if "eyJ" in item.nodeid]
    if timed:
        raise pytest.UsageError(f"a test is named after a token, which the clock changes: {timed[0]}")
