"""An egress worker for tests: takes jobs from a real livekit-server over Redis, keeps what it was sent, and
reports what it is told to. It records nothing; all that it proves is what travels between voicectl, the server
and a worker.

The messages of LiveKit's bus (psrpc) are in no package, so their descriptors are made here; the public ones come
from livekit-protocol.
"""
import base64
import hashlib
import queue
import random
import threading
import time
import uuid

import redis
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from livekit.protocol import egress as egress_proto

STATUS = egress_proto.EgressStatus
TYPES = descriptor_pb2.FieldDescriptorProto


def _messages():
    """psrpc's envelopes (package internal) and the worker's request (package rpc)."""
    file = descriptor_pb2.FileDescriptorProto(name="voicectl_tests/psrpc.proto", package="internal", syntax="proto3")
    file.dependency.append(egress_proto.DESCRIPTOR.name)

    def message(name, *fields):
        out = file.message_type.add(name=name)
        for number, field, kind in fields:
            one = out.field.add(name=field, number=number, label=TYPES.LABEL_OPTIONAL)
            if isinstance(kind, str):
                one.type, one.type_name = TYPES.TYPE_MESSAGE, "." + kind
            else:
                one.type = kind

    text, raw, number = TYPES.TYPE_STRING, TYPES.TYPE_BYTES, TYPES.TYPE_INT64
    message("Msg", (1, "type_url", text), (2, "value", raw), (3, "channel", text))
    message("Request", (1, "request_id", text), (2, "client_id", text), (3, "sent_at", number), (4, "expiry", number), (8, "raw_request", raw))
    message("ClaimRequest", (1, "request_id", text), (2, "server_id", text), (3, "affinity", TYPES.TYPE_FLOAT))
    message("ClaimResponse", (1, "request_id", text), (2, "server_id", text))
    message("Response", (1, "request_id", text), (2, "server_id", text), (3, "sent_at", number), (5, "error", text), (6, "code", text),
            (7, "raw_response", raw))
    message("StartEgressRequest", (1, "egress_id", text), (3, "room_id", text), (5, "room_composite", "livekit.RoomCompositeEgressRequest"),
            (6, "track_composite", "livekit.TrackCompositeEgressRequest"), (7, "track", "livekit.TrackEgressRequest"),
            (11, "web", "livekit.WebEgressRequest"), (13, "participant", "livekit.ParticipantEgressRequest"),
            (16, "egress", "livekit.StartEgressRequest"))
    pool = descriptor_pool.Default()
    pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    return {one.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"internal.{one.name}")) for one in file.message_type}


MESSAGES = _messages()
KINDS = ("room_composite", "track_composite", "track", "web", "participant", "egress")


class Refusal(Exception):
    """What the worker answers instead: Refusal("invalid_argument", "…")."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Bus:
    """psrpc over Redis' publish and subscribe."""

    def __init__(self, port):
        self.redis = redis.Redis(host="127.0.0.1", port=port)
        self.pubsub = self.redis.pubsub(ignore_subscribe_messages=True)
        self.handlers = {}
        self.lock = threading.Lock()
        self.open = True
        self.subscribe("voicectl-tests", lambda kind, body, payload: None)
        threading.Thread(target=self.read, daemon=True).start()

    def subscribe(self, channel, handler):
        with self.lock:
            self.handlers[channel] = handler
            self.pubsub.subscribe(channel)

    def unsubscribe(self, channel):
        with self.lock:
            self.handlers.pop(channel, None)
            self.pubsub.unsubscribe(channel)

    def publish(self, channel, name, **fields):
        body = MESSAGES[name](**fields)
        self.redis.publish(channel, MESSAGES["Msg"](type_url=f"type.googleapis.com/internal.{name}", value=body.SerializeToString()).SerializeToString())

    def read(self):
        while self.open:
            try:
                message = self.pubsub.get_message(timeout=0.2)
            except (redis.ConnectionError, ValueError, OSError):
                return
            if message is None:
                continue
            envelope = MESSAGES["Msg"].FromString(message["data"])
            kind = envelope.type_url.rsplit("/", 1)[-1].rsplit(".", 1)[-1]
            handler = self.handlers.get(message["channel"].decode())
            if handler and kind in MESSAGES:
                handler(kind, MESSAGES[kind].FromString(envelope.value), message["data"])

    def close(self):
        self.open = False
        time.sleep(0.3)
        self.pubsub.close()
        self.redis.close()


class Method:
    """One method that this worker answers, claimed before it is served."""

    def __init__(self, bus, service, method, topic, answer, queued=False):
        self.bus, self.service, self.answer, self.queued = bus, service, answer, queued
        self.id = "SRV_" + uuid.uuid4().hex[:12]
        self.awards = {}
        base = "|".join([service, method] + ([topic] if topic else []))
        self.channels = [base + "|REQ", base + "|RCLAIM"]
        bus.subscribe(self.channels[0], lambda kind, body, payload: threading.Thread(target=self.serve, args=(body, payload), daemon=True).start())
        bus.subscribe(self.channels[1], self.awarded)

    def close(self):
        for channel in self.channels:
            self.bus.unsubscribe(channel)

    def awarded(self, kind, body, payload):
        if body.request_id in self.awards:
            self.awards[body.request_id].put(body.server_id)

    def serve(self, request, payload):
        if time.time_ns() >= request.expiry:
            return
        if self.queued:
            key = base64.b64encode(hashlib.sha256(payload).digest())
            if not self.bus.redis.set(key, random.getrandbits(62), ex=5, nx=True):
                return
        award = self.awards[request.request_id] = queue.Queue()
        self.bus.publish(f"{self.service}|{request.client_id}|CLAIM", "ClaimRequest", request_id=request.request_id, server_id=self.id, affinity=1.0)
        try:
            if award.get(timeout=5) != self.id:
                return
        except queue.Empty:
            return
        fields = {"request_id": request.request_id, "server_id": self.id, "sent_at": time.time_ns()}
        try:
            fields["raw_response"] = self.answer(request.raw_request).SerializeToString()
        except Refusal as refusal:
            fields.update(error=str(refusal), code=refusal.code)
        self.bus.publish(f"{self.service}|{request.client_id}|RES", "Response", **fields)


