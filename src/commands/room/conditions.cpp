#include "commands/room/conditions.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "commands/room/view.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::EgressStatus;
using livekit::proto::ParticipantInfo;
using Kind = Condition::Kind;

enum class Value { None, Optional, Needed };
struct Row {
    std::string_view name;
    Kind kind;
    Value value;
};
constexpr std::array kRows{Row{"exists", Kind::Exists, Value::None},     Row{"gone", Kind::Gone, Value::None},
                           Row{"empty", Kind::Empty, Value::None},       Row{"participants", Kind::Participants, Value::Needed},
                           Row{"agent", Kind::Agent, Value::Optional},   Row{"audio", Kind::Audio, Value::Optional},
                           Row{"egress", Kind::Egress, Value::Optional}, Row{"metadata", Kind::Metadata, Value::Optional}};
constexpr std::size_t kMostParticipants = 100'000;  // more than any room has
constexpr const char* kForms = "exists, gone, empty, participants=N, agent[=NAME], audio[=IDENTITY], egress=active, metadata[=TEXT]";

std::unexpected<Error> no_condition(const std::string& text) {
    return fail_with_hint(Errc::Usage, fmt::format("--for {}: there is no such condition", terminal_safe(text)), fmt::format("there are: {}", kForms));
}

std::unexpected<Error> no_value(const std::string& text) {
    return fail_with_hint(Errc::Usage, fmt::format("--for {}: a value is missing", terminal_safe(text)), fmt::format("there are: {}", kForms));
}

bool has_agent(const RoomLook& look, const std::string& name) {
    return std::any_of(look.people.begin(), look.people.end(), [&](const ParticipantInfo& one) {
        return livekit::is_agent(one) && one.state() == ParticipantInfo::ACTIVE && (name.empty() || livekit::agent_name(one) == name);
    });
}

bool is_recorded(const RoomLook& look) {
    return std::any_of(look.egress.begin(), look.egress.end(), [](const auto& one) { return one.status() == EgressStatus::EGRESS_ACTIVE; });
}

}  // namespace

Result<Condition> parse_condition(const std::string& text) {
    const auto equals = text.find('=');
    const auto name = text.substr(0, equals);
    const auto row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& one) { return one.name == name; });
    if (row == kRows.end()) return no_condition(text);
    Condition out{row->kind, text, equals == std::string::npos ? std::string() : text.substr(equals + 1), 0};
    if (row->value == Value::None && equals != std::string::npos) return no_condition(text);
    if (out.value.empty() && (row->value == Value::Needed || equals != std::string::npos)) return no_value(text);
    if (out.kind == Kind::Egress && !out.value.empty() && out.value != "active") return no_condition(text);
    if (out.kind != Kind::Participants) return out;
    const auto* end = out.value.data() + out.value.size();
    const auto number = std::from_chars(out.value.data(), end, out.count);
    if (number.ec == std::errc::result_out_of_range || out.count > kMostParticipants)
        return fail(Errc::Usage, "--for {}: no room has so many", terminal_safe(text));
    if (number.ec != std::errc{} || number.ptr != end || out.count == 0)
        return fail_with_hint(Errc::Usage, fmt::format("--for {}: not a number of participants", terminal_safe(text)), "for none at all there is --for empty");
    return out;
}

Result<void> check_together(const std::vector<Condition>& conditions) {
    const auto first = [&](auto... kinds) {
        return std::find_if(conditions.begin(), conditions.end(), [&](const Condition& one) { return ((one.kind == kinds) || ...); });
    };
    const auto others = std::count_if(conditions.begin(), conditions.end(), [](const Condition& one) { return one.kind != Kind::Gone; });
    if (first(Kind::Gone) != conditions.end() && others != 0) return fail(Errc::Usage, "--for gone goes with no other condition");
    const auto somebody = first(Kind::Participants, Kind::Agent, Kind::Audio);
    if (first(Kind::Empty) == conditions.end() || somebody == conditions.end()) return {};
    return fail(Errc::Usage, "--for empty and --for {} never hold at the same time", terminal_safe(somebody->text));
}

std::vector<ParticipantInfo> who_counts(const std::vector<ParticipantInfo>& all) {
    std::vector<ParticipantInfo> out;
    for (const auto& one : all) {
        const bool unseen = one.kind() == ParticipantInfo::EGRESS || one.permission().hidden();
        if (!unseen && one.state() != ParticipantInfo::DISCONNECTED) out.push_back(one);
    }
    return out;
}

bool holds(const Condition& condition, const RoomLook& look) {
    const bool there = look.room.has_value();
    switch (condition.kind) {
        case Kind::Exists: return there;
        case Kind::Gone: return !there;
        case Kind::Empty: return there && look.people.empty();
        case Kind::Participants: return look.people.size() >= condition.count;
        case Kind::Agent: return has_agent(look, condition.value);
        case Kind::Audio: return condition.value.empty() ? !look.heard.empty() : look.heard.contains(condition.value);
        case Kind::Egress: return is_recorded(look);
        case Kind::Metadata: return there && !look.room->metadata().empty() && look.room->metadata().find(condition.value) != std::string::npos;
    }
    return false;
}

std::string in_words(const RoomLook& look) {
    if (!look.room) return "no such room";
    std::vector<std::string> people;
    for (const auto& one : look.people) people.push_back(participant_line(one));
    auto out = people.empty() ? std::string("nobody in the room") : fmt::format("{} in the room: {}", people.size(), fmt::join(people, "; "));
    if (!look.heard.empty()) out += fmt::format("; heard: {}", terminal_safe(fmt::format("{}", fmt::join(look.heard, ", "))));
    if (!look.egress.empty()) out += fmt::format("; {} recordings", look.egress.size());
    return out;
}

}  // namespace voicectl::commands
