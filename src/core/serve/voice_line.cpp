#include "voice_line.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::serve::voice {
namespace {

constexpr std::chrono::seconds kWindow{10};
constexpr int kMostMessages = 100;  // of control, within the window: typed text costs money

static_assert(std::endian::native == std::endian::little, "audio on the wire is little endian");

Duration time_of(std::size_t samples) { return std::chrono::microseconds(samples * 1'000'000 / audio::kSpeechRateHz); }

}  // namespace

Line::Line(Loop& loop, const VoiceOptions& options, Caller caller, net::Upgrade& upgrade, const std::string& protocol, Handlers handlers)
    : loop_(loop),
      options_(options),
      caller_(std::move(caller)),
      handlers_(std::move(handlers)),
      ahead_at_(loop.now()),
      start_timer_(loop) {
    net::ServerSocketOptions socket;
    socket.protocol = protocol;
    socket.max_message = options.max_message;
    socket.max_waiting = options.max_waiting;
    socket.ping_every = options.ping_every;
    socket_ = upgrade.accept(std::move(socket), {.on_message = [this](const std::string& message, bool binary) { on_message(message, binary); },
                                                 .on_close = [this](const net::SocketEnd& end) { handlers_.on_close(*this, end); }});
    start_timer_.after(options.start_within, [this] {
        refuse("no_start", fmt::format("neither start nor resume came within {}", format_duration(options_.start_within)));
        close(net::kClosePolicy, "no start");
    });
}

void Line::tell(const nlohmann::json& message) {
    if (socket_) socket_->send(json_text(message), false);
}

void Line::play(audio::SampleView samples) {
    if (!socket_) return;
    std::string bytes(samples.size() * sizeof(std::int16_t), '\0');
    std::memcpy(bytes.data(), samples.data(), bytes.size());
    socket_->send(std::move(bytes), true);
}

void Line::refuse(const char* code, const std::string& message) {
    if (closing_) return;
    tell({{"type", "error"}, {"code", code}, {"message", message}});
    handlers_.on_refused(code);
    if (count(errors_) <= options_.most_errors) return;
    close(net::kClosePolicy, "too many errors");
    handlers_.on_too_many_errors(*this);
}

int Line::count(Window& window) const {
    if (const auto now = loop_.now(); now - window.since > kWindow) window = {0, now};
    return ++window.count;
}

void Line::close(int code, const std::string& reason) {
    start_timer_.cancel();
    if (!std::exchange(closing_, true) && socket_) socket_->close(code, reason);
}

void Line::on_message(const std::string& message, bool binary) {
    if (closing_) return;
    if (binary) return on_audio(message);
    if (message.size() > options_.max_text) return refuse("too_long", fmt::format("a message is at most {} bytes", options_.max_text));
    if (count(messages_) > kMostMessages) return refuse("too_fast", fmt::format("at most {} messages in {}", kMostMessages, format_duration(kWindow)));
    const auto read = parse_client_message(message);
    if (!read) return refuse("bad_message", read.error());
    handlers_.on_message(*this, *read);
}

void Line::on_audio(const std::string& bytes) {
    if (bytes.size() < options_.min_chunk || bytes.size() > options_.max_chunk || bytes.size() % sizeof(std::int16_t) != 0)
        return refuse("bad_chunk", fmt::format("a piece of audio has {} to {} bytes, two for each sample, and not {}", options_.min_chunk, options_.max_chunk, bytes.size()));
    audio::Samples samples(bytes.size() / sizeof(std::int16_t));
    if (too_fast(samples.size())) return refuse("too_fast", fmt::format("audio comes in real time, and at most {} ahead of it", format_duration(options_.ahead)));
    std::memcpy(samples.data(), bytes.data(), bytes.size());
    handlers_.on_audio(*this, samples);
}

bool Line::too_fast(std::size_t samples) {
    const auto now = loop_.now();
    ahead_ = std::max(ahead_ - (now - ahead_at_), Duration::zero());
    ahead_at_ = now;
    if (ahead_ + time_of(samples) > options_.ahead) return true;
    ahead_ += time_of(samples);
    return false;
}

}  // namespace voicectl::serve::voice
