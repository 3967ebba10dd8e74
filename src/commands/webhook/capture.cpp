#include "commands/webhook/capture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "commands/pipe_reader.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr int kDeepestEvent = 100;
constexpr std::size_t kLongestLine = 32 * 1024 * 1024;

struct EventNames {
    std::string id, event, room, order_key;
};

std::string text_within(const nlohmann::json& object, const char* part, const char* key) {
    const auto found = object.find(part);
    return found != object.end() && found->is_object() ? text_at(*found, key) : std::string();
}

EventNames names_of(const nlohmann::json& event) {
    EventNames out{text_at(event, "id"), text_at(event, "event"), text_within(event, "room", "name"), {}};
    const auto egress = text_within(event, "egressInfo", "egressId"), ingress = text_within(event, "ingressInfo", "ingressId");
    if (out.room.empty()) out.room = text_within(event, "egressInfo", "roomName");
    if (out.room.empty()) out.room = text_within(event, "ingressInfo", "roomName");
    if (const auto job = event.find("job"); out.room.empty() && job != event.end() && job->is_object()) out.room = text_within(*job, "room", "name");
    out.order_key = !egress.empty() ? egress : !ingress.empty() ? ingress : out.room;
    return out;
}

EventNames names_of_body(std::string_view body) {
    const auto event = parse_object(body, kDeepestEvent);
    return event ? names_of(*event) : EventNames{};
}

std::string header_of(const nlohmann::json& line, std::string_view name) {
    const auto headers = line.find("headers");
    if (headers == line.end() || !headers->is_object()) return {};
    for (const auto& [key, value] : headers->items())
        if (value.is_string() && to_lower_ascii(key) == name) return value.get<std::string>();
    return {};
}

void take_names(CapturedDelivery& out, EventNames names) {
    if (out.id.empty()) out.id = std::move(names.id);
    if (out.event.empty()) out.event = std::move(names.event);
    if (out.room.empty()) out.room = std::move(names.room);
    out.order_key = std::move(names.order_key);
}

std::unexpected<Error> bad_line(std::size_t line, std::string_view why) {
    return fail_with_hint(Errc::Usage, fmt::format("line {} {}", line, why),
                          "a capture has one delivery a line, as `webhook listen --save` writes it; voicectl webhook trigger EVENT -o jsonl makes one");
}

}  // namespace

Result<CapturedDelivery> parse_capture(std::string_view text, std::size_t line) {
    auto json = parse_object(text, kDeepestEvent);
    if (!json) return bad_line(line, json.error());
    CapturedDelivery out;
    out.line = line;
    const auto body = json->find("body"), encoded = json->find("bodyBase64");
    if (body == json->end() && encoded == json->end()) {
        if (text_at(*json, "event").empty()) return bad_line(line, "has neither a body nor is it an event");
        out.body = text;
        take_names(out, names_of(*json));
        return out;
    }
    if (body != json->end() && body->is_string()) {
        out.body = std::move(body->get_ref<std::string&>());
    } else {
        auto bytes = encoded != json->end() && encoded->is_string() ? base64_decode(encoded->get_ref<const std::string&>()) : fail(Errc::Usage, "none");
        if (!bytes) return bad_line(line, "has a body that is neither text nor base64");
        out.body = std::move(*bytes);
    }
    if (const auto time = text_at(*json, "receivedAt"); !time.empty()) {
        const auto parsed = parse_time(time);
        if (!parsed) return bad_line(line, "has a receivedAt that is no RFC 3339 time");
        out.received_at = *parsed;
    }
    out.id = text_at(*json, "id");
    out.event = text_at(*json, "event");
    out.room = text_at(*json, "room");
    out.authorization = header_of(*json, "authorization");
    out.content_type = header_of(*json, "content-type");
    // Half of the work on a long capture would be to read each body for what the line says already.
    const bool by_room = !out.event.empty() && !out.event.starts_with("egress_") && !out.event.starts_with("ingress_");
    if (by_room && !out.id.empty() && !out.room.empty()) out.order_key = out.room;
    else take_names(out, names_of_body(out.body));
    return out;
}

