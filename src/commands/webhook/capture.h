// Captured webhook deliveries, as `webhook listen --save` writes and `webhook verify` and `webhook replay` read them: JSONL, one
// delivery a line (docs/webhooks.md). Values, any thread; the reader belongs to one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "commands/output.h"
#include "voicectl/livekit/webhook.h"

namespace voicectl::commands {

struct CapturedDelivery {
    std::size_t line = 0;  // in the file, from 1
    std::optional<livekit::SystemTime> received_at;
    std::string id, event, room;  // of the line, else of the body
    std::string order_key;        // deliveries of one key keep their order, as LiveKit's own do: egress, else ingress, else room
    std::string authorization, content_type;
    std::string body;  // exact bytes
};

/// A line of a capture; or an event alone, as it stood in a body, which is then the body. Usage, naming the line.
Result<CapturedDelivery> parse_capture(std::string_view text, std::size_t line);

/// One line, with its end. `headers` in order, names as they came; `verdict` as verdict_json() has it, null when nobody looked.
std::string capture_line(livekit::SystemTime received_at, const std::vector<std::pair<std::string, std::string>>& headers, std::string_view body,
                         const Json& verdict);

/// What `webhook verify` and captures say of a delivery.
Json verdict_json(const livekit::WebhookVerdict& verdict);

/// Lines of a file or of standard input ("-"), one at a time: a capture may be larger than memory.
class CaptureReader {
 public:
    static Result<CaptureReader> open(const std::string& path);
    ~CaptureReader();
    CaptureReader(CaptureReader&&) noexcept;
    CaptureReader& operator=(CaptureReader&&) = delete;

    /// Nothing at the end. Empty lines are passed over. Usage for a line that is no delivery, or is longer than any.
    Result<std::optional<CapturedDelivery>> next();
    /// Any thread: next() comes to its end, even where it waits.
    void call_off();
    /// How much of the file has been read, 0 to 1; nothing for what has no size.
    std::optional<double> part_read() const;

 private:
    struct Impl;
    explicit CaptureReader(std::unique_ptr<Impl> impl);
    Result<bool> next_line(std::string_view& line);
    std::unique_ptr<Impl> impl_;
};

}  // namespace voicectl::commands
