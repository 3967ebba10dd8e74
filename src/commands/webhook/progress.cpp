#include "commands/webhook/progress.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/webhook.h"

namespace voicectl::commands {
namespace {

constexpr std::size_t kMostLines = 1'000'000'000;  // a damaged file must not ask for all memory

// Addresses may hold a password or a token.
nlohmann::json hashes_of(const std::vector<std::string>& targets) {
    auto out = nlohmann::json::array();
    for (const auto& one : targets) out.push_back(livekit::webhook_hash(one));
    return out;
}

std::unexpected<Error> cannot(const std::string& path, int error) {
    return fail_with_hint(Errc::Io, fmt::format("cannot keep the progress of the replay in {}: {}", path, std::strerror(error)),
                          "--resume=FILE keeps it elsewhere; without it nothing is sent, for nobody would know what was");
}

/// "d 17 0": what, line, target.
bool read_numbers(std::string_view text, std::size_t& line, std::size_t& target) {
    const auto blank = text.find(' ');
    if (blank == std::string_view::npos) return false;
    const auto number = [](std::string_view digits, std::size_t& out) {
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
        return error == std::errc{} && end == digits.data() + digits.size();
    };
    return number(text.substr(0, blank), line) && number(text.substr(blank + 1), target) && line < kMostLines;
}

}  // namespace

ReplayProgress::ReplayProgress(std::string path, int file) : path_(std::move(path)), file_(file) {
    syncing_ = std::thread([this] { sync_now_and_then(); });
}

ReplayProgress::~ReplayProgress() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    stop_.notify_one();
    syncing_.join();
    (void)flush();
    fdatasync(file_);
    close(file_);
}

void ReplayProgress::sync_now_and_then() {
    std::unique_lock lock(mutex_);
    while (!stop_.wait_for(lock, std::chrono::milliseconds(100), [this] { return stopping_; })) {
        if (!std::exchange(dirty_, false)) continue;
        lock.unlock();
        fdatasync(file_);
        lock.lock();
    }
}

Result<std::unique_ptr<ReplayProgress>> ReplayProgress::open(const std::string& path, const std::vector<std::string>& targets, Begin begin) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return cannot(path, errno);
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
        close(file);
        return fail(Errc::Conflict, "another replay is at it ({} is locked)", path);
    }
    std::unique_ptr<ReplayProgress> out(new ReplayProgress(path, file));
    struct stat about {};
    if (fstat(file, &about) != 0) return cannot(path, errno);
    if (about.st_size != 0 && begin == Begin::Fresh) {
        return fail_with_hint(Errc::Conflict, fmt::format("an earlier replay did not deliver everything (its progress is in {})", path),
                              "--resume sends what is left, --anew sends all of it again");
    }
    std::string text;
    if (begin == Begin::Anew && ftruncate(file, 0) != 0) return cannot(path, errno);
    if (begin == Begin::Resume) {
        VC_TRY_ASSIGN(text, read_file(path, std::size_t{1} << 32));
    }
    VC_TRY(out->load(text, targets));
    return out;
}

Result<void> ReplayProgress::load(const std::string& text, const std::vector<std::string>& targets) {
    delivered_.resize(targets.size());
    const auto end = text.find('\n');
    const auto header = parse_object(std::string_view(text).substr(0, end), 4);
    if (text.empty() || end == std::string::npos) {  // new, or cut before its first line was whole
        if (!text.empty() && ftruncate(file_, 0) != 0) return cannot(path_, errno);
        salt_ = random_id(22);
        return append(json_text(nlohmann::json{{"replay", 1}, {"targets", hashes_of(targets)}, {"salt", salt_}}) + "\n");
    }
    if (!header || !header->contains("replay")) return fail_with_hint(Errc::Usage, fmt::format("{} holds no progress of a replay", path_), "--resume=FILE names the right one");
    if ((*header)["targets"] != hashes_of(targets))
        return fail_with_hint(Errc::Usage, fmt::format("the replay in {} went to other targets", path_), "give the same --to in the same order, or --anew");
    salt_ = text_at(*header, "salt");
    std::string_view rest = std::string_view(text).substr(end + 1);
    for (auto stop = rest.find('\n'); stop != std::string_view::npos; stop = rest.find('\n')) {
        take(rest.substr(0, stop));
        rest.remove_prefix(stop + 1);
    }
    if (!rest.empty()) VC_TRY(append("\n"));  // a record that was cut must not swallow the next
    return {};
}

void ReplayProgress::take(std::string_view record) {
    if (record.starts_with("s ")) source_ = record.substr(2);
    std::size_t line = 0, target = 0;
    if (record.size() < 3 || !read_numbers(record.substr(2), line, target) || target >= delivered_.size()) return;
    if (record[0] == 'b') in_doubt_.insert({line, target});
    if (record[0] != 'd' && record[0] != 'f') return;
    in_doubt_.erase({line, target});
    if (record[0] == 'f') return;
    auto& done = delivered_[target];
    if (done.size() <= line) done.resize(line + 1);
    if (!done[line]) ++delivered_before_;
    done[line] = true;
}

Result<void> ReplayProgress::check_source(const std::string& hash_of_first) {
    if (source_.empty()) {
        source_ = hash_of_first;
        return append(fmt::format("s {}\n", source_));
    }
    if (source_ == hash_of_first) return {};
    return fail_with_hint(Errc::Usage, fmt::format("the replay in {} was of another file: the first delivery differs", path_), "--anew begins again with this one");
}

bool ReplayProgress::delivered(std::size_t target, std::size_t line) const {
    const auto& done = delivered_[target];
    return line < done.size() && done[line];
}

Result<void> ReplayProgress::append(std::string_view record) {
    waiting_ += record;
    return flush();
}

Result<void> ReplayProgress::flush() {
    if (waiting_.empty()) return {};
    const auto wrote = ::write(file_, waiting_.data(), waiting_.size());
    if (wrote != static_cast<ssize_t>(waiting_.size())) return cannot(path_, wrote < 0 ? errno : ENOSPC);
    waiting_.clear();
    std::lock_guard lock(mutex_);
    dirty_ = true;
    return {};
}

Result<void> ReplayProgress::record_begin(std::size_t target, std::size_t line) { return append(fmt::format("b {} {}\n", line, target)); }

void ReplayProgress::record_end(std::size_t target, std::size_t line, bool delivered) {
    fmt::format_to(std::back_inserter(waiting_), "{} {} {}\n", delivered ? 'd' : 'f', line, target);
}

void ReplayProgress::remove() { unlink(path_.c_str()); }

}  // namespace voicectl::commands
