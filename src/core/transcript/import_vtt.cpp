// WebVTT (W3C): cues with their voices; of ours also the note that says which call it is.
#include <algorithm>
#include <charconv>
#include <set>

#include "core/transcript/import_json.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/transcript/format.h"

namespace voicectl::transcript {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::string_view kNote = "NOTE voicectl ";
constexpr std::int64_t kMostHours = kLatestCueMs / 3'600'000 + 1000;  // whatever we write: cues may follow one that is as late as can be

struct Block {
    std::size_t line;
    std::vector<std::string_view> lines;
};

std::vector<Block> blocks_of(std::string_view text) {
    std::vector<Block> out;
    bool open = false;
    for (std::size_t number = 1; !text.empty(); ++number) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) {
            open = false;
            continue;
        }
        if (!std::exchange(open, true)) out.push_back({number, {}});
        out.back().lines.push_back(line);
    }
    return out;
}

/// [HOURS:]MM:SS.mmm off the front of `rest`.
std::optional<std::int64_t> take_cue_time(std::string_view& rest) {
    rest = rest.substr(std::min(rest.size(), rest.find_first_not_of(" \t")));
    const auto whole = rest.substr(0, rest.find_first_of(" \t"));
    rest.remove_prefix(whole.size());
    const auto parts = split(whole, ':');
    if (parts.size() < 2 || parts.size() > 3) return std::nullopt;
    std::int64_t ms = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const bool last = i + 1 == parts.size();
        const auto digits = std::string_view(parts[i]).substr(0, last ? 2 : std::string::npos);
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() || number < 0) return std::nullopt;
        const bool hours = i == 0 && parts.size() == 3;
        if (number > (hours ? kMostHours : 59)) return std::nullopt;
        ms = ms * 60 + number;
    }
    const auto decimals = std::string_view(parts.back()).substr(std::min<std::size_t>(2, parts.back().size()));
    int thousandths = 0;
    if (decimals.size() != 4 || decimals[0] != '.') return std::nullopt;
    const auto [end, error] = std::from_chars(decimals.data() + 1, decimals.data() + 4, thousandths);
    if (error != std::errc{} || end != decimals.data() + 4 || thousandths < 0) return std::nullopt;
    return ms * 1000 + thousandths;
}

