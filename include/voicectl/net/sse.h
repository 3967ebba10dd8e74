// Server-sent events (WHATWG HTML, section 9.2), as far as servers of models and tools use them: the data of each event.
// Bytes of others: bounded, never throws. One owner.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "voicectl/base/result.h"

namespace voicectl::net {

class SseParser {
 public:
    /// `on_data` may destroy the parser; it returns false to stop reading.
    using OnData = std::function<bool(const std::string& data)>;

    explicit SseParser(OnData on_data, std::size_t max_event = 1024 * 1024)
        : on_data_(std::move(on_data)), max_event_(max_event) {}

    /// Any cut of the bytes gives the same events. Errc::Protocol: an event longer than the bound.
    Result<void> push(std::string_view bytes);
    /// The body is over: an event without its closing blank line counts too.
    void finish();

 private:
    enum class Next { Go, Stop };
    Next take_line();
    Next dispatch();
    OnData on_data_;
    std::size_t max_event_;
    std::string line_;
    std::string data_;
    bool has_data_ = false;
    bool after_return_ = false;  // "\r\n" may be cut in the middle
};

}  // namespace voicectl::net
