#include "voicectl/base/process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>

#include "support/live_loop.h"
#include "support/temp_folder.h"
#include "voicectl/base/shared_library.h"
#include "voicectl/base/signals.h"
#include "voicectl/base/text.h"

namespace voicectl {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kLong{20'000};

std::unique_ptr<Process> shell(const std::string& script, const std::string& output = {},
                               std::vector<std::pair<std::string, std::string>> environment = {}) {
    auto process = Process::start({"sh", {"-c", script}, std::move(environment), {}, output});
    REQUIRE_MESSAGE(process, (process ? "" : process.error().message));
    return std::move(*process);
}

TEST_CASE("a child's exit code comes back, as often as asked") {
    const auto process = shell("exit 7");
    CHECK(process->wait_for(kLong) == 7);
    CHECK(process->wait_for(milliseconds(0)) == 7);
    CHECK_FALSE(process->running());
    CHECK(process->terminate() == 7);
    process->signal(SIGKILL);  // nobody is there: no effect
    CHECK(shell("kill -9 $$")->wait_for(kLong) == 128 + SIGKILL);
}

TEST_CASE("a child that runs is running, and ends when told") {
    const auto process = shell("exec sleep 1000");
    CHECK(process->running());
    CHECK_FALSE(process->wait_for(milliseconds(1)));
    CHECK(process->terminate() == 128 + SIGTERM);
    CHECK_FALSE(process->running());
}

TEST_CASE("a child that ignores SIGTERM is killed when the grace is over") {
    test::TempFolder folder;
    const auto path = folder.file("out");
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
    const auto process = shell("trap '' TERM; echo ready; while :; do sleep 1000; done", path);
    pollfd waiting{reader, POLLIN, 0};
    REQUIRE(poll(&waiting, 1, 20'000) == 1);  // the trap is set
    CHECK(process->terminate(milliseconds(50)) == 128 + SIGKILL);
    close(reader);
}

TEST_CASE("a program that is not there, or cannot be started, is told at once") {
    CHECK(Process::start({.program = "no-such-program-anywhere"}).error().message == "no-such-program-anywhere is not on PATH");
    const auto absent = Process::start({.program = "/no/such/program"});
    CHECK(absent.error().code == Errc::Missing);
    CHECK(absent.error().message == "cannot start /no/such/program: No such file or directory");
    CHECK(Process::start({.program = "/etc/passwd"}).error().code == Errc::Missing);
    CHECK(Process::start({.program = "sh", .output_path = "/no/such/folder/out"}).error().code == Errc::Io);
    CHECK(find_program("sh").has_value());
    CHECK_FALSE(find_program("no-such-program-anywhere"));
    CHECK(own_executable().find("test_unit_base") != std::string::npos);
}

TEST_CASE("output of both streams is appended to the file, which is its owner's alone") {
    test::TempFolder folder;
    const auto path = folder.file("out");
    CHECK(shell("echo one; echo two >&2", path)->wait_for(kLong) == 0);
    CHECK(shell("echo three", path)->wait_for(kLong) == 0);
    CHECK(*read_file(path) == "one\ntwo\nthree\n");
    struct stat status {};
    CHECK(stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("environment is added and replaced, the folder is chosen, arguments stay whole, input is empty") {
    test::TempFolder folder;
    const auto path = folder.file("out");
    setenv("VC_TEST_INHERITED", "kept", 1);
    setenv("VC_TEST_REPLACED", "old", 1);
    auto process = Process::start({"sh",
                                   {"-c", "echo \"$VC_TEST_INHERITED $VC_TEST_REPLACED $VC_TEST_NEW $1\"; pwd; cat", "sh", "a  'b' $c"},
                                   {{"VC_TEST_REPLACED", "new"}, {"VC_TEST_NEW", "x=y z"}},
                                   folder.path(),
                                   path});
    REQUIRE(process);
    CHECK((*process)->wait_for(kLong) == 0);
    CHECK(*read_file(path) == "kept new x=y z a  'b' $c\n" + folder.path() + "\n");
}

TEST_CASE("a child has a process group of its own and no signal blocked") {
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const auto process = shell("exec sleep 1000");
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    CHECK(getpgid(process->pid()) == process->pid());
    CHECK(process->terminate() == 128 + SIGTERM);
}

TEST_CASE("destroying it ends the child") {
    pid_t pid = 0;
    {
        const auto process = shell("exec sleep 1000");
        pid = process->pid();
        CHECK(kill(pid, 0) == 0);
    }
    CHECK(kill(pid, 0) == -1);
}

TEST_CASE("child: starts a child of its own and waits" * doctest::skip()) {
    const auto process = shell("exec sleep 1000");
    const auto line = fmt::format("pid {}\n", process->pid());
    REQUIRE(write(STDOUT_FILENO, line.data(), line.size()) > 0);
    process->wait_for(milliseconds(1'000'000));
}

TEST_CASE("children die with the one who started them") {
    test::TempFolder folder;
    const auto path = folder.file("out");
    REQUIRE(mkfifo(path.c_str(), 0600) == 0);
    const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
    auto middle = Process::start({own_executable(), {"--no-skip", "--test-case=child: starts a child of its own and waits"}, {}, {}, path});
    REQUIRE(middle);
    std::string text;
    char chunk[4096];
    pollfd waiting{reader, POLLIN, 0};
    while (text.find("pid ") == std::string::npos || text.find('\n', text.find("pid ")) == std::string::npos) {
        REQUIRE(poll(&waiting, 1, 20'000) == 1);
        const auto got = read(reader, chunk, sizeof(chunk));
        REQUIRE(got > 0);
        text.append(chunk, static_cast<std::size_t>(got));
    }
    const int grandchild = std::stoi(text.substr(text.find("pid ") + 4));
    const int handle = static_cast<int>(syscall(SYS_pidfd_open, grandchild, 0));
    REQUIRE(handle >= 0);
    (*middle)->signal(SIGKILL);
    pollfd ended{handle, POLLIN, 0};
    CHECK(poll(&ended, 1, 20'000) == 1);
    close(handle);
    close(reader);
}

TEST_CASE("a library that is not there says what to install; one that is gives its functions") {
    const auto absent = SharedLibrary::open({"libnothere.so.1", "libnothere.so"}, "apt install libnothere1");
    CHECK(absent.error().code == Errc::Missing);
    CHECK(absent.error().hint == "apt install libnothere1");
    CHECK(absent.error().message.find("libnothere.so") != std::string::npos);
    const auto math = SharedLibrary::open({"libnothere.so.1", "libm.so.6"}, "");
    REQUIRE(math);
    CHECK(math->name() == "libm.so.6");
    const auto root = math->symbol<double (*)(double)>("sqrt");
    REQUIRE(root);
    CHECK((*root)(9.0) == 3.0);
    CHECK(math->symbol<void (*)()>("no_such_function").error().message == "libm.so.6 has no function no_such_function");
}

TEST_CASE("signals arrive on the loop, counted") {
    AsioLoop loop;
    std::vector<std::pair<int, int>> seen;
    bool on_loop = true;
    {
        Signals signals(loop, [&](int number, int count) {
            on_loop = on_loop && loop.is_current();
            seen.emplace_back(number, count);
            if (count == 1) raise(SIGINT);
            else loop.stop();
        });
        loop.post([] { raise(SIGTERM); });
        CHECK(loop.run_until(Clock::now() + std::chrono::seconds(20)));
    }
    CHECK(seen == std::vector<std::pair<int, int>>{{SIGTERM, 1}, {SIGINT, 2}});
    CHECK(on_loop);
    loop.run_until(Clock::now());  // the cancelled wait ends without a trace
    CHECK(seen.size() == 2);
}

TEST_CASE("signals may go in their own callback") {
    AsioLoop loop;
    std::unique_ptr<Signals> signals;
    int seen = 0;
    signals = std::make_unique<Signals>(loop, [&](int, int) {
        ++seen;
        signals.reset();
        loop.stop();
    });
    loop.post([] { raise(SIGTERM); });
    CHECK(loop.run_until(Clock::now() + std::chrono::seconds(20)));
    CHECK(seen == 1);
}

TEST_CASE("a process is told from another with its number, and from what cannot be seen") {
    CHECK(liveness(process_identity()) == Liveness::Alive);
    auto child = shell("sleep 1000");
    const auto name = process_identity(child->pid());
    CHECK(liveness(name) == Liveness::Alive);
    child->signal(SIGKILL);
    CHECK(child->wait_for(kLong));
    CHECK(liveness(name) == Liveness::Gone);
    CHECK(liveness(process_identity(child->pid())) == Liveness::Gone);
    const auto ours = process_identity();
    CHECK(liveness(ours + "0") == Liveness::Gone);  // started at another time
    CHECK(liveness("another-boot/" + ours) == Liveness::Unknown);
    CHECK(liveness("") == Liveness::Unknown);
}

}  // namespace
}  // namespace voicectl
