// Every provider there is, for builtin.cpp: the one place that lists them.
#pragma once

#include "voicectl/speech/providers.h"

namespace voicectl::speech {

extern const Provider<VoiceModel> kEnergy;
extern const Provider<VoiceModel> kSilero;
extern const Provider<SpeechToText> kPocketSphinx;
extern const Provider<SpeechToText> kScriptStt;
extern const Provider<SpeechToText> kDeepgram;
extern const Provider<SpeechToText> kDeepgramFlux;
extern const Provider<SpeechToText> kOpenAiRealtime;
extern const Provider<SpeechToText> kOpenAiTranscription;
extern const Provider<SpeechToText> kSherpaStt;
extern const Provider<LanguageModel> kScript;
extern const Provider<LanguageModel> kOpenAi;
extern const Provider<LanguageModel> kAnthropic;
extern const Provider<TextToSpeech> kFlite;
extern const Provider<TextToSpeech> kEspeakNg;
extern const Provider<TextToSpeech> kRecorded;
extern const Provider<TextToSpeech> kDeepgramVoice;
extern const Provider<TextToSpeech> kElevenLabs;
extern const Provider<TextToSpeech> kCartesia;
extern const Provider<TextToSpeech> kOpenAiVoice;
extern const Provider<TextToSpeech> kEdgeVoice;
extern const Provider<TextToSpeech> kAzureVoice;
extern const Provider<TextToSpeech> kZonos;
extern const Provider<TextToSpeech> kSherpaTts;

std::string flite_version();
std::string espeak_ng_version();
std::string pocketsphinx_version();

}  // namespace voicectl::speech
