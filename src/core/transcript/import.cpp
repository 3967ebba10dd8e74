#include "voicectl/transcript/import.h"

#include <nettle/sha2.h>

#include <algorithm>
#include <array>

#include "core/transcript/import_json.h"
#include "core/transcript/times.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/transcript/format.h"

namespace voicectl::transcript {
namespace {

using nlohmann::json;

constexpr const char* kKnown = "import reads LiveKit's session reports, voicectl's own json and jsonl, and WebVTT";

std::string_view first_line(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return {};
    text.remove_prefix(begin);
    return text.substr(0, text.find('\n'));
}

// A whole object in the first line that is a turn and no call.
bool has_turns_in_lines(std::string_view text) {
    const auto one = json::parse(first_line(text), nullptr, false);
    return one.is_object() && one.contains("speaker") && one.contains("text");
}

json detail_value(const store::Turn& turn) {
    auto out = json::parse(valid_utf8(turn.detail_json), nullptr, false);
    return out.is_object() ? out : json::object();
}

json canonical(const store::Turn& turn) {
    const auto ms = [](store::SystemTime time) { return is_known(time) ? json(unix_ms(time)) : json(); };
    return {turn.sequence, turn.speaker == store::Speaker::Agent, valid_utf8(turn.identity), valid_utf8(turn.text), ms(turn.started_at), ms(turn.ended_at), turn.interrupted, detail_value(turn)};
}

class Digest {
 public:
    Digest() { sha256_init(&state_); }
    void add(std::string_view text) { sha256_update(&state_, text.size(), reinterpret_cast<const std::uint8_t*>(text.data())); }
    std::string hex(std::size_t bytes) {
        std::array<std::uint8_t, SHA256_DIGEST_SIZE> out{};
        sha256_digest(&state_, out.size(), out.data());
        return fmt::format("{:02x}", fmt::join(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(bytes), ""));
    }

 private:
    sha256_ctx state_{};
};

}  // namespace

Result<ImportResult> parse_transcript(std::string_view text, const ImportHints& hints) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (text.starts_with("WEBVTT")) return parse_vtt(text, hints);
    const auto begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos) return fail_with_hint(Errc::Usage, "it is empty", kKnown);
    if (text[begin] != '{') return fail_with_hint(Errc::Usage, "it begins as none of the forms that are known", kKnown);
    if (has_turns_in_lines(text)) return parse_our_lines(text, hints);
    VC_TRY_ASSIGN(const auto root, parse_with_lines(text));
    if (root.contains("chat_history") || root.contains("items")) return parse_session_report(root, hints);
    if (root.contains("turns") || root.contains("transcripts")) return parse_ours(root, hints);
    return fail_with_hint(Errc::Usage, "it is JSON, but has none of chat_history, items, turns and transcripts", kKnown);
}

std::string job_of(const Imported& imported) {
    if (!imported.call.job_id.empty()) return imported.call.job_id;
    Digest digest;
    digest.add(json_text(json{imported.call.room, imported.attempt.value_or(0)}));
    for (const auto& turn : imported.turns) digest.add(json_text(canonical(turn)));
    return "import-" + digest.hex(12);
}

bool same_turns(const std::vector<store::Turn>& one, const std::vector<store::Turn>& other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](const store::Turn& a, const store::Turn& b) { return canonical(a) == canonical(b); });
}

}  // namespace voicectl::transcript
