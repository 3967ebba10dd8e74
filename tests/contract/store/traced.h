// A child under strace, which ends it at a system call of its, or lets that fail.
#pragma once

#include <csignal>
#include <filesystem>
#include <functional>
#include <map>
#include <sstream>

#include "child.h"
#include "engines.h"

namespace voicectl::store {

inline std::optional<std::string> strace_program() {
    auto found = find_program("strace");
    if (!found) MESSAGE("SKIPPED: no strace (scripts/versions, APT_TEST)");
    return found;
}

/// A folder of files that is put back to one state before each child.
class Bench {
 public:
    /// `paths`: within the folder; only calls that touch one of them count. None: all calls of the child do.
    Bench(std::string strace, const std::function<void(const std::string& folder)>& prepare, std::vector<std::string> paths)
        : strace_(std::move(strace)), paths_(std::move(paths)) {
        std::filesystem::create_directory(file(""));
        prepare(folder());
        std::filesystem::rename(folder(), state_->file("before"));
    }
    std::string folder() const { return state_->file("now"); }
    std::string file(const std::string& name) const { return folder() + "/" + name; }

    /// The child's end, when `inject` is done to it ("" nothing). It has VC_TEST_PATH, the file s.db.
    std::unique_ptr<Child> run(const std::string& test_case, const std::string& inject, Variables environment = {}) {
        std::filesystem::remove_all(folder());
        std::filesystem::copy(state_->file("before"), folder(), std::filesystem::copy_options::recursive);
        std::vector<std::string> under{strace_, "-f", "-qq", "-o", state_->file("calls")};
        for (const auto& path : paths_) under.insert(under.end(), {"-P", folder() + path});
        if (!inject.empty()) under.insert(under.end(), {"-e", "inject=" + inject});
        environment.emplace_back("VC_TEST_PATH", file("s.db"));
        environment.emplace_back("ASAN_OPTIONS", "detect_leaks=0");  // a process cannot be traced by two
        auto child = std::make_unique<Child>(state_->file("lines"), test_case, environment, under);
        exit_ = child->process().wait_for(std::chrono::seconds(30));
        child->drain();
        return child;
    }
    bool killed() const { return exit_ == 128 + SIGKILL; }
    /// How often the last child has made each call.
    std::map<std::string, int> calls() const {
        std::map<std::string, int> out;
        std::istringstream lines(*read_file(state_->file("calls")));
        for (std::string line; std::getline(lines, line);) {
            const auto begin = line.find(' ') + 1, end = line.find('(');
            if (end != std::string::npos && line.find("+++") == std::string::npos && line.find("---") == std::string::npos)
                ++out[std::string(trim(line.substr(begin, end - begin)))];
        }
        return out;
    }
    bool was_injected() const { return read_file(state_->file("calls"))->find("(INJECTED)") != std::string::npos; }

 private:
    std::unique_ptr<test::TempFolder> state_ = std::make_unique<test::TempFolder>(fast_folder());
    std::string strace_;
    std::vector<std::string> paths_;
    std::optional<int> exit_;
};

}  // namespace voicectl::store
