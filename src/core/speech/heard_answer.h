// What a server understood, in any of the forms that servers of transcriptions answer: JSON with `text`, plain text, or
// server-sent events (transcript.text.delta, transcript.text.done). Foreign bytes, in any cut: bounded, never throws.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "voicectl/net/sse.h"
#include "voicectl/speech/speech.h"

namespace voicectl::speech {

class HeardAnswer {
 public:
    explicit HeardAnswer(std::string_view content_type);

    /// True: the text has grown.
    Result<bool> push(std::string_view bytes);
    /// The body is over: what was heard, without blanks at its ends. Protocol: it holds no text, or not all of it.
    Result<std::string> finish();
    const std::string& so_far() const { return text_; }
    /// The server's own figures, when it told any.
    const std::optional<Usage>& usage() const { return usage_; }

 private:
    enum class Form { Json, Plain, Events, Other } form_;
    Result<void> read_event(const std::string& data);
    Result<std::string> read_whole();

    std::string type_, body_, text_;
    std::optional<net::SseParser> sse_;
    std::optional<Error> event_error_;
    std::optional<Usage> usage_;
    bool done_ = false;
};

}  // namespace voicectl::speech
