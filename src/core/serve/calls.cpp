#include <algorithm>
#include <filesystem>
#include <fstream>

#include "handlers.h"
#include "voicectl/agent/call_recordings.h"
#include "voicectl/agent/call_report.h"
#include "voicectl/agent/detail_record.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/store/json.h"
#include "voicectl/store/webhooks.h"
#include "voicectl/transcript/format.h"

namespace voicectl::serve {
namespace {

using ApiJson = nlohmann::ordered_json;

constexpr int kListed = 100;
constexpr std::size_t kMostTurns = 10'000;
constexpr std::size_t kMostExported = 32 * 1024 * 1024;

Fault no_call(const std::string& id) { return {404, Error{Errc::NotFound, fmt::format("there is no call '{}'", plain_text(id, 60)), "GET /v1/calls lists them"}}; }

std::optional<std::int64_t> as_call_number(const std::string& text) {
    if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos) return {};
    return std::stoll(text);
}

// The same rule as the list's (or_metadata): a call that can be read by its number alone, and stands in no list, would be
// nobody's to know of. Richer metadata are a dispatch's, and the agent has opened a session for that.
Result<bool> is_users(store::Store& store, const store::Call& call, const std::string& user) {
    if (call.dispatch_metadata == owners_metadata(user)) return true;
    store::SessionFilter filter;
    filter.user_id = user;
    filter.call_id = call.id;
    filter.limit = 1;
    VC_TRY_ASSIGN(const auto sessions, store.list_sessions(filter));
    return !sessions.empty();
}

std::string query_text(const Question& question, std::string_view name) {
    const auto found = question.query.find(name);
    return found == question.query.end() ? std::string() : found->second;
}

std::optional<store::SystemTime> query_time(const Question& question, std::string_view name) {
    const auto time = parse_time(query_text(question, name));
    return time ? std::optional(*time) : std::nullopt;
}

int query_limit(const Question& question) {
    const auto text = query_text(question, "limit");
    return text.empty() ? kListed : std::stoi(text);
}

/// With where the API plays it.
ApiJson shown_recording(const store::Recording& recording, const store::Call& call) {
    auto out = agent::recording_json(recording);
    out["url"] = fmt::format("/v1/calls/{}/recording", call.id);
    return out;
}

struct FileRange {
    std::uintmax_t from = 0, to = 0;  // both included
};

/// The first of "bytes=…"; nothing: not understood, so the whole is meant. An end before the start of the file is empty: 416.
std::optional<std::optional<FileRange>> parse_range(const std::string& text, std::uintmax_t size) {
    if (!text.starts_with("bytes=") || text.find(',') != std::string::npos) return {};
    const auto spec = text.substr(6);
    const auto dash = spec.find('-');
    const auto digits = [](const std::string& part) { return part.size() <= 15 && part.find_first_not_of("0123456789") == std::string::npos; };
    if (dash == std::string::npos || !digits(spec.substr(0, dash)) || !digits(spec.substr(dash + 1)) || spec.size() < 2) return {};
    const auto first = spec.substr(0, dash), last = spec.substr(dash + 1);
    if (size == 0) return std::optional<FileRange>();
    if (first.empty()) {
        const auto count = std::min<std::uintmax_t>(std::stoull(last), size);
        return count == 0 ? std::optional<FileRange>() : FileRange{size - count, size - 1};
    }
    const auto from = std::stoull(first);
    const auto to = last.empty() ? size - 1 : std::min<std::uintmax_t>(std::stoull(last), size - 1);
    if (from >= size) return std::optional<FileRange>();
    if (to < from) return {};
    return FileRange{from, to};
}

const char* type_of_file(const std::filesystem::path& path) {
    const auto end = to_lower_ascii(path.extension().string());
    if (end == ".ogg" || end == ".opus") return "audio/ogg";
    if (end == ".mp3") return "audio/mpeg";
    if (end == ".wav") return "audio/wav";
    if (end == ".flac") return "audio/flac";
    if (end == ".mp4" || end == ".m4a") return "audio/mp4";
    if (end == ".webm") return "audio/webm";
    return nullptr;
}

/// The file of a location, when it is one of sound within the folder; links that lead out of it are none.
std::optional<std::filesystem::path> file_within(const std::string& folder, const std::string& location) {
    namespace fs = std::filesystem;
    std::error_code error;
    const auto root = fs::canonical(folder, error);
    if (error || location.empty()) return {};
    const auto given = fs::path(location.starts_with("file://") ? location.substr(7) : location);
    for (const auto& candidate : {given.is_absolute() ? given : root / given, root / given.filename()}) {
        const auto real = fs::canonical(candidate, error);
        if (error || !fs::is_regular_file(real, error) || type_of_file(real) == nullptr) continue;
        const auto [end, at] = std::mismatch(root.begin(), root.end(), real.begin(), real.end());
        if (end == root.end()) return real;
    }
    return {};
}

Outcome transcript_json(store::Store& store, const store::Call& call) {
    auto turns = ApiJson::array();
    bool more = false;
    VC_TRY(store.turns(call.id, [&](const store::Turn& turn) {
        more = turns.size() == kMostTurns;
        if (!more) turns.push_back(store::to_json(turn, call));
        return !more;
    }));
    return Answer{.data = {{"call", store::to_json(call)}, {"turns", std::move(turns)}, {"more", more}}};
}

Outcome transcript_file(store::Store& store, const store::Call& call, const std::string& format) {
    static const std::map<std::string, const char*> kTypes{{"jsonl", "application/x-ndjson"}, {"csv", "text/csv; charset=utf-8"}, {"md", "text/markdown; charset=utf-8"},
                                                           {"txt", "text/plain; charset=utf-8"}, {"srt", "application/x-subrip; charset=utf-8"}, {"vtt", "text/vtt; charset=utf-8"}};
    const auto* form = transcript::find_form(format);
    if (form == nullptr || !kTypes.contains(format)) return std::unexpected(Fault(400, Error{Errc::Usage, "there is no such format", ""}));
    Answer out{.type = kTypes.at(format)};
    const auto writer = form->create({});
    writer->begin(out.text);
    writer->begin_call(call, out.text);
    VC_TRY(store.turns(call.id, [&](const store::Turn& turn) {
        writer->turn(turn, call, out.text);
        return out.text.size() <= kMostExported;
    }));
    if (out.text.size() > kMostExported) return std::unexpected(Fault(422, Error{Errc::Rejected, "this transcript is too long for one answer", "voicectl transcript export has it whole"}));
    writer->end_call(out.text);
    writer->end(out.text);
    out.headers = {{"Content-Disposition", fmt::format("attachment; filename=\"call-{}.{}\"", call.id, format)}};
    return out;
}

}  // namespace

