"""The same agent on livekit-agents, for bench_agents.py: a stock session (Silero, turns by voice activity, 0.5 s), the model over
HTTP, and recognition and voice that cost nothing: a fixed sentence, and recordings held in memory. Run by .cache/venv-agents."""
import json
import os
import wave

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli, stt, tts, utils
from livekit.agents.types import APIConnectOptions, DEFAULT_API_CONNECT_OPTIONS
from livekit.plugins import openai

SETTINGS = json.loads(os.environ["PEER_SETTINGS"])  # name, greeting, question, model, prompts {text: file}


class FixedWords(stt.STT):
    def __init__(self):
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))

    async def _recognize_impl(self, buffer, *, language=None, conn_options=None):
        return stt.SpeechEvent(type=stt.SpeechEventType.FINAL_TRANSCRIPT,
                               alternatives=[stt.SpeechData(text=SETTINGS["question"], language="en")])


class Recordings(tts.TTS):
    def __init__(self):
        self.sounds = {}
        for text, file in SETTINGS["prompts"].items():
            with wave.open(file, "rb") as sound:
                self.rate = sound.getframerate()
                self.sounds[text.strip()] = sound.readframes(sound.getnframes())
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=self.rate, num_channels=1)

    def synthesize(self, text, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS):
        return Recording(tts=self, input_text=text, conn_options=conn_options)


class Recording(tts.ChunkedStream):
    async def _run(self, output_emitter):
        output_emitter.initialize(request_id=utils.shortuuid(), sample_rate=self._tts.rate, num_channels=1, mime_type="audio/pcm")
        output_emitter.push(self._tts.sounds[self.input_text.strip()])
        output_emitter.flush()


server = AgentServer(load_fnc=lambda: 0.0, load_threshold=0.95, host="127.0.0.1", port=SETTINGS["port"])


@server.rtc_session(agent_name=SETTINGS["name"])
async def entry(ctx: JobContext):
    session = AgentSession(stt=FixedWords(), tts=Recordings(),
                           llm=openai.LLM(model="fake", base_url=SETTINGS["model"], api_key="none"),
                           turn_handling={"turn_detection": "vad", "endpointing": {"min_delay": 0.5}})
    await session.start(agent=Agent(instructions="You are helpful."), room=ctx.room)
    session.say(SETTINGS["greeting"], allow_interruptions=False)


if __name__ == "__main__":
    cli.run_app(server)