std::string decode_entity(std::string_view name) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNamed{
        {{"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"nbsp", "\xC2\xA0"}, {"lrm", "\xE2\x80\x8E"}, {"rlm", "\xE2\x80\x8F"}}};
    for (const auto& [known, text] : kNamed)
        if (name == known) return std::string(text);
    return fmt::format("&{};", name);
}

std::string decode_entities(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto begin = std::min(text.size(), text.find('&'));
        out += text.substr(0, begin);
        text.remove_prefix(begin);
        if (text.empty()) break;
        const auto end = text.find(';');
        if (end == std::string_view::npos || end > 8) {
            out += '&';
            text.remove_prefix(1);
        } else {
            out += decode_entity(text.substr(1, end - 1));
            text.remove_prefix(end + 1);
        }
    }
    return out;
}

struct Payload {
    std::string voice, text;
};

/// Tags go, the first voice stays.
Payload read_payload(std::string_view text, LeftOut& left_out) {
    Payload out;
    while (!text.empty()) {
        const auto begin = std::min(text.size(), text.find('<'));
        out.text += decode_entities(text.substr(0, begin));
        text.remove_prefix(begin);
        const auto end = text.find('>');
        if (text.empty() || end == std::string_view::npos) break;
        const auto tag = text.substr(1, end - 1);
        text.remove_prefix(end + 1);
        const bool voice = tag.starts_with("v ") || tag.starts_with("v.") || tag.starts_with("v\t");
        const auto space = tag.find_first_of(" \t");
        if (voice && out.voice.empty() && space != std::string_view::npos) out.voice = decode_entities(trim(tag.substr(space)));
        else if (voice) left_out.add("second voices of a cue");
        else if (!tag.starts_with('/')) left_out.add("markup in cues");
    }
    return out;
}

class VttReader {
 public:
    VttReader(const ImportHints& hints, Imported& out, LeftOut& left_out) : hints_(hints), out_(out), left_out_(left_out) {}

    Result<void> take(const Block& block) {
        const auto first = block.lines.front();
        if (first.starts_with(kNote)) return note(block.line, first.substr(kNote.size()));
        if (first.starts_with("NOTE")) return left_out_.add("notes"), Result<void>();
        if (first.starts_with("STYLE") && !is_timing(first)) return left_out_.add("style blocks"), Result<void>();
        if (first.starts_with("REGION") && !is_timing(first)) return left_out_.add("regions"), Result<void>();
        return cue(block);
    }

 private:
    static bool is_timing(std::string_view line) { return line.find("-->") != std::string_view::npos; }

    Result<void> note(std::size_t line, std::string_view text) {
        VC_TRY_ASSIGN(const auto said, parse_with_lines(text, line));
        if (!said.is_object()) return at_line(line, "the note of voicectl is no object");
        out_.call.room = text_at(said, "room");
        if (const auto attempt = said.find("attempt"); attempt != said.end() && attempt->is_number_integer() && *attempt >= 1 && *attempt <= 1'000'000) out_.attempt = attempt->get<int>();
        const auto began = parse_others_time(text_at(said, "startedAt"));
        if (!began) return at_line(line, "startedAt is no time");
        out_.call.started_at = *began;
        if (const auto speakers = said.find("speakers"); speakers != said.end() && speakers->is_object()) {
            agent_ = text_at(*speakers, "agent");
            user_ = text_at(*speakers, "user");
        }
        return {};
    }

    Result<void> cue(const Block& block) {
        std::size_t at = is_timing(block.lines.front()) ? 0 : 1;
        if (at >= block.lines.size() || !is_timing(block.lines[at])) return at_line(block.line, "neither a cue nor a note");
        auto rest = block.lines[at];
        const auto line = block.line + at;
        const auto began = take_cue_time(rest);
        rest.remove_prefix(std::min(rest.size(), rest.find_first_not_of(" \t")));
        if (!began || !rest.starts_with("-->")) return at_line(line, "no time that WebVTT knows");
        rest.remove_prefix(3);
        const auto ended = take_cue_time(rest);
        if (!ended) return at_line(line, "no time that WebVTT knows");
        if (*ended <= *began) return at_line(line, "a cue that ends before it begins");
        if (!trim(rest).empty()) left_out_.add("settings of cues");
        std::string text;
        while (++at < block.lines.size()) text.append(text.empty() ? "" : "\n").append(block.lines[at]);
        add(*began, *ended, read_payload(text, left_out_));
        return {};
    }

    void add(std::int64_t began, std::int64_t ended, Payload payload) {
        store::Turn turn;
        turn.sequence = static_cast<int>(out_.turns.size());
        if (payload.voice.empty()) left_out_.add("cues without a voice, taken for the user's");
        turn.speaker = is_agent(payload.voice) ? store::Speaker::Agent : store::Speaker::User;
        if (payload.voice != agent_ && payload.voice != user_) turn.identity = payload.voice;
        turn.text = std::move(payload.text);
        turn.started_at = store::SystemTime(milliseconds(began));  // from the beginning, as yet
        turn.ended_at = store::SystemTime(milliseconds(ended));
        out_.turns.push_back(std::move(turn));
    }

    bool is_agent(const std::string& voice) const {
        static const std::set<std::string, std::less<>> kNames{"agent", "assistant", "bot"};
        if (!hints_.agent_speaker.empty()) return voice == hints_.agent_speaker;
        return voice == agent_ || (voice != user_ && kNames.contains(to_lower_ascii(voice)));
    }

    const ImportHints& hints_;
    Imported& out_;
    LeftOut& left_out_;
    std::string agent_ = "agent", user_ = "user";
};

}  // namespace

Result<ImportResult> parse_vtt(std::string_view text, const ImportHints& hints) {
    ImportResult out{"WebVTT", {}, {}};
    LeftOut left_out;
    auto& one = out.calls.emplace_back();
    VttReader reader(hints, one, left_out);
    const auto blocks = blocks_of(text);
    if (blocks.size() > 1'000'000) return fail(Errc::Usage, "it has more than a million cues");
    for (std::size_t i = 1; i < blocks.size(); ++i) VC_TRY(reader.take(blocks[i]));
    if (!hints.room.empty()) one.call.room = hints.room;
    if (hints.started_at) one.call.started_at = *hints.started_at;
    one.from_beginning = !is_known(one.call.started_at);
    const auto from = one.call.started_at.time_since_epoch();
    for (auto& turn : one.turns) turn.started_at += from, turn.ended_at += from;
    out.left_out = left_out.remarks();
    return out;
}

}  // namespace voicectl::transcript
