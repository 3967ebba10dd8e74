#include "voicectl/egress/storage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "source.h"
#include "voicectl/base/json.h"

namespace voicectl::egress {

Result<Source> Source::open(const StoreJob& job) {
    if (job.file.empty()) return Source({}, job.text, -1, static_cast<std::int64_t>(job.text.size()));
    const int file = ::open(job.file.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return fail(errno == ENOENT ? Errc::NotFound : Errc::Io, "cannot read {}: {}", job.file, std::strerror(errno));
    struct stat status {};
    if (fstat(file, &status) == 0) return Source(job.file, {}, file, status.st_size);
    const int error = errno;
    close(file);
    return fail(Errc::Io, "cannot read {}: {}", job.file, std::strerror(error));
}

Source::Source(Source&& other) noexcept
    : path_(std::move(other.path_)), text_(std::move(other.text_)), file_(std::exchange(other.file_, -1)), size_(other.size_) {}

Source::~Source() {
    if (file_ >= 0) close(file_);
}

Result<std::string> Source::read(std::int64_t from, std::int64_t bytes) const {
    bytes = std::clamp<std::int64_t>(bytes, 0, size_ - from);
    if (file_ < 0) return text_.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(bytes));
    std::string out(static_cast<std::size_t>(bytes), '\0');
    std::size_t got = 0;
    while (got < out.size()) {
        const auto more = pread(file_, out.data() + got, out.size() - got, from + static_cast<off_t>(got));
        if (more < 0 && errno == EINTR) continue;
        if (more < 0) return fail(Errc::Io, "cannot read {}: {}", path_, std::strerror(errno));
        if (more == 0) return fail(Errc::Io, "{} became shorter while it was stored", path_);
        got += static_cast<std::size_t>(more);
    }
    return out;
}

Result<Stored> store(net::HttpClient& http, const StoreJob& job, const StoreHooks& hooks, const Patience& patience, std::stop_token stop) {
    if (job.storage.has_s3()) return store_object(http, job, hooks, patience, std::move(stop));
    if (job.storage.provider_case() == livekit::proto::StorageConfig::PROVIDER_NOT_SET) return store_file(job, hooks, stop);
    return fail(Errc::Usage, "only files and S3 can be stored to");
}

Result<Stored> store_with_backup(net::HttpClient& http, const StoreJob& job, const std::optional<livekit::proto::StorageConfig>& backup, const StoreHooks& hooks,
                                 const Patience& patience, std::stop_token stop) {
    auto primary = store(http, job, hooks, patience, stop);
    if (primary || !backup || primary.error().code == Errc::Cancelled) return primary;
    auto second = job;
    second.storage = *backup;
    second.upload_id.clear();
    auto stored = store(http, second, hooks, patience, std::move(stop));
    if (stored) stored->backup = true;
    else if (stored.error().code != Errc::Cancelled)
        return fail_with_hint(primary.error().code, fmt::format("primary: {}\nbackup: {}", primary.error().message, stored.error().message), primary.error().hint);
    return stored;
}

std::string manifest_text(const Manifest& manifest) {
    nlohmann::ordered_json out = nlohmann::ordered_json::object();
    const auto text = [&out](const char* name, const std::string& value) {
        if (!value.empty()) out[name] = value;
    };
    const auto time = [&out](const char* name, std::chrono::system_clock::time_point value) {
        const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(value.time_since_epoch()).count();
        if (ns != 0) out[name] = ns;
    };
    text("egress_id", manifest.egress_id);
    text("room_id", manifest.room_id);
    text("room_name", manifest.room_name);
    text("url", manifest.url);
    time("started_at", manifest.started_at);
    time("ended_at", manifest.ended_at);
    text("publisher_identity", manifest.publisher_identity);
    text("track_id", manifest.track_id);
    text("track_kind", manifest.track_kind);
    text("track_source", manifest.track_source);
    text("audio_track_id", manifest.audio_track_id);
    auto file = nlohmann::ordered_json::object();
    if (!manifest.filename.empty()) file["filename"] = manifest.filename;
    if (!manifest.location.empty()) file["location"] = manifest.location;
    if (!file.empty()) out["files"] = nlohmann::ordered_json::array({file});
    return json_text(out) + "\n";
}

}  // namespace voicectl::egress