class Client:
    """Calls of the worker to the server (IOInfo)."""

    def __init__(self, bus):
        self.bus, self.id, self.claims, self.answers = bus, "CLI_" + uuid.uuid4().hex[:12], {}, {}
        bus.subscribe(f"IOInfo|{self.id}|CLAIM", lambda kind, body, payload: self.take(self.claims, body))
        bus.subscribe(f"IOInfo|{self.id}|RES", lambda kind, body, payload: self.take(self.answers, body))

    @staticmethod
    def take(waiting, body):
        if body.request_id in waiting:
            waiting[body.request_id].put(body)

    def call(self, method, message, seconds=5):
        request = "REQ_" + uuid.uuid4().hex[:12]
        claims = self.claims[request] = queue.Queue()
        answers = self.answers[request] = queue.Queue()
        now = time.time_ns()
        self.bus.publish(f"IOInfo|{method}|REQ", "Request", request_id=request, client_id=self.id, sent_at=now,
                         expiry=now + seconds * 10**9, raw_request=message.SerializeToString())
        claim = claims.get(timeout=seconds)
        self.bus.publish(f"IOInfo|{method}|RCLAIM", "ClaimResponse", request_id=request, server_id=claim.server_id)
        answer = answers.get(timeout=seconds)
        if answer.error:
            raise RuntimeError(f"{method}: {answer.error} ({answer.code})")


class Job:
    def __init__(self, worker, request):
        self.worker, self.request = worker, request
        self.kind = next(name for name in KINDS if request.HasField(name))
        self.asked = getattr(request, self.kind)
        self.stops, self.updates = 0, []
        now = time.time_ns()
        self.info = egress_proto.EgressInfo(egress_id=request.egress_id, room_id=request.room_id, status=STATUS.EGRESS_STARTING,
                                            room_name=getattr(self.asked, "room_name", ""), started_at=now, updated_at=now)
        getattr(self.info, self.kind).CopyFrom(self.asked)
        self.methods = [Method(worker.bus, "EgressHandler", "StopEgress", request.egress_id, self.on_stop, queued=True),
                        Method(worker.bus, "EgressHandler", "UpdateStream", request.egress_id, self.on_update, queued=True)]

    def set(self, status, error="", code=0, **fields):
        """Reports a new state, as a real worker does at each change."""
        info = self.info
        info.status, info.updated_at, info.error, info.error_code = status, time.time_ns(), error, code
        for name, value in fields.items():
            setattr(info, name, value)
        if status >= STATUS.EGRESS_COMPLETE:
            info.ended_at = time.time_ns()
        self.worker.client.call("UpdateEgress", info)
        if status >= STATUS.EGRESS_COMPLETE:
            self.close()

    def finish(self, size=12345, seconds=7, location="https://s3.example.com/calls/demo.ogg"):
        file = self.info.file_results.add(filename="calls/demo.ogg", location=location, size=size, duration=seconds * 10**9)
        self.info.file.CopyFrom(file)
        self.set(STATUS.EGRESS_COMPLETE, details="End reason: StopEgress API")

    def on_stop(self, raw):
        self.stops += 1
        if self.worker.on_stop:
            return self.worker.on_stop(self)
        self.info.status = STATUS.EGRESS_ENDING
        threading.Timer(0.3, self.finish).start()
        return self.info

    def on_update(self, raw):
        self.updates.append(egress_proto.UpdateStreamRequest.FromString(raw))
        if not getattr(self.asked, "stream_outputs", ()):
            raise Refusal("invalid_argument", "UpdateStream called on non-streaming egress")
        return self.info

    def close(self):
        for method in self.methods:
            method.close()


class Worker:
    """`on_start(job)` runs after the job was taken, on a thread of its own; `refuse` answers every start instead."""

    def __init__(self, redis_port):
        self.bus = Bus(redis_port)
        self.client = Client(self.bus)
        self.jobs, self.refuse, self.on_start, self.on_stop = {}, None, None, None
        self.service = Method(self.bus, "EgressInternal", "StartEgress", "", self.start)
        time.sleep(0.2)  # subscribed by then

    def start(self, raw):
        request = MESSAGES["StartEgressRequest"].FromString(raw)
        if self.refuse:
            raise self.refuse
        if request.egress_id in self.jobs:
            return self.jobs[request.egress_id].info
        job = self.jobs[request.egress_id] = Job(self, request)
        self.client.call("CreateEgress", job.info)
        answer = egress_proto.EgressInfo()
        answer.CopyFrom(job.info)
        threading.Thread(target=self.on_start or (lambda one: one.set(STATUS.EGRESS_ACTIVE)), args=(job,), daemon=True).start()
        return answer

    def close(self):
        for job in self.jobs.values():
            job.close()
        self.service.close()
        self.bus.close()
