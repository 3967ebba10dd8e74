"""The agent as front-ends meet it: LiveKit's own Python SDK is the caller and takes captions, types, calls methods and
presses keys, as it would with livekit-agents."""
import asyncio
import json
import time
import uuid

import parts
import pytest

rtc = pytest.importorskip("livekit.rtc", reason="the Python package `livekit` is not installed")
api = pytest.importorskip("livekit.api", reason="the Python package `livekit-api` is not installed")

PATIENCE = 30
GREETING = "Good morning, this is the city library. What can I do for you?"
LONG = "We are open from nine in the morning until six in the evening, from Monday to Friday, and on Saturday from ten until one."
YAML = f"""
name: {{name}}
greeting: {GREETING}
stt: {{{{provider: pocketsphinx, phrases: ["when are you open", "thank you very much"]}}}}
llm: {{{{provider: script, rules: [{{{{match: "open", answer: "{LONG}"}}}}, {{{{match: "keys: (.*)\\\\]", answer: "You have pressed {{{{1}}}}."}}}},
                                  {{{{match: "goodbye", answer: "Goodbye and thank you.", end_call: true}}}}], default: "Very well."}}}}
tts: {{{{provider: flite, voice: slt}}}}
caller_return: {{back}}
"""


def run(coroutine, limit=120):
    return asyncio.run(asyncio.wait_for(coroutine, limit))


