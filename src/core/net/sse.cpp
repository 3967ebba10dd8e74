#include "voicectl/net/sse.h"

#include <utility>

namespace voicectl::net {

Result<void> SseParser::push(std::string_view bytes) {
    for (const char byte : bytes) {
        const bool second_half = byte == '\n' && after_return_;
        after_return_ = byte == '\r';
        if (second_half) continue;
        if (byte == '\r' || byte == '\n') {
            if (take_line() == Next::Stop) return {};  // perhaps destroyed: touch nothing
            continue;
        }
        line_ += byte;
        if (line_.size() + data_.size() > max_event_)
            return fail(Errc::Protocol, "the server sent an event of more than {} bytes", max_event_);
    }
    return {};
}

void SseParser::finish() {
    if (!line_.empty() && take_line() == Next::Stop) return;
    std::ignore = dispatch();
}

SseParser::Next SseParser::take_line() {
    const auto line = std::exchange(line_, {});
    if (line.empty()) return dispatch();
    std::string_view rest(line);
    if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
    const auto colon = rest.find(':');
    if (rest.substr(0, colon) != "data") return Next::Go;  // comments, event names, ids
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
    if (rest.starts_with(' ')) rest.remove_prefix(1);
    if (has_data_) data_ += '\n';
    data_ += rest;
    has_data_ = true;
    return Next::Go;
}

SseParser::Next SseParser::dispatch() {
    if (!std::exchange(has_data_, false)) return Next::Go;
    const auto data = std::exchange(data_, {});
    const auto on_data = on_data_;  // outlives us if the call drops us
    return on_data(data) ? Next::Go : Next::Stop;
}

}  // namespace voicectl::net