bool sees_all(const Caller& caller) { return caller.who == Who::Service || caller.who == Who::Operator; }

std::expected<store::Call, Fault> call_of(store::Store& store, const Question& question) {
    const auto& id = question.path.at("id");
    const auto number = as_call_number(id);
    auto call = number ? store.call(*number) : store.find(id);
    if (!call && call.error().code == Errc::NotFound) return std::unexpected(no_call(id));
    if (!call) return std::unexpected(Fault(std::move(call).error()));
    if (sees_all(question.caller)) return std::move(*call);
    VC_TRY_ASSIGN(const bool own, is_users(store, *call, question.caller.user_id));
    if (!own) return std::unexpected(no_call(id));  // as if there were none: whether there is one is nobody else's affair
    return std::move(*call);
}

std::string owners_metadata(const std::string& user) { return json_text(nlohmann::json{{"userId", user}}); }

Outcome list_calls(store::Store& store, const Question& question) {
    store::CallFilter filter;
    filter.room = query_text(question, "room");
    filter.agent_name = query_text(question, "agent");
    filter.status = query_text(question, "status");
    filter.since = query_time(question, "since");
    filter.until = query_time(question, "before");
    const auto limit = query_limit(question);
    filter.limit = limit + 1;
    if (!sees_all(question.caller)) {
        filter.user_id = question.caller.user_id;
        filter.or_metadata = owners_metadata(filter.user_id);  // an attempt that its session has left behind
    }
    if (const auto id = query_text(question, "after"); !id.empty()) {
        VC_TRY_ASSIGN(const auto last, call_of(store, {.caller = question.caller, .path = {{"id", id}}, .query = {}}));
        if (!filter.until || last.started_at < *filter.until) {
            filter.until = last.started_at;
            filter.before_id = last.id;
        }
    }
    auto calls = store.list(filter);
    if (!calls) return std::unexpected(Fault(std::move(calls).error()));
    const bool more = static_cast<int>(calls->size()) > limit;
    if (more) calls->resize(static_cast<std::size_t>(limit));
    auto items = ApiJson::array();
    for (const auto& call : *calls) items.push_back(store::to_json(call));
    return Answer{.data = {{"calls", std::move(items)}, {"more", more}}};
}

