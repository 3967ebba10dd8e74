// Recordings in S3, on versitygw: what arrives lies there as files, which another hand than ours reads.
#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <random>

#include "support/s3_server.h"
#include "support/temp_folder.h"
#include "unit/net/small_server.h"
#include "voicectl/base/text.h"
#include "voicectl/egress/journal.h"
#include "voicectl/egress/storage.h"
#include "voicectl/livekit/s3.h"

namespace voicectl::egress {
namespace {

using namespace std::chrono_literals;
using test::S3Server;
using test::SmallServer;
using test::TempFolder;

constexpr std::size_t kPart = 5 << 20;
const Patience kQuick{.attempts = 5, .first = 5ms, .longest = 20ms, .connect = 5000ms, .silence = 20000ms};

std::string noise(std::size_t bytes, unsigned seed = 1) {
    std::mt19937_64 random{seed};
    std::string out(bytes, '\0');
    for (auto& c : out) c = static_cast<char>(random());
    return out;
}

struct Upload {
    TempFolder folder;
    StoreJob job;
    std::string bytes;

    Upload(const livekit::proto::StorageConfig& storage, std::size_t size) : bytes(noise(size)) {
        job.file = folder.file("EG_1.ogg");
        job.name = "calls/ä b+c.ogg";
        job.content_type = "audio/ogg";
        job.storage = storage;
        std::ofstream(job.file) << bytes;
    }
    livekit::proto::S3Upload& s3() { return *job.storage.mutable_s3(); }
};

bool holds(const S3Server& server, const Upload& recording) { return read_file(server.object(recording.job.name)).value_or("") == recording.bytes; }

std::string said(const Result<Stored>& stored) { return stored ? "stored at " + stored->location : stored.error().message; }

/// Files below `folder` but the objects: parts of uploads that nobody has finished.
std::size_t left_over(const S3Server& server) {
    std::size_t out = 0;
    for (const auto& one : std::filesystem::recursive_directory_iterator(server.bucket_path() + "/.sgwtmp"))
        if (one.is_regular_file()) ++out;
    return out;
}

/// Between us and a storage. `judge` sees the head of each connection's first request and answers it itself by returning a
/// text; else the bytes pass, one request to a connection, `cut_after` of them at most.
class Gate {
 public:
    Gate(const S3Server& server, std::function<std::string(int number, const std::string& head)> judge, std::size_t cut_after = SIZE_MAX)
        : to_(server.port()), judge_(std::move(judge)), cut_after_(cut_after), server_([this](test::tcp::socket& socket) { run(socket); }) {}

    std::string url() const { return server_.url(); }
    std::vector<std::string> heads() {
        std::lock_guard lock(mutex_);
        return heads_;
    }

 private:
    // One request after the other: each is read whole and answered with "Connection: close" by the storage.
    void run(test::tcp::socket& client) {
        auto head = SmallServer::read_head(client);
        const auto end = head.find("\r\n\r\n") + 4;
        int number = 0;
        {
            std::lock_guard lock(mutex_);
            heads_.push_back(head.substr(0, head.find("\r\n")));
            number = static_cast<int>(heads_.size());
        }
        if (const auto answer = judge_(number, head); !answer.empty()) return SmallServer::write(client, answer);
        test::asio::io_context context;
        test::tcp::socket storage(context);
        storage.connect({test::asio::ip::make_address("127.0.0.1"), static_cast<unsigned short>(to_)});
        test::asio::write(storage, test::asio::buffer(head.substr(0, end - 2) + "Connection: close\r\n\r\n" + head.substr(end)));
        std::thread back([&] { pass(storage, client, SIZE_MAX); });
        pass(client, storage, cut_after_);
        back.join();
    }
    static void pass(test::tcp::socket& from, test::tcp::socket& to, std::size_t limit) {
        boost::system::error_code failed;
        std::array<char, 65536> chunk{};
        for (std::size_t passed = 0; !failed && passed < limit;) {
            const auto got = from.read_some(test::asio::buffer(chunk), failed);
            passed += got;
            if (got > 0) test::asio::write(to, test::asio::buffer(chunk.data(), got), failed);
        }
        boost::system::error_code ignored;
        to.shutdown(test::tcp::socket::shutdown_both, ignored);
        from.shutdown(test::tcp::socket::shutdown_both, ignored);
    }