class Caller:
    """A front-end: collects what the agent publishes, piece by piece as it comes."""

    def __init__(self, server, room, identity="ann", name=None, hears=True):
        grants = api.VideoGrants(room_join=True, room=room)
        self.token = api.AccessToken(server.key, server.secret).with_identity(identity).with_name(name or identity).with_grants(grants).to_jwt()
        self.server, self.room_name, self.identity = server, room, identity
        self.room, self.hears = rtc.Room(), hears
        self.captions, self.packets, self.old, self.states, self.audio = [], [], [], [], 0
        self.changed, self.tasks = asyncio.Condition(), []

    async def __aenter__(self):
        self.room.register_text_stream_handler("lk.transcription", lambda reader, sender: self.start(self.read(reader, sender)))
        self.room.on("data_received", lambda packet: self.start(self.keep_packet(packet)))
        self.room.on("transcription_received", lambda segments, who, track: self.start(self.keep_old(segments, who)))
        self.room.on("participant_attributes_changed", lambda changed, who: self.start(self.keep_state(changed, who)))
        self.room.on("track_subscribed", lambda track, *_: self.start(self.hear(track)))
        await self.room.connect(self.server.url, self.token, rtc.RoomOptions(auto_subscribe=self.hears))
        return self

    async def __aexit__(self, *_):
        await self.room.disconnect()
        for task in self.tasks:
            task.cancel()

    def start(self, coroutine):
        self.tasks.append(asyncio.ensure_future(coroutine))
        return self.tasks[-1]

    async def notify(self, change):
        async with self.changed:
            change()
            self.changed.notify_all()

    async def read(self, reader, sender):
        caption = {"sender": sender, "pieces": [], "begin": dict(reader.info.attributes), "end": None, "at": []}
        await self.notify(lambda: self.captions.append(caption))
        async for piece in reader:
            caption["at"].append(time.monotonic())
            await self.notify(lambda: caption["pieces"].append(piece))
        await self.notify(lambda: caption.update(end=dict(reader.info.attributes)))

    async def keep_packet(self, packet):
        if packet.topic == "transcript":
            await self.notify(lambda: self.packets.append(json.loads(packet.data)))

    async def keep_old(self, segments, who):
        await self.notify(lambda: self.old.extend((who.identity if who else "", one.id, one.text, one.final) for one in segments))

    async def keep_state(self, changed, who):
        if "lk.agent.state" in changed:
            await self.notify(lambda: self.states.append(changed["lk.agent.state"]))

    async def hear(self, track):
        async for event in rtc.AudioStream(track, sample_rate=16000, num_channels=1):
            if max(event.frame.data, default=0) > 500:
                self.audio += 1

    async def until(self, condition, what, seconds=PATIENCE):
        async with self.changed:
            try:
                await asyncio.wait_for(self.changed.wait_for(condition), seconds)
            except asyncio.TimeoutError:
                raise AssertionError(f"{what} did not come in {seconds} s: {self.captions} {self.packets} {self.states}") from None

    def said(self, sender, final=True):
        """Texts of captions of that sender that are over."""
        return ["".join(c["pieces"]) for c in self.captions if c["sender"] == sender and c["end"] is not None
                and (c["end"].get("lk.transcription_final") == "true") == final]

    async def agent_there(self):
        while self.agent_identity() is None:
            await asyncio.sleep(0.05)
        return self.agent_identity()

    def agent_identity(self):
        return next((p.identity for p in self.room.remote_participants.values() if p.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT), None)

    async def greeted(self):
        # Participants who only come wake nobody: the agent's first caption does.
        await self.until(lambda: GREETING in [text for c in self.captions for text in ["".join(c["pieces"])] if c["end"] is not None], "the greeting")
        return self.agent_identity()

    async def type(self, text, topic="lk.chat"):
        await self.room.local_participant.send_text(text, topic=topic)

    async def speak(self, path):
        import wave
        with wave.open(str(path)) as file:
            rate, samples = file.getframerate(), file.readframes(file.getnframes())
        source = rtc.AudioSource(rate, 1)
        track = rtc.LocalAudioTrack.create_audio_track("mic", source)
        await self.room.local_participant.publish_track(track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE))
        silence = bytes(rate // 50 * 2)
        for _ in range(50):
            await source.capture_frame(rtc.AudioFrame(silence, rate, 1, rate // 50))
        for at in range(0, len(samples) - len(silence), len(silence)):
            await source.capture_frame(rtc.AudioFrame(samples[at:at + len(silence)], rate, 1, rate // 50))
        for _ in range(100):
            await source.capture_frame(rtc.AudioFrame(silence, rate, 1, rate // 50))

    async def call(self, method, payload, to, timeout=20):
        return json.loads(await self.room.local_participant.perform_rpc(destination_identity=to, method=method, payload=payload, response_timeout=timeout))


@pytest.fixture
def desk(server, agents):
    """desk(name) → a room to which an agent of its own was sent."""
    rooms = []

    def open_room(back="0s", extra=""):
        name = "desk-" + uuid.uuid4().hex[:8]
        agent = agents(server, YAML.format(name=name, back=back) + extra, "--dev")
        sent = parts.voicectl("dispatch", "create", name + "-room", "--agent", name, "--wait", env=server.environment())
        assert sent.code == 0, sent
        rooms.append(name + "-room")
        agent.room = name + "-room"
        return agent

    yield open_room
    for room in rooms:
        parts.voicectl("room", "delete", room, "--yes", env=server.environment())


def stored(agent):
    return parts.voicectl("transcript", "show", agent.room, "--store", agent.store, "--json").json["turns"]


async def in_thread(call, *arguments, **more):
    return await asyncio.get_running_loop().run_in_executor(None, lambda: call(*arguments, **more))


def test_captions_come_as_from_livekit_agents(server, desk, tmp_path):
    agent = desk()
    question = tmp_path / "question.wav"
    parts.speech("When are you open?", question)

    async def story():
        async with Caller(server, agent.room) as ann:
            bot = await ann.greeted()
            greeting = next(c for c in ann.captions if c["sender"] == bot)
            assert len(greeting["pieces"]) > 5, "word by word, as it is heard"
            assert greeting["at"][-1] - greeting["at"][0] > 1.5, "in step with the voice"
            assert greeting["begin"]["lk.transcription_final"] == "false" and greeting["end"]["lk.transcription_final"] == "true"
            assert greeting["begin"]["lk.segment_id"] == greeting["end"]["lk.segment_id"]
            voice = next(iter(ann.room.remote_participants[bot].track_publications.values()))
            assert greeting["begin"]["lk.transcribed_track_id"] == voice.sid
            await ann.speak(question)
            await ann.until(lambda: ann.said("ann"), "my own words")
            mine = [c for c in ann.captions if c["sender"] == "ann"]
            assert "".join(mine[-1]["pieces"]) == "when are you open" == ann.said("ann")[-1]
            assert len({c["begin"]["lk.segment_id"] for c in mine}) == 1
            assert all(c["begin"]["lk.transcription_final"] == "false" for c in mine[:-1])
            mic = next(iter(ann.room.local_participant.track_publications.values()))
            assert mine[-1]["begin"]["lk.transcribed_track_id"] == mic.sid
            await ann.until(lambda: LONG in ann.said(bot), "the answer")
            assert ann.audio > 50
            # This SDK is of before the streams: it gets the packets of then, too.
            expected = [(bot, GREETING), ("ann", "when are you open"), (bot, LONG)]
            await ann.until(lambda: [(who, text) for who, _, text, done in ann.old if done] == expected, "the packets of then")
            await ann.until(lambda: len(ann.packets) == 3, "transcript packets")
            assert [(p["speaker"], p["text"]) for p in ann.packets] == [("agent", GREETING), ("user", "when are you open"), ("agent", LONG)]
            for state in ("speaking", "listening", "thinking"):
                assert state in ann.states

    run(story())


def test_typed_text_interrupts_and_is_answered(server, desk):
    agent = desk()

    async def story():
        async with Caller(server, agent.room) as ann:
            bot = await ann.greeted()
            await ann.type("when are you open?")
            await ann.until(lambda: any(c["sender"] == bot and len(c["pieces"]) > 4 for c in ann.captions[1:]), "the answer's first words")
            await ann.type("\x07yes\r\n")
            await ann.until(lambda: "Very well." in ann.said(bot), "the second answer")
            heard = ann.said(bot)[1]
            assert LONG.startswith(heard) and 10 < len(heard) < len(LONG), heard
            turns = await in_thread(stored, agent)
            assert [t["text"] for t in turns] == [GREETING, "when are you open?", heard, "yes", "Very well."]
            assert turns[1]["detail"]["typed"] is True and turns[2]["interrupted"] is True

    run(story())


def test_who_only_reads_and_types_is_served_from_the_first_word(server, desk):
    agent = desk()

    async def story():
        async with Caller(server, agent.room, hears=False) as ann:
            # The agent has not been told yet that somebody is there.
            state = ann.start(ann.call("lk.agent.get_session_state", "", await ann.agent_there()))
            await ann.type("hello")
            bot = await ann.greeted()
            assert (await state)["agent_id"] == agent.room.removesuffix("-room")
            await ann.until(lambda: "Very well." in ann.said(bot), "the answer")
            assert ann.audio == 0

    run(story())


def test_methods_answer_and_refuse(server, desk):
    agent = desk()

    async def story():
        async with Caller(server, agent.room) as ann:
            bot = await ann.greeted()
            state = await ann.call("lk.agent.get_session_state", "{}", bot)
            assert state["agent_state"] == "listening" and state["user_state"] == "listening"
            answer = await ann.call("lk.agent.send_message", '{"text":"hello"}', bot)
            assert [i["content"] for i in answer["items"]] == [["hello"], ["Very well."]]
            history = await ann.call("lk.agent.get_chat_history", "", bot)
            assert [i["role"] for i in history["items"]] == ["assistant", "user", "assistant"]
            async with Caller(server, agent.room, "second") as second:
                for who, method, payload, code in [(ann, "lk.agent.send_message", "nonsense", 400), (ann, "lk.agent.unknown", "", 1400),
                                                   (second, "lk.agent.get_chat_history", "", 403), (ann, "voicectl.say", '{"text":"x"}', 403)]:
                    with pytest.raises(rtc.RpcError) as refused:
                        await who.call(method, payload, bot)
                    assert refused.value.code == code, refused.value
            said = await in_thread(parts.voicectl, "room", "rpc", agent.room, "--to", bot, "--method", "voicectl.say",
                                   "--payload", '{"text":"Please hold the line."}', env=server.environment())
            assert said.code == 0, said
            await ann.until(lambda: "Please hold the line." in ann.said(bot), "the operator's words")

    run(story())


def test_questions_of_livekit_agents_own_protocol_are_answered(server, desk):
    session = pytest.importorskip("livekit.protocol.agent_pb.agent_session", reason="livekit-protocol has no agent_pb")
    agent = desk()

    async def story():
        async with Caller(server, agent.room) as ann:
            answers, events = {}, []

            async def read(reader):
                message = session.AgentSessionMessage.FromString(b"".join([chunk async for chunk in reader]))

                def keep():
                    if message.HasField("response"):
                        answers[message.response.request_id] = message.response
                    else:
                        events.append(message.event)
                await ann.notify(keep)

            ann.room.register_byte_stream_handler("lk.agent.session", lambda reader, _: ann.start(read(reader)))
            bot = await ann.greeted()

            async def ask(name, **request):
                question = session.AgentSessionMessage(request=session.SessionRequest(request_id=name, **request))
                writer = await ann.room.local_participant.stream_bytes("AS_1", topic="lk.agent.session", destination_identities=[bot])
                await writer.write(question.SerializeToString())
                await writer.aclose()
                await ann.until(lambda: name in answers, f"an answer to {name}")
                return answers[name]

            assert (await ask("1", ping=session.SessionRequest.Ping())).HasField("pong")
            state = (await ask("2", get_session_state=session.SessionRequest.GetSessionState())).get_session_state
            assert state.agent_state == session.AS_LISTENING and abs(state.created_at.seconds - time.time()) < 300
            ran = (await ask("3", run_input=session.SessionRequest.RunInput(text="hello"))).run_input.items
            assert [i.message.content[0].text for i in ran] == ["hello", "Very well."]
            history = (await ask("4", get_chat_history=session.SessionRequest.GetChatHistory())).get_chat_history.items
            assert [i.message.role for i in history] == [session.ASSISTANT, session.USER, session.ASSISTANT]
            assert (await ask("5", get_framework_info=session.SessionRequest.GetFrameworkInfo())).get_framework_info.sdk == "voicectl"
            assert (await ask("6", get_rtc_stats=session.SessionRequest.GetRTCStats())).error == "not supported"
            kinds = {event.WhichOneof("event") for event in events}
            assert {"agent_state_changed", "conversation_item_added"} <= kinds, kinds

    run(story())


def test_keys_of_a_telephone_are_a_turn(server, desk):
    agent = desk(extra="dtmf: {timeout: 1s}\n")

    async def story():
        async with Caller(server, agent.room) as ann:
            bot = await ann.greeted()
            for code, digit in ((1, "1"), (2, "2"), (11, "#")):
                await ann.room.local_participant.publish_dtmf(code=code, digit=digit)
            await ann.until(lambda: "You have pressed 12." in ann.said(bot), "the answer to 12")
            pressed = await in_thread(parts.voicectl, "room", "join", agent.room, "--identity", "second", "--dtmf", "9#", "--for", "2s", env=server.environment())
            assert pressed.code == 0, pressed
            await ann.room.local_participant.publish_dtmf(code=7, digit="7")
            await ann.until(lambda: "You have pressed 7." in ann.said(bot), "the answer to 7")
            assert not any("9" in text for text in ann.said(bot))
            assert [t["detail"] for t in await in_thread(stored, agent) if t["speaker"] == "user"] == [{"keys": "12"}, {"keys": "7"}]
            assert "[keys: 12]" not in agent.log.read_text(), "what is pressed may be secret"

    run(story())


def test_the_first_of_two_is_served_and_may_return(server, desk, tmp_path):
    agent = desk(back="20s")
    question = tmp_path / "question.wav"
    parts.speech("Thank you very much.", question)

    async def story():
        # Called like the agent itself: a name is no kind.
        async with Caller(server, agent.room, "ann", name=agent.room.removesuffix("-room")) as ann:
            bot = await ann.greeted()
            async with Caller(server, agent.room, "second") as second:
                await second.speak(question)
                await second.type("when are you open?")
                await ann.type("hello")
                await ann.until(lambda: "Very well." in ann.said(bot), "the answer to the first")
                assert second.said("second") == []
        async with Caller(server, agent.room, "ann") as again:
            await again.until(lambda: again.agent_identity() is not None, "the agent still there")
            await again.type("hello again")
            await again.until(lambda: len([t for t in again.said(bot) if t == "Very well."]) == 1, "an answer after the return")
        turns = await in_thread(stored, agent)
        assert [t["text"] for t in turns if t["speaker"] == "user"] == ["hello", "hello again"]
        assert all(t["identity"] == "ann" for t in turns if t["speaker"] == "user")

    run(story())


def test_a_goodbye_is_captioned_to_its_end(server, desk):
    agent = desk()

    async def story():
        async with Caller(server, agent.room) as ann:
            bot = await ann.greeted()
            await ann.type("goodbye")
            await ann.until(lambda: "Goodbye and thank you." in ann.said(bot), "the whole goodbye")
            await ann.until(lambda: ann.packets and ann.packets[-1]["text"] == "Goodbye and thank you.", "its packet")

    run(story())