std::string capture_line(livekit::SystemTime received_at, const std::vector<std::pair<std::string, std::string>>& headers, std::string_view body,
                         const Json& verdict) {
    const auto names = names_of_body(body);
    Json out{{"receivedAt", format_time(received_at)}, {"id", names.id}, {"event", names.event}, {"room", names.room}, {"headers", Json::object()}};
    for (const auto& [name, value] : headers) {
        auto& kept = out["headers"][name];
        kept = kept.is_string() ? kept.get<std::string>() + ", " + value : value;
    }
    if (valid_utf8(body) == body) out["body"] = std::string(body);
    else out["bodyBase64"] = base64_encode(body);
    out["verdict"] = verdict;
    return json_text(out) + "\n";
}

Json verdict_json(const livekit::WebhookVerdict& verdict) {
    const auto time = [](const std::optional<livekit::SystemTime>& at) { return at ? Json(format_time(*at)) : Json(); };
    return {{"valid", verdict.valid()},
            {"fault", verdict.valid() ? Json() : Json(livekit::to_string(verdict.fault))},
            {"reason", verdict.reason},
            {"hint", verdict.hint},
            {"apiKey", verdict.key},
            {"claimedSha256", verdict.claimed_hash},
            {"bodySha256", verdict.body_hash},
            {"reencoded", verdict.reencoded},
            {"bearer", verdict.bearer},
            {"notBefore", time(verdict.not_before)},
            {"expires", time(verdict.expires)}};
}

struct CaptureReader::Impl {
    Impl(int descriptor, bool is_ours) : file(descriptor), owned(is_ours), pipe(descriptor) {}
    ~Impl() {
        if (owned) close(file);
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    int file;
    bool owned, ended = false;
    PipeReader pipe;
    std::size_t line = 0, size = 0, read_bytes = 0;
    std::size_t begin = 0;  // of what is left in `buffer`
    std::string buffer;
    std::string path;
};

CaptureReader::CaptureReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CaptureReader::CaptureReader(CaptureReader&&) noexcept = default;
CaptureReader::~CaptureReader() = default;
void CaptureReader::call_off() { impl_->pipe.call_off(); }

Result<CaptureReader> CaptureReader::open(const std::string& path) {
    const bool ours = path != "-";
    const int file = ours ? ::open(path.c_str(), O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (file < 0) return fail(Errc::Usage, "cannot read {}: {}", terminal_safe(path), std::strerror(errno));
    auto impl = std::make_unique<Impl>(file, ours);
    impl->path = ours ? path : "standard input";
    struct stat about {};
    if (fstat(file, &about) == 0 && S_ISDIR(about.st_mode)) return fail(Errc::Usage, "cannot read {}: it is a folder", terminal_safe(path));
    if (S_ISREG(about.st_mode)) impl->size = static_cast<std::size_t>(about.st_size);
    return CaptureReader(std::move(impl));
}

std::optional<double> CaptureReader::part_read() const {
    if (impl_->size == 0) return std::nullopt;
    return std::min(1.0, static_cast<double>(impl_->read_bytes - (impl_->buffer.size() - impl_->begin)) / static_cast<double>(impl_->size));
}

// False at the end; a last line without its end is a line too.
Result<bool> CaptureReader::next_line(std::string_view& line) {
    auto& in = *impl_;
    std::size_t looked = in.begin;
    while (true) {
        if (const auto end = in.buffer.find('\n', looked); end != std::string::npos) {
            line = std::string_view(in.buffer).substr(in.begin, end - in.begin);
            in.begin = end + 1;
            return true;
        }
        if (in.ended) {
            line = std::string_view(in.buffer).substr(in.begin);
            in.begin = in.buffer.size();
            return !line.empty();
        }
        in.buffer.erase(0, in.begin);
        in.begin = 0;
        looked = in.buffer.size();
        if (looked > kLongestLine) return bad_line(in.line + 1, "is longer than 32 MiB");
        VC_TRY_ASSIGN(const auto piece, in.pipe.read());
        in.buffer += piece;
        in.read_bytes += piece.size();
        in.ended = piece.empty();
    }
}

Result<std::optional<CapturedDelivery>> CaptureReader::next() {
    while (true) {
        std::string_view line;
        VC_TRY_ASSIGN(const bool there, next_line(line));
        if (!there) return std::nullopt;
        ++impl_->line;
        const auto text = trim(line);
        if (text.empty()) continue;
        auto parsed = parse_capture(text, impl_->line);
        if (!parsed) return std::unexpected(std::move(parsed).error().while_doing(impl_->path));
        return std::move(*parsed);
    }
}

}  // namespace voicectl::commands
