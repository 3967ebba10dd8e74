// A child process with its output captured. The owner is the only one who waits for it.
//
// The child gets a process group of its own (Ctrl-C on a terminal reaches us, and we decide what to tell
// it), and is killed by the kernel when the thread that started it dies (unless it outlives us), so start
// children from a thread that lives as long as they should (in practice: main).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl {

struct ProcessSpec {
    std::string program;  // a path, or a name looked up on PATH
    std::vector<std::string> arguments;
    /// Added to (or replacing parts of) our environment. Secrets go here, never into arguments.
    std::vector<std::pair<std::string, std::string>> environment;
    std::string working_directory;
    /// Where standard output and error go: a file path, appended; empty: dropped.
    std::string output_path;
    bool shares_output = false;  // its standard output and error are our standard error
    bool outlives_us = false;    // should we die; ~Process ends it all the same
    int passed = -1;             // a descriptor that the child has as number 3
    int input = -1;              // a descriptor that is its standard input; -1: nothing to read
};

class Process {
 public:
    static Result<std::unique_ptr<Process>> start(const ProcessSpec& spec);
    /// Terminates (SIGTERM, then SIGKILL after `kGrace`) and waits.
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    static constexpr std::chrono::milliseconds kGrace{3000};

    int pid() const { return pid_; }
    void signal(int number);
    /// The exit code (128 + signal when killed), or nothing when the time is over.
    std::optional<int> wait_for(std::chrono::milliseconds time);
    bool running() { return !wait_for(std::chrono::milliseconds{0}).has_value(); }
    /// SIGTERM, then SIGKILL when `grace` is over. The exit code.
    int terminate(std::chrono::milliseconds grace = kGrace);

 private:
    explicit Process(int pid) : pid_(pid) {}
    int pid_;
    std::optional<int> exit_;
};

/// A process as it can be told from a later one with its number: boot, pid namespace, number and start of `pid`
/// (0: this one). Of one that is not there the start is missing.
std::string process_identity(int pid = 0);
/// Of a process by its identity. Unknown: it is (or was) where we cannot look, another machine or container.
enum class Liveness { Alive, Gone, Unknown };
Liveness liveness(const std::string& identity);

/// The full path of a program on PATH, or nothing.
std::optional<std::string> find_program(const std::string& name);
/// The path of this very executable.
std::string own_executable();

}  // namespace voicectl
