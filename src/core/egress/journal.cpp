#include "voicectl/egress/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "voicectl/base/atomic_file.h"
#include "voicectl/base/digest.h"
#include "voicectl/base/json.h"
#include "voicectl/base/log.h"
#include "voicectl/base/text.h"

namespace voicectl::egress {
namespace {

using namespace livekit::proto;
using nlohmann::json;

constexpr int kSchema = 1;
constexpr int kDeepest = 4;
constexpr mode_t kOwnersFolder = 0700, kOwnersFile = 0600;
constexpr const char* kEnding = ".json";

// In the order of EgressRequest::what.
constexpr std::array<const char*, 7> kKinds{"", "room_composite", "web", "participant", "track_composite", "track", "egress"};

std::string bytes_of(const livekit::EgressRequest& request) {
    return std::visit(
        [](const auto& one) -> std::string {
            if constexpr (requires { one.SerializeAsString(); }) return one.SerializeAsString();
            else return {};
        },
        request.what);
}

template<std::size_t kind = 1>
bool parse_what(const std::string& name, const std::string& bytes, livekit::EgressRequest& out) {
    if constexpr (kind == kKinds.size()) return name.empty();
    else {
        if (name != kKinds[kind]) return parse_what<kind + 1>(name, bytes, out);
        return out.what.emplace<kind>().ParseFromString(bytes);
    }
}

json to_json(const JournalEntry& entry) {
    const auto& request = entry.request;
    return {{"schemaVersion", kSchema},
            {"egressId", request.egress_id},
            {"roomId", request.room_id},
            {"roomName", request.room_name},
            {"token", request.token},
            {"wsUrl", request.ws_url},
            {"retryCount", request.retry_count},
            {"kind", kKinds[request.what.index()]},
            {"request", base64_encode(bytes_of(request))},  // as it came, also what is not known here
            {"info", base64_encode(entry.info.SerializeAsString())},
            {"file", entry.file},
            {"name", entry.name},
            {"uploadId", entry.upload_id},
            {"stored", entry.stored},
            {"kept", entry.kept},
            {"reported", entry.reported}};
}

Result<JournalEntry> parse_entry(const std::string& text) {
    const auto object = parse_object(text, kDeepest);
    if (!object) return fail(Errc::Protocol, "it {}", object.error());
    if (object->value("schemaVersion", 0) != kSchema) return fail(Errc::Protocol, "it was written by another version");
    JournalEntry out;
    auto& request = out.request;
    request.egress_id = text_at(*object, "egressId");
    request.room_id = text_at(*object, "roomId");
    request.room_name = text_at(*object, "roomName");
    request.token = text_at(*object, "token");
    request.ws_url = text_at(*object, "wsUrl");
    request.retry_count = object->value("retryCount", 0);
    out.file = text_at(*object, "file");
    out.name = text_at(*object, "name");
    out.upload_id = text_at(*object, "uploadId");
    out.stored = object->value("stored", false);
    out.kept = object->value("kept", false);
    out.reported = object->value("reported", false);
    VC_TRY_ASSIGN(const auto what, base64_decode(text_at(*object, "request")));
    VC_TRY_ASSIGN(const auto info, base64_decode(text_at(*object, "info")));
    if (request.egress_id.empty()) return fail(Errc::Protocol, "it names no egress");
    if (!parse_what(text_at(*object, "kind"), what, request)) return fail(Errc::Protocol, "its request cannot be read");
    if (!out.info.ParseFromString(info)) return fail(Errc::Protocol, "its record cannot be read");
    return out;
}

// parse_entry, where a field of another kind makes nlohmann throw.
Result<JournalEntry> read_entry(const std::string& path) {
    VC_TRY_ASSIGN(const auto text, read_file(path));
    try {
        return parse_entry(text);
    } catch (const json::exception& wrong) {
        return fail(Errc::Protocol, "{}", wrong.what());
    }
}

bool is_plain(const std::string& id) {
    return !id.empty() && id.size() <= 100 && std::all_of(id.begin(), id.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; });
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(const std::string& folder) {
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed) return fail(Errc::Io, "cannot make the folder {}: {}", folder, failed.message());
    if (chmod(folder.c_str(), kOwnersFolder) != 0) return fail_with_hint(Errc::Io, fmt::format("cannot use the folder {}: {}", folder, std::strerror(errno)), "it must belong to the user of this worker");
    const auto path = folder + "/lock";
    const int lock = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kOwnersFile);
    if (lock < 0) return fail(Errc::Io, "cannot write {}: {}", path, std::strerror(errno));
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        close(lock);
        if (error != EWOULDBLOCK) return fail(Errc::Io, "cannot lock {}: {}", path, std::strerror(error));
        return fail_with_hint(Errc::Conflict, fmt::format("another worker keeps its jobs in {}", folder), "give each worker a folder of its own");
    }
    std::unique_ptr<Journal> journal(new Journal(folder, lock));
    for (const auto& one : std::filesystem::directory_iterator(folder, failed))  // of a write that a death cut off
        if (one.path().extension() == ".part") std::filesystem::remove(one.path(), failed);
    return journal;
}

Journal::~Journal() { close(lock_); }

std::string Journal::path_of(const std::string& egress_id) const {
    return folder_ + "/" + (is_plain(egress_id) ? egress_id : "=" + base64url_encode(sha256(egress_id))) + kEnding;
}

Result<std::vector<JournalEntry>> Journal::entries() {
    std::vector<JournalEntry> out;
    std::error_code failed;
    for (std::filesystem::directory_iterator one(folder_, failed), end; !failed && one != end; one.increment(failed)) {
        const auto path = one->path().string();
        if (!path.ends_with(kEnding)) continue;
        auto entry = read_entry(path);
        if (entry) {
            out.push_back(std::move(*entry));
            continue;
        }
        if (entry.error().code == Errc::Io) return std::unexpected(std::move(entry).error());
        log::warn("egress", "a job's file cannot be read and is put aside", {{"file", path + ".broken"}, {"error", entry.error().message}});
        rename(path.c_str(), (path + ".broken").c_str());
    }
    if (failed) return fail(Errc::Io, "cannot read the folder {}: {}", folder_, failed.message());
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.request.egress_id < b.request.egress_id; });
    return out;
}

Result<void> Journal::write(const JournalEntry& entry) {
    const auto path = path_of(entry.request.egress_id);
    const bool fresh = access(path.c_str(), F_OK) != 0;
    VC_TRY(write_file_atomically(path, json_text(to_json(entry)) + "\n", kOwnersFile));
    if (fresh) sync_folder(folder_);  // else the name is on the disk already
    return {};
}

Result<void> Journal::remove(const std::string& egress_id) {
    const auto path = path_of(egress_id);
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return fail(Errc::Io, "cannot remove {}: {}", path, std::strerror(errno));
    sync_folder(folder_);
    return {};
}

}  // namespace voicectl::egress
