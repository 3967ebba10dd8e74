#include "voicectl/base/process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "voicectl/base/text.h"

extern char** environ;

namespace voicectl {
namespace {

std::vector<std::string> merged_environment(const ProcessSpec& spec) {
    std::map<std::string, std::string> merged;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        if (equals != std::string_view::npos) merged[std::string(text.substr(0, equals))] = text.substr(equals + 1);
    }
    for (const auto& [name, value] : spec.environment) merged[name] = value;
    std::vector<std::string> out;
    out.reserve(merged.size());
    for (const auto& [name, value] : merged) out.push_back(name + "=" + value);
    return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (auto& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

struct ChildPlan {
    const char* program;
    char* const* arguments;
    char* const* environment;
    const char* directory;  // empty: ours
    int output;
    int passed;  // -1: nothing
    int input;   // -1: nothing
    bool outlives_us;
    int report;  // write end of the pipe that tells why exec failed
    pid_t parent;
};

// After fork: async-signal-safe calls only.
[[noreturn]] void become(const ChildPlan& plan) {
    setpgid(0, 0);
    if (!plan.outlives_us) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != plan.parent) _exit(127);  // it died between fork and prctl
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    std::signal(SIGPIPE, SIG_DFL);
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    dup2(plan.input >= 0 ? plan.input : open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(plan.output, STDOUT_FILENO);
    dup2(plan.output, STDERR_FILENO);
    constexpr int kPassed = 3;
    int report = plan.report;
    if (plan.passed >= 0) {
        if (report == kPassed) report = fcntl(report, F_DUPFD_CLOEXEC, kPassed + 1);
        if (plan.passed == kPassed) fcntl(kPassed, F_SETFD, 0);
        else dup2(plan.passed, kPassed);
    }
    if (*plan.directory == '\0' || chdir(plan.directory) == 0) execve(plan.program, plan.arguments, plan.environment);
    const int reason = errno;
    [[maybe_unused]] const auto written = write(report, &reason, sizeof(reason));
    _exit(127);
}

int decode(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

Result<std::unique_ptr<Process>> Process::start(const ProcessSpec& spec) {
    const auto program = spec.program.find('/') == std::string::npos ? find_program(spec.program) : spec.program;
    if (!program) return fail(Errc::Missing, "{} is not on PATH", spec.program);

    std::vector<std::string> arguments{spec.program};
    arguments.insert(arguments.end(), spec.arguments.begin(), spec.arguments.end());
    auto environment = merged_environment(spec);
    const auto argument_pointers = pointers(arguments);
    const auto environment_pointers = pointers(environment);

    const char* output_path = spec.output_path.empty() ? "/dev/null" : spec.output_path.c_str();
    const int output = spec.shares_output ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
                                          : open(output_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (output < 0) return fail(Errc::Io, "cannot write {}: {}", output_path, std::strerror(errno));
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0) {
        close(output);
        return fail(Errc::Io, "pipe: {}", std::strerror(errno));
    }
    const ChildPlan plan{program->c_str(),
                         argument_pointers.data(),
                         environment_pointers.data(),
                         spec.working_directory.c_str(),
                         output,
                         spec.passed,
                         spec.input,
                         spec.outlives_us,
                         report[1],
                         getpid()};
    const pid_t pid = fork();
    if (pid == 0) become(plan);
    const int fork_error = errno;
    close(output);
    close(report[1]);
    int reason = 0;
    ssize_t got = 0;
    while (pid > 0 && (got = read(report[0], &reason, sizeof(reason))) < 0 && errno == EINTR) {
    }
    close(report[0]);
    if (pid < 0) return fail(Errc::Io, "fork: {}", std::strerror(fork_error));
    if (got == sizeof(reason)) {
        waitpid(pid, nullptr, 0);
        return fail(Errc::Missing, "cannot start {}: {}", *program, std::strerror(reason));
    }
    return std::unique_ptr<Process>(new Process(pid));
}

Process::~Process() { terminate(); }

void Process::signal(int number) {
    if (!exit_) kill(pid_, number);
}

std::optional<int> Process::wait_for(std::chrono::milliseconds time) {
    if (exit_) return exit_;
    // A pidfd becomes readable when the process ends: no polling, no SIGCHLD handler.
    const int handle = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    if (handle >= 0) {
        pollfd waiting{handle, POLLIN, 0};
        time = std::min(time, std::chrono::milliseconds(std::chrono::hours(24)));  // poll counts in int
        const auto end = std::chrono::steady_clock::now() + time;
        while (poll(&waiting, 1, static_cast<int>(time.count())) < 0 && errno == EINTR) {
            time = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
            if (time.count() < 0) time = std::chrono::milliseconds{0};
        }
        close(handle);
    }
    int status = 0;
    const auto got = waitpid(pid_, &status, WNOHANG);
    if (got == pid_) exit_ = decode(status);
    if (got < 0 && errno == ECHILD) exit_ = 127;
    return exit_;
}

int Process::terminate(std::chrono::milliseconds grace) {
    if (exit_) return *exit_;
    signal(SIGTERM);
    if (wait_for(grace)) return *exit_;
    signal(SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    exit_ = decode(status);
    return *exit_;
}

std::optional<std::string> find_program(const std::string& name) {
    const char* path = std::getenv("PATH");
    for (const auto& folder : split(path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin", ':')) {
        auto candidate = (folder.empty() ? "." : folder) + "/" + name;
        if (access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return std::nullopt;
}

namespace {

std::string first_line(const std::string& path) {
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    return line;
}

/// Ticks since boot (proc(5), field 22); a zombie has ended.
std::string start_of(int pid) {
    const auto stat = first_line(fmt::format("/proc/{}/stat", pid));
    const auto name_end = stat.rfind(')');  // the name may hold anything
    if (name_end == std::string::npos) return {};
    std::istringstream fields(stat.substr(name_end + 1));
    std::vector<std::string> values{std::istream_iterator<std::string>(fields), {}};
    constexpr std::size_t kState = 0, kStart = 19;
    return values.size() > kStart && values[kState] != "Z" && values[kState] != "X" ? values[kStart] : std::string();
}

std::string where() {
    std::array<char, 64> space{};
    if (readlink("/proc/self/ns/pid", space.data(), space.size() - 1) < 0) space[0] = '\0';
    return first_line("/proc/sys/kernel/random/boot_id") + "/" + space.data();
}

}  // namespace

std::string process_identity(int pid) {
    if (pid == 0) pid = getpid();
    return fmt::format("{}/{}/{}", where(), pid, start_of(pid));
}

Liveness liveness(const std::string& identity) {
    const auto here = where() + "/";
    if (here.size() < 10 || !identity.starts_with(here)) return Liveness::Unknown;
    const int pid = std::atoi(identity.c_str() + here.size());
    return pid > 0 && process_identity(pid) == identity && !identity.ends_with('/') ? Liveness::Alive : Liveness::Gone;
}

std::string own_executable() {
    std::string path(4096, '\0');
    const auto size = readlink("/proc/self/exe", path.data(), path.size());
    path.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return path;
}

}  // namespace voicectl
