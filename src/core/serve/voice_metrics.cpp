#include "voicectl/base/metrics.h"
#include "voicectl/serve/voice.h"

namespace voicectl::serve {

std::string voice_metrics(const VoiceCounts& counts) {
    using Kind = Metrics::Kind;
    static const std::vector<Metrics::Definition> definitions{
        {Kind::Gauge, "voicectl_voice_calls", "Calls over a WebSocket at this moment"},
        {Kind::Gauge, "voicectl_voice_sockets", "Their connections; a call whose connection was cut has none"},
        {Kind::Counter, "voicectl_voice_calls_begun_total", "Calls begun"},
        {Kind::Counter, "voicectl_voice_calls_ended_total", "Calls ended"},
        {Kind::Counter, "voicectl_voice_cuts_total", "Connections that were cut while their call went on"},
        {Kind::Counter, "voicectl_voice_resumed_total", "Calls that were taken up on a new connection"},
        {Kind::Counter, "voicectl_voice_refused_total", "What clients were refused, by code of the error"},
        {Kind::Counter, "voicectl_voice_audio_bytes_total", "Audio by direction: in, out"},
    };
    Metrics metrics(definitions);
    metrics.set("voicectl_voice_calls", counts.calls);
    metrics.set("voicectl_voice_sockets", counts.sockets);
    const auto total = [&](const char* name, std::uint64_t value, const Metrics::Labels& labels = {}) { metrics.set(name, static_cast<double>(value), labels); };
    total("voicectl_voice_calls_begun_total", counts.begun);
    total("voicectl_voice_calls_ended_total", counts.ended);
    total("voicectl_voice_cuts_total", counts.cut);
    total("voicectl_voice_resumed_total", counts.resumed);
    for (const auto& [code, number] : counts.refused) total("voicectl_voice_refused_total", number, {{"code", code}});
    total("voicectl_voice_audio_bytes_total", counts.bytes_in, {{"direction", "in"}});
    total("voicectl_voice_audio_bytes_total", counts.bytes_out, {{"direction", "out"}});
    return metrics.text();
}

}  // namespace voicectl::serve
