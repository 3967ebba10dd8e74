"""Tools of a real MCP server, made with the protocol's own SDK (PyPI: mcp), as an agent's model calls them."""
import socket
import subprocess
import sys
import time

import parts
import pytest

pytest.importorskip("mcp", reason="the Python package `mcp` is not installed")

SERVER = """
import sys
from mcp.server.mcpserver import MCPServer

server = MCPServer("bookings")


@server.tool()
def find_booking(guest: str, people: int = 2) -> str:
    "Finds a booking."
    if guest == "nobody":
        raise ValueError("no such guest")
    return f"{guest}, {people} people, at eight"


@server.tool()
def hidden() -> str:
    "Not for the agent."
    return "seen"


server.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[1]), json_response=sys.argv[2] == "json")
"""

AGENT = """
name: bookings
stt: pocketsphinx
tts: flite
greeting: Hello.
llm:
  provider: script
  rules:
    - {{match: "wrong", call: {{name: find_booking, arguments: {{guest: 7}}}}, then: "{{result}}"}}
    - {{match: "hidden", call: {{name: hidden}}, then: "{{result}}"}}
    - {{match: "booking of (\\\\w+)", answer: One moment., call: {{name: find_booking, arguments: {{guest: "{{1}}"}}}}, then: "I have {{result}}."}}
mcp:
  - {{url: "http://127.0.0.1:{port}/mcp", tools: [find_booking], allow_private: {private}}}
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(params=["json", "events"])
def port(request, tmp_path):
    number = free_port()
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(number), request.param], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", number)) == 0:
                break
        time.sleep(0.1)
    else:
        pytest.fail("the MCP server does not listen")
    yield number
    process.terminate()
    process.wait()


def talk(tmp_path, port, said, private="true"):
    config = tmp_path / "agent.yaml"
    config.write_text(AGENT.format(port=port, private=private))
    return parts.voicectl("agent", "console", config, stdin=said)


def test_a_tool_is_called_and_its_result_told(tmp_path, port):
    result = talk(tmp_path, port, "the booking of Smith\nthe booking of nobody\nwrong\nhidden\n")
    assert result.code == 0, result
    said = result.out.splitlines()
    assert said[1] == "One moment. I have Smith, 2 people, at eight.", result
    assert "Error executing tool find_booking" in said[2] and "(tool find_booking: failed in" in result.err, result
    assert "guest" in said[3] and "arguments are wrong" in said[3], result
    assert "there is no tool 'hidden'" in said[4], result
    assert "(tool find_booking: ok in" in result.err and "(tool find_booking: invalid in" in result.err, result


def test_a_private_server_is_refused_unless_allowed(tmp_path, port):
    result = talk(tmp_path, port, "the booking of Smith\n", private="false")
    assert result.code == 0 and "there is no tool 'find_booking'" in result.out, result
    assert "private address" in result.err, result
