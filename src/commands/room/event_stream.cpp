#include "commands/room/event_stream.h"

#include <algorithm>
#include <array>

#include "commands/json_path.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr std::array kKinds{
    "connected",        "joined",       "left",          "track_published",   "track_unpublished", "track_muted", "track_unmuted",
    "track_subscribed", "track_unsubscribed", "speakers", "quality",          "permissions",       "data",        "text",
    "bytes",            "transcription", "attributes",   "metadata",          "name",              "room_metadata", "dtmf",
    "reconnecting",     "reconnected",  "closed"};
// Of what we do ourselves.
constexpr std::array kOwnKinds{"published", "heard", "playback_finished", "sent", "stats", "recorded"};
constexpr std::array kFields{
    "event",     "time",      "room",           "sid",           "identity",     "metadata",        "participants",   "name",
    "kind",      "attributes", "present",       "reason",        "changed",      "source",          "muted",          "codec",
    "identities", "quality",  "canSubscribe",   "canPublish",    "canPublishData", "canUpdateMetadata", "hidden",     "canPublishSources",
    "topic",     "size",      "payload",        "payloadBase64", "segment",      "trackSid",        "final",          "text",
    "language",  "mimeType",  "digit",          "code",          "path",         "roundTripMs",     "tracks",         "file",
    "rateHz",    "seconds",   "heard",          "peakDbfs",      "silenceSeconds", "firstSoundSeconds", "silent"};

bool is_one_of(const auto& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

Result<void> check_kind(const char* flag, const std::string& kind, bool only_watches) {
    if (is_one_of(kKinds, kind) || (!only_watches && is_one_of(kOwnKinds, kind))) return {};
    if (is_one_of(kOwnKinds, kind))
        return fail_with_hint(Errc::Usage, fmt::format("{}: '{}' never comes while watching", flag, kind),
                              "it tells of what a participant does itself: voicectl room join");
    return fail_with_hint(Errc::Usage, fmt::format("{}: there is no event '{}'", flag, terminal_safe(kind)),
                          fmt::format("there are: {}{}{}", fmt::join(kKinds, ", "), only_watches ? "" : ", ",
                                      only_watches ? std::string() : fmt::format("{}", fmt::join(kOwnKinds, ", "))));
}

Result<void> check_output(const Output& out) {
    for (const auto& field : out.fields)
        if (!is_one_of(kFields, field))
            return fail_with_hint(Errc::Usage, fmt::format("unknown field '{}'", terminal_safe(field)),
                                  fmt::format("fields of events: {}", fmt::join(kFields, ", ")));
    if (out.format == Format::Tsv && out.fields.empty())
        return fail_with_hint(Errc::Usage, "-o tsv needs --fields here: events differ in what they have",
                              "for example --fields time,event,identity -o tsv");
    return {};
}

bool holds(const Json& value, const Pattern& pattern) {
    if (value.is_structured()) return std::any_of(value.begin(), value.end(), [&](const Json& one) { return holds(one, pattern); });
    return pattern.found_in(scalar_text(value));
}

std::string tsv_line(const Json& event, const std::vector<std::string>& fields) {
    std::vector<std::string> cells;
    for (const auto& field : fields) {
        auto& cell = cells.emplace_back(event.contains(field) ? scalar_text(event[field]) : std::string());
        std::replace_if(cell.begin(), cell.end(), [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
    }
    return fmt::format("{}\n", fmt::join(cells, "\t"));
}

}  // namespace

void add_event_flags(Command command, EventOptions& options) {
    command.add_option("--events", options.events, "Show only these, comma separated: joined,left,…").delimiter(',').type_name("A,B");
    command.add_option("--until", options.until, "End when this event comes: EVENT or EVENT=REGEX, found in one of its values");
    options.format_given = [command] { return command.root_was_given("--output"); };
}

Result<EventStream> EventStream::create(const EventOptions& options, Env& env) {
    EventStream out(env);
    VC_TRY(check_output(env.out));
    for (const auto& kind : options.events) VC_TRY(check_kind("--events", kind, options.only_watches));
    out.shown_.insert(options.events.begin(), options.events.end());
    const auto equals = options.until.find('=');
    out.until_kind_ = options.until.substr(0, equals);
    if (!out.until_kind_.empty()) VC_TRY(check_kind("--until", out.until_kind_, options.only_watches));
    if (!options.until.empty() && out.until_kind_.empty()) return fail(Errc::Usage, "--until needs an event's name before '='");
    if (equals != std::string::npos) {
        VC_TRY_ASSIGN(out.until_match_, Pattern::create("--until", options.until.substr(equals + 1)));
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
    if (out.format == Format::Tsv) return out.emit_raw(tsv_line(event, out.fields));
    // Events differ in what they have: a field that this one lacks is left out.
    Json chosen = out.fields.empty() ? event : Json::object();
    for (const auto& field : out.fields)
        if (event.contains(field)) chosen[field] = event[field];
    return out.emit_raw(json_text(chosen) + "\n");
}

}  // namespace voicectl::commands