    int to_;
    std::function<std::string(int, const std::string&)> judge_;
    std::size_t cut_after_;
    std::mutex mutex_;
    std::vector<std::string> heads_;
    SmallServer server_;  // last: it uses the others
};

constexpr const char* kBusy = "HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// `task` in a process of its own, which ends by itself with 0 or is killed.
int in_child(const std::function<int()>& task) {
    const int child = fork();
    if (child == 0) _exit(task());
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("a small recording is one object, named and described as asked") {
    const S3Server server;
    Upload recording(server.storage(), 100'000);
    auto& metadata = *recording.s3().mutable_metadata();
    metadata["call"] = "1234";
    metadata["call-id"] = "x y";  // sorts before "call" by its bytes as a line, and after it as a name
    recording.s3().set_tagging("team=voice&keep=1");
    recording.s3().set_content_disposition("attachment; filename=\"a.ogg\"");
    net::HttpClient http;
    std::int64_t done = 0;
    const auto stored = store(http, recording.job, {{}, [&](std::int64_t at, std::int64_t) { done = at; }}, kQuick);
    REQUIRE_MESSAGE(stored, said(stored));
    CHECK(holds(server, recording));
    CHECK(stored->bytes == 100'000);
    CHECK(done == 100'000);
    CHECK(stored->location == "http://" + server.authority() + "/recordings/calls/%C3%A4%20b%2Bc.ogg");
    const auto head = http.send(livekit::s3_request(recording.s3(), "HEAD", *livekit::object_url(recording.s3(), recording.job.name)));
    REQUIRE(head);
    CHECK(head->header("content-type") == "audio/ogg");
    CHECK(head->header("content-disposition") == "attachment; filename=\"a.ogg\"");
    CHECK(head->header("x-amz-meta-call") == "1234");
    CHECK(head->header("x-amz-meta-call-id") == "x y");
    const auto tags = http.send(livekit::s3_request(recording.s3(), "GET", *livekit::object_url(recording.s3(), recording.job.name), "tagging="));
    REQUIRE(tags);
    CHECK(tags->body.find("<Value>voice</Value>") != std::string::npos);
}

TEST_CASE("twelve megabytes go in parts, and an empty recording and a manifest as they are") {
    const S3Server server;
    net::HttpClient http;
    Upload large(server.storage(), 12'000'000);
    std::vector<std::string> uploads;
    std::vector<std::int64_t> progress;
    const auto stored = store(http, large.job, {[&](const std::string& id) { uploads.push_back(id); }, [&](std::int64_t at, std::int64_t) { progress.push_back(at); }}, kQuick);
    REQUIRE_MESSAGE(stored, said(stored));
    CHECK(holds(server, large));
    REQUIRE(uploads.size() == 2);
    CHECK_FALSE(uploads[0].empty());
    CHECK(uploads[1].empty());
    CHECK(progress == std::vector<std::int64_t>{0, kPart, 2 * kPart, 12'000'000});
    CHECK(left_over(server) == 0);
    const auto head = http.send(livekit::s3_request(large.s3(), "HEAD", *livekit::object_url(large.s3(), large.job.name)));
    CHECK(head->header("content-type") == "audio/ogg");
    CHECK(head->header("content-disposition") == "inline");

    Upload exact(server.storage(), kPart);
    CHECK(store(http, exact.job, {}, kQuick));
    CHECK(holds(server, exact));
    Upload empty(server.storage(), 0);
    CHECK(store(http, empty.job, {}, kQuick));
    CHECK(holds(server, empty));
    StoreJob manifest = empty.job;
    manifest.file.clear();
    manifest.text = "{}\n";
    manifest.name = "calls/EG_1.json";
    manifest.content_type = "application/json";
    CHECK(store(http, manifest, {}, kQuick));
    CHECK(read_file(server.object("calls/EG_1.json")).value_or("") == "{}\n");
}

TEST_CASE("each refusal says what is wrong, and no secret") {
    const S3Server server;
    net::HttpClient http;
    Upload recording(server.storage(), 1000);
    const auto error_with = [&](const std::function<void(livekit::proto::S3Upload&)>& change) {
        auto job = recording.job;
        change(*job.storage.mutable_s3());
        const auto stored = store(http, job, {}, kQuick);
        REQUIRE_FALSE(stored);
        CHECK(stored.error().message.find(server.secret) == std::string::npos);
        CHECK(stored.error().message.find(server.access_key) == std::string::npos);
        return stored.error();
    };
    const auto wrong_secret = error_with([](auto& s3) { s3.set_secret("not-the-secret-at-all"); });
    CHECK(wrong_secret.code == Errc::Auth);
    CHECK(wrong_secret.message.find("the secret key is not the one of this access key") != std::string::npos);
    CHECK(error_with([](auto& s3) { s3.set_access_key("AKnobody"); }).code == Errc::Auth);
    const auto no_bucket = error_with([](auto& s3) { s3.set_bucket("nowhere"); });
    CHECK(no_bucket.code == Errc::NotFound);
    CHECK(no_bucket.message.find("nowhere/calls/ä b+c.ogg: there is no such bucket") != std::string::npos);
    const auto refused = error_with([](auto& s3) { s3.set_endpoint("http://127.0.0.1:1"); });
    CHECK(refused.code == Errc::Unreachable);
    CHECK(refused.message.find("connection refused by 127.0.0.1:1") != std::string::npos);
}

TEST_CASE("a storage that is busy, silent or breaks off is asked again, five times in all") {
    const S3Server server;
    net::HttpClient http;
    Upload recording(server.storage(), 1'000'000);
    SUBCASE("503 four times, then fine") {
        Gate gate(server, [](int number, const std::string&) { return number <= 4 ? kBusy : ""; });
        recording.s3().set_endpoint(gate.url());
        const auto stored = store(http, recording.job, {}, kQuick);
        REQUIRE_MESSAGE(stored, said(stored));
        CHECK(holds(server, recording));
        CHECK(gate.heads().size() == 6);  // and the look at what was stored
    }
    SUBCASE("503 for ever") {
        Gate gate(server, [](int, const std::string&) { return kBusy; });
        recording.s3().set_endpoint(gate.url());
        const auto stored = store(http, recording.job, {}, kQuick);
        REQUIRE_FALSE(stored);
        CHECK(stored.error().code == Errc::Unreachable);
        CHECK(gate.heads().size() == 5);
    }
    SUBCASE("silence") {
        const SmallServer silent([](test::tcp::socket& socket) { SmallServer::wait_for_end(socket); });
        recording.s3().set_endpoint(silent.url());
        auto patience = kQuick;
        patience.silence = 50ms;
        const auto stored = store(http, recording.job, {}, patience);
        REQUIRE_FALSE(stored);
        CHECK(stored.error().code == Errc::Timeout);
        CHECK(silent.accepted() == 5);
    }
    SUBCASE("cut in the middle") {
        std::atomic<int> cuts = 0;
        Gate cutting(server, [](int, const std::string&) { return ""; }, 300'000);
        recording.s3().set_endpoint(cutting.url());
        const auto stored = store(http, recording.job, {}, kQuick);
        REQUIRE_FALSE(stored);
        CHECK(cutting.heads().size() == 5);
        CHECK_FALSE(std::filesystem::exists(server.object(recording.job.name)));
    }
    SUBCASE("what will not get better is asked once") {
        Gate gate(server, [](int, const std::string&) { return ""; });
        // Small: a refusal that comes while much is still being sent can be lost with the connection, and that is asked again.
        Upload small(server.storage(), 1000);
        small.s3().set_endpoint(gate.url());
        small.s3().set_secret("not-the-secret-at-all");
        CHECK_FALSE(store(http, small.job, {}, kQuick));
        CHECK(gate.heads().size() == 1);
    }
}

TEST_CASE("a storage that goes away and comes back loses nothing of a large recording") {
    S3Server server;
    net::HttpClient http;
    Upload recording(server.storage(), 3 * kPart + 1);
    bool restarted = false;
    const auto stored = store(http, recording.job, {{}, [&](std::int64_t at, std::int64_t) {
                                                        if (at != 2 * static_cast<std::int64_t>(kPart) || std::exchange(restarted, true)) return;
                                                        const int port = server.port();
                                                        server.stop();
                                                        server.start(port);
                                                    }},
                              kQuick);
    REQUIRE_MESSAGE(stored, said(stored));
    CHECK(restarted);
    CHECK(holds(server, recording));
}

TEST_CASE("an upload goes on where a killed process has left it") {
    const S3Server server;
    Upload recording(server.storage(), 3 * kPart + 12345);
    const auto state = recording.folder.file("state");
    const int ended = in_child([&] {
        auto journal = Journal::open(state);
        net::HttpClient http;
        JournalEntry entry;
        entry.request.egress_id = "EG_1";
        const auto write_down = [&](const std::string& id) {
            entry.upload_id = id;
            if (!(*journal)->write(entry)) _exit(3);
        };
        const auto stored = store(http, recording.job, {write_down, [](std::int64_t at, std::int64_t) {
                                                            if (at == 2 * static_cast<std::int64_t>(kPart)) raise(SIGKILL);
                                                        }},
                                  kQuick);
        return stored ? 4 : 5;
    });
    REQUIRE(ended == 128 + SIGKILL);
    auto journal = Journal::open(state);
    REQUIRE(journal);
    const auto left = (*journal)->entries();
    REQUIRE(left);
    REQUIRE(left->size() == 1);
    recording.job.upload_id = left->front().upload_id;
    REQUIRE_FALSE(recording.job.upload_id.empty());
    CHECK(left_over(server) > 0);

    Gate gate(server, [](int, const std::string&) { return ""; });
    recording.s3().set_endpoint(gate.url());
    net::HttpClient http;
    const auto stored = store(http, recording.job, {}, kQuick);
    REQUIRE_MESSAGE(stored, said(stored));
    CHECK(holds(server, recording));
    CHECK(left_over(server) == 0);
    std::string parts;
    for (const auto& head : gate.heads())
        if (const auto at = head.find("partNumber="); at != std::string::npos) parts += head.substr(at + 11, head.find('&', at) - at - 11) + " ";
    CHECK(parts == "3 4 ");
}

TEST_CASE("an upload that the storage has forgotten begins anew, one that fails is cleaned up, a stop leaves it open") {
    const S3Server server;
    net::HttpClient http;
    Upload recording(server.storage(), 2 * kPart + 1);
    SUBCASE("forgotten") {
        recording.job.upload_id = "0123456789abcdef";
        const auto stored = store(http, recording.job, {}, kQuick);
        REQUIRE_MESSAGE(stored, said(stored));
        CHECK(holds(server, recording));
    }
    SUBCASE("failed") {
        Gate gate(server, [](int, const std::string& head) { return head.find("partNumber=2") != std::string::npos ? "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" : ""; });
        recording.s3().set_endpoint(gate.url());
        std::string upload = "none";
        const auto stored = store(http, recording.job, {[&](const std::string& id) { upload = id; }, {}}, kQuick);
        REQUIRE_FALSE(stored);
        CHECK(upload.empty());
        CHECK(left_over(server) == 0);
        CHECK(stored.error().message.starts_with("storing part 2 of 3 in S3: recordings/"));
    }
    SUBCASE("stopped") {
        std::stop_source stop;
        std::string upload;
        const auto stored = store(http, recording.job, {[&](const std::string& id) { upload = id; }, [&](std::int64_t at, std::int64_t) {
                                                            if (at > 0) stop.request_stop();
                                                        }},
                                  kQuick, stop.get_token());
        REQUIRE_FALSE(stored);
        CHECK(stored.error().code == Errc::Cancelled);
        CHECK_FALSE(upload.empty());
        CHECK(left_over(server) > 0);
        recording.job.upload_id = upload;
        CHECK(store(http, recording.job, {}, kQuick));
        CHECK(holds(server, recording));
    }
}

TEST_CASE("an answer that was lost after the last part is no failure") {
    const S3Server server;
    net::HttpClient http;
    Upload recording(server.storage(), kPart + 1);
    // The upload is finished behind the back of the first try, as if its answer had got lost.
    std::atomic<bool> finished = false;
    Gate gate(server, [&](int, const std::string& head) -> std::string {
        const auto first = head.substr(0, head.find("\r\n"));
        if (!first.starts_with("POST") || first.find("uploadId=") == std::string::npos || !finished) return "";
        return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    });
    REQUIRE(store(http, recording.job, {}, kQuick));  // the object that the lost answer spoke of
    finished = true;
    recording.s3().set_endpoint(gate.url());
    const auto stored = store(http, recording.job, {}, kQuick);
    REQUIRE_MESSAGE(stored, said(stored));
}

TEST_CASE("the backup takes what the first storage refuses, and both errors are told when it cannot") {
    const S3Server server;
    net::HttpClient http;
    Upload recording(server.storage(), 1000);
    const auto good = server.storage();
    recording.s3().set_bucket("nowhere");
    const auto stored = store_with_backup(http, recording.job, good, {}, kQuick);
    REQUIRE_MESSAGE(stored, said(stored));
    CHECK(stored->backup);
    CHECK(holds(server, recording));
    const auto neither = store_with_backup(http, recording.job, recording.job.storage, {}, kQuick);
    REQUIRE_FALSE(neither);
    CHECK(neither.error().message.starts_with("primary: storing it in S3: recordings/") == false);
    CHECK(neither.error().message.starts_with("primary: storing it in S3: nowhere/"));
    CHECK(neither.error().message.find("\nbackup: storing it in S3: nowhere/") != std::string::npos);
    recording.job.storage = good;
    const auto first = store_with_backup(http, recording.job, good, {}, kQuick);
    REQUIRE(first);
    CHECK_FALSE(first->backup);
}

TEST_CASE("a bucket's own region is asked in when the request names none, and a proxy is used when it does") {
    Upload recording({}, 1000);
    std::vector<std::string> heads;
    std::mutex mutex;
    const SmallServer server([&](test::tcp::socket& socket) {
        const auto head = SmallServer::read_head(socket);
        const auto body = head.size() - head.find("\r\n\r\n") - 4;
        std::array<char, 1000> rest{};
        if (head.starts_with("PUT")) test::asio::read(socket, test::asio::buffer(rest, 1000 - body));
        std::lock_guard lock(mutex);
        heads.push_back(head);
        const bool right = head.find("/eu-west-3/s3/") != std::string::npos;
        SmallServer::write(socket, fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\nx-amz-bucket-region: eu-west-3\r\nConnection: close\r\n\r\n", right ? "200 OK" : "301 Moved", right && head.starts_with("HEAD") ? 1000 : 0));
    });
    auto& s3 = recording.s3();
    s3.set_access_key("AK");
    s3.set_secret("secret-of-ours");
    s3.set_bucket("calls");
    s3.set_force_path_style(true);
    s3.set_endpoint("http://storage.invalid");
    s3.mutable_proxy()->set_url(server.url());
    s3.mutable_proxy()->set_username("ann");
    s3.mutable_proxy()->set_password("pass");
    net::HttpClient http;
    const auto stored = store(http, recording.job, {}, kQuick);
    REQUIRE_MESSAGE(stored, said(stored));
    REQUIRE(heads.size() == 3);
    CHECK(heads[0].starts_with("PUT http://storage.invalid/calls/"));
    CHECK(heads[0].find("/us-east-1/s3/") != std::string::npos);
    for (const auto& head : heads) CHECK(head.find("Proxy-Authorization: Basic YW5uOnBhc3M=") != std::string::npos);
}

TEST_CASE("a full disk is told as such, leaves nothing behind and keeps the recording") {
    Upload recording({}, 3'000'000);
    const TempFolder small;
    recording.job.root = small.path();
    constexpr int kNoMount = 77;
    const auto words = recording.folder.file("words");
    const int ended = in_child([&] {
        const bool mounted = (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                             mount("tmpfs", small.path().c_str(), "tmpfs", 0, "size=1m") == 0;
        if (!mounted) return kNoMount;
        net::HttpClient http;
        const auto stored = store(http, recording.job);
        std::ofstream(words) << said(stored);
        const auto left = std::filesystem::directory_iterator(small.file("calls"));
        return left == std::filesystem::directory_iterator() ? 0 : 1;
    });
    if (ended == kNoMount) {
        MESSAGE("SKIPPED: no right to mount a small disk");
        return;
    }
    CHECK(ended == 0);
    CHECK(*read_file(words) == fmt::format("no space left for {}; the recording is kept in {}", small.file("calls/ä b+c.ogg"), recording.job.file));
    CHECK(*read_file(recording.job.file) == recording.bytes);
}

}  // namespace voicectl::egress