Outcome show_call(store::Store& store, const Question& question) {
    VC_TRY_ASSIGN(const auto call, call_of(store, question));
    VC_TRY_ASSIGN(const auto record, agent::read_detail_record(store, call));
    VC_TRY_ASSIGN(const auto report, agent::read_call_report(store, call));
    VC_TRY_ASSIGN(const auto recordings, agent::call_recordings(store, call));
    auto data = store::to_json(call);
    data["record"] = record;
    data["report"] = report;
    data["recording"] = recordings.empty() ? ApiJson() : shown_recording(recordings.front(), call);
    return Answer{.data = std::move(data)};
}

Outcome show_transcript(store::Store& store, const Question& question) {
    VC_TRY_ASSIGN(const auto call, call_of(store, question));
    const auto format = query_text(question, "format");
    return format.empty() || format == "json" ? transcript_json(store, call) : transcript_file(store, call, format);
}

Outcome show_session_transcript(store::Store& store, const Question& question) {
    VC_TRY_ASSIGN(const auto call, call_of_session(store, question));
    return transcript_json(store, call);
}

Outcome play_recording(store::Store& store, const Question& question, const std::string& folder) {
    constexpr std::uintmax_t kMostAtOnce = 8 * 1024 * 1024;  // of a range that may be cut; of a whole file eight times as much
    const auto none = [](const char* why, const char* hint) { return std::unexpected(Fault(404, Error{Errc::NotFound, why, hint})); };
    VC_TRY_ASSIGN(const auto call, call_of(store, question));
    VC_TRY_ASSIGN(const auto recordings, agent::call_recordings(store, call));
    if (recordings.empty() || recordings.front().location.empty()) return none("this call has no recording", "");
    const auto path = folder.empty() ? std::nullopt : file_within(folder, recordings.front().location);
    if (!path) return none("the recording does not lie on this machine", "GET the call for its location; --recordings names the folder whose files are played here");
    std::ifstream file(*path, std::ios::binary);
    std::error_code error;
    const auto size = std::filesystem::file_size(*path, error);
    if (error || !file) return none("the recording cannot be read", "");
    const auto range = parse_range(question.range, size);
    Answer out{.type = type_of_file(*path)};
    out.headers = {{"Accept-Ranges", "bytes"}};
    if (range && !*range) {
        out.status = 416;
        out.headers.emplace_back("Content-Range", fmt::format("bytes */{}", size));
        return out;
    }
    auto from = range ? (*range)->from : 0, to = range ? (*range)->to : size - 1;
    if (range && to - from + 1 > kMostAtOnce) to = from + kMostAtOnce - 1;
    const auto count = size == 0 ? 0 : to - from + 1;
    if (!range && count > 8 * kMostAtOnce) return std::unexpected(Fault(422, Error{Errc::Rejected, "this recording is too long for one answer", "ask for it in parts: Range: bytes=0-"}));
    out.text.resize(count);
    file.seekg(static_cast<std::streamoff>(from));
    file.read(out.text.data(), static_cast<std::streamsize>(count));
    out.text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    if (range) {
        out.status = 206;
        out.headers.emplace_back("Content-Range", fmt::format("bytes {}-{}/{}", from, to, size));
    }
    return out;
}

}  // namespace voicectl::serve
