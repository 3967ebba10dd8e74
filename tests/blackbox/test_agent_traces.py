"""Traces by OTLP, as the official schema has them, and log lines that lead to them."""
import base64
import http.server
import json

import parts
import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

YAML = """
name: {name}
greeting: Good morning, this is the city library. What can I do for you?
stt: {{provider: pocketsphinx, phrases: ["when are you open", "goodbye"]}}
llm: {{provider: script, rules: [], default: "We are open from nine in the morning until six in the evening."}}
tts: {{provider: flite, voice: slt}}
caller_return: 0s
otlp: {{endpoint: "{url}", headers_env: TRACE_HEADERS{more}}}
"""
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector(parts.Web):
    """Takes what the official schema can read, all of it."""

    def __init__(self):
        self.spans, self.resources, self.headers, self.faults = [], [], [], []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.headers.append((self.path, dict(self.headers)))
                try:
                    collector.take(json.loads(body))
                except Exception as fault:  # the test tells it
                    collector.faults.append(repr(fault))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.listen(Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, body):
        # OTLP has ids in hexadecimal where protobuf's own JSON has base64.
        for resource in body["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    for key in ("traceId", "spanId", "parentSpanId"):
                        if key in span:
                            span[key] = base64.b64encode(bytes.fromhex(span[key])).decode()
        request = json_format.ParseDict(body, ExportTraceServiceRequest())  # refuses what the schema does not have
        for resource in request.resource_spans:
            self.resources.append({one.key: one.value.string_value for one in resource.resource.attributes})
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]

    def named(self, name):
        return [span for span in self.spans if span.name == name]


def attributes(span):
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


@pytest.fixture
def collector():
    running = Collector()
    yield running
    running.stop()


def traced(server, agents, collector, monkeypatch, name, *, more="", metadata=None, flags=()):
    monkeypatch.setenv("TRACE_HEADERS", "x-api-key=a-key-for-traces")
    agent = agents(server, YAML.format(name=name, url=collector.url, more=more), "--log-format", "json", *flags)
    given = ("--metadata", json.dumps(metadata)) if metadata else ()
    result = parts.voicectl("e2e-call", "--agent", name, "--say", "When are you open?", *given, env=server.environment(), timeout=120)
    assert result.code == 0, result
    parts.wait_for(lambda: collector.named("agent_session"), 20, "the trace of the call")
    assert collector.faults == []
    return agent


def test_a_call_is_one_trace_of_turns_and_stages(server, agents, collector, monkeypatch):
    agent = traced(server, agents, collector, monkeypatch, "traced")
    assert len({span.trace_id for span in collector.spans}) == 1
    (call,) = collector.named("agent_session")
    (asked,) = collector.named("user_turn")
    answers = collector.named("agent_turn")
    by_id = {span.span_id: span for span in collector.spans}
    assert not call.parent_span_id and asked.parent_span_id == call.span_id
    assert len(answers) == 2 and all(one.parent_span_id == call.span_id for one in answers)
    for name, parent in (("user_speaking", "user_turn"), ("eou_detection", "user_turn"), ("stt_node", "user_turn"), ("llm_node", "agent_turn"),
                         ("tts_node", "agent_turn"), ("agent_speaking", "agent_turn"), ("session_start", "agent_session")):
        assert collector.named(name), name
        for span in collector.named(name):
            above = by_id[span.parent_span_id]
            assert above.name == parent, name
            assert above.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano <= above.end_time_unix_nano, name
    told = attributes(call)
    assert told["lk.agent_name"] == "traced" and told["lk.job_id"].startswith("AJ_") and told["lk.pii.room_name"].startswith("e2e-")
    assert 0 < attributes(answers[1])["lk.e2e_latency"] < 20 and attributes(answers[1])["lk.interrupted"] is False
    assert attributes(collector.named("llm_node")[0])["gen_ai.provider.name"] == "script"
    assert collector.resources[0]["service.name"] == "voicectl-agent"
    path, headers = collector.headers[0]
    assert path == "/v1/traces" and headers["x-api-key"] == "a-key-for-traces"
    # What people say is not for others, unless they are told to have it.
    assert "open from nine" not in str(collector.spans)
    lines = [json.loads(line) for line in agent.log.read_text().splitlines() if line.startswith('{"time"') and '"level"' in line]
    of_call = [line for line in lines if "room" in line and line["room"]]
    assert len(of_call) >= 5 and {line.get("trace") for line in of_call} == {call.trace_id.hex()}, of_call
    assert all(line.get("job", "").startswith("AJ_") for line in of_call)
    assert "a-key-for-traces" not in agent.log.read_text()


def test_a_call_joins_the_trace_of_its_dispatch_and_may_hold_speech(server, agents, collector, monkeypatch):
    traced(server, agents, collector, monkeypatch, "joined", more=", speech: true", metadata={"userId": "ann", "traceparent": f"00-{TRACE}-{PARENT}-01"})
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
    assert collector.named("agent_session")[0].parent_span_id.hex() == PARENT
    assert attributes(collector.named("user_turn")[0])["lk.pii.user_transcript"] == "when are you open"


def test_a_collector_that_is_gone_costs_no_call_and_is_counted(server, agents, monkeypatch):
    class Gone:
        url = f"http://127.0.0.1:{parts.free_port()}"

    monkeypatch.setenv("TRACE_HEADERS", "x=1")
    agent = agents(server, YAML.format(name="untraced", url=Gone.url, more=""))
    result = parts.voicectl("e2e-call", "--agent", "untraced", "--say", "When are you open?", env=server.environment(), timeout=120)
    assert result.code == 0, result
    parts.wait_for(lambda: "traces cannot be sent" in agent.log.read_text(), 20, "a word about it")
    assert agent.stop() == 0


def test_faults_of_otlp_are_found_by_check(tmp_path):
    config = tmp_path / "agent.yaml"
    config.write_text(YAML.format(name="x", url="ftp://nowhere", more=", colour: red"))
    result = parts.voicectl("agent", "check", config, "--json")
    assert sorted(fault["key"] for fault in result.json["faults"]) == ["otlp.colour", "otlp.endpoint"], result
