// A delivery from anybody: the header up to the first zero byte, then the body. Also as a line of a capture.
#include "commands/webhook/capture.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/webhook.h"

using namespace voicectl;
using namespace voicectl::livekit;

namespace {

void expect(bool holds) {
    if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    const std::string_view bytes(data, size);
    const auto zero = bytes.find('\0');
    const auto header = bytes.substr(0, zero);
    const auto body = zero == std::string_view::npos ? std::string_view() : bytes.substr(zero + 1);
    const SystemTime now{std::chrono::seconds(1'795'243'100)};
    const WebhookKeys keys{{"APIfuzz", "a-secret-that-no-fuzzer-signs-with-of-forty"}};
    const auto verdict = verify_delivery(header, body, keys, now);
    expect(!verdict.valid() && !verdict.reason.empty());  // nobody here can sign
    expect(terminal_safe(verdict.reason) == verdict.reason && verdict.reason.size() < 1000);

    // Signed for this body, it is good; signed for another, it is told whether it is the same JSON.
    const ApiKey key{"APIfuzz", keys.begin()->second};
    expect(verify_delivery(sign_delivery(key, body, now), body, keys, now).valid());
    const auto other = verify_delivery(sign_delivery(key, header, now), body, keys, now);
    expect(other.valid() == (header == body));

    if (const auto line = commands::parse_capture(bytes, 1)) {
        const auto again = commands::parse_capture(commands::capture_line(now, {{"Authorization", line->authorization}}, line->body, nullptr), 1);
        expect(again.has_value() && again->body == line->body && again->order_key == line->order_key);
    }
    return 0;
}
