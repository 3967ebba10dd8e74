#include "commands/room/event_stream.h"

#include <algorithm>
#include <array>

#include "commands/json_path.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr std::array kKinds{
    "connected",        "joined",       "left",          "track_published",   "track_unpublished", "track_muted", "track_unmuted",
    "track_subscribed", "track_unsubscribed", "speakers", "quality",          "permissions",       "data",        "text",
    "bytes",            "transcription", "attributes",   "metadata",          "name",              "room_metadata", "dtmf",
    "reconnecting",     "reconnected",  "published",     "heard",             "playback_finished", "sent",        "stats",
    "recorded",         "closed"};

Result<void> check_kind(const char* flag, const std::string& kind) {
    if (std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end()) return {};
    return fail_with_hint(Errc::Usage, fmt::format("{}: there is no event '{}'", flag, terminal_safe(kind)),
                          fmt::format("there are: {}", fmt::join(kKinds, ", ")));
}

bool holds(const Json& value, const std::regex& pattern) {
    if (value.is_structured()) return std::any_of(value.begin(), value.end(), [&](const Json& one) { return holds(one, pattern); });
    return std::regex_search(scalar_text(value), pattern);
}

}  // namespace

void add_event_flags(Command command, EventOptions& options) {
    command.add_option("--events", options.events, "Show only these, comma separated: joined,left,…").delimiter(',').type_name("A,B");
    command.add_option("--until", options.until, "End when this event comes: EVENT or EVENT=REGEX, found in one of its values");
    options.format_given = [command] { return command.root_was_given("--output"); };
}

Result<EventStream> EventStream::create(const EventOptions& options, Env& env) {
    EventStream out(env);
    for (const auto& kind : options.events) VC_TRY(check_kind("--events", kind));
    out.shown_.insert(options.events.begin(), options.events.end());
    const auto equals = options.until.find('=');
    out.until_kind_ = options.until.substr(0, equals);
    if (!out.until_kind_.empty()) VC_TRY(check_kind("--until", out.until_kind_));
    if (!options.until.empty() && out.until_kind_.empty()) return fail(Errc::Usage, "--until needs an event's name before '='");
    if (equals != std::string::npos) {
        try {
            out.until_match_ = std::regex(options.until.substr(equals + 1), std::regex::ECMAScript);
        } catch (const std::regex_error&) {
            return fail(Errc::Usage, "--until {} holds no regular expression", terminal_safe(options.until));
        }
    }
    const bool table = env.out.format == Format::Table || env.out.format == Format::Wide;
    const bool asked = options.format_given && options.format_given();
    out.for_people_ = table && (asked || env.out.results_are_terminal()) && env.out.get.empty() && env.out.fields.empty();
    return out;
}

bool EventStream::wants(const std::string& kind) const { return shown_.empty() || shown_.contains(kind) || until_kind_ == kind; }

bool EventStream::fits(const Json& event) const {
    if (until_kind_.empty() || event["event"] != until_kind_) return false;
    if (!until_match_) return true;
    for (const auto& [key, value] : event.items())
        if (key != "event" && key != "time" && holds(value, *until_match_)) return true;
    return false;
}

Result<void> EventStream::emit(const Json& event) {
    if (fits(event)) met_ = true;
    if (!shown_.empty() && !shown_.contains(event["event"].get<std::string>())) return {};
    return print(event);
}

Result<void> EventStream::print(const Json& event) {
    auto& out = env_->out;
    if (for_people_) return out.emit_raw(event_line(event) + "\n");
    if (out.format == Format::Name) return out.emit_raw(scalar_text(event["event"]) + "\n");
    if (!out.get.empty()) {
        std::string text;
        if (const auto found = find_all(event, out.get))
            for (const auto* one : *found) text += scalar_text(*one) + "\n";
        return out.emit_raw(text);
    }
    // Events differ in what they have: a field that this one lacks is left out.
    Json chosen = out.fields.empty() ? event : Json::object();
    for (const auto& field : out.fields)
        if (event.contains(field)) chosen[field] = event[field];
    return out.emit_raw(chosen.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace voicectl::commands
