// A child that is this very test program, started again with one of its skipped test cases, and what it says.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "voicectl/base/process.h"
#include "voicectl/base/text.h"

namespace voicectl::store {

using Variables = std::vector<std::pair<std::string, std::string>>;

inline std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

inline unsigned number_from(const char* name, unsigned otherwise) {
    const auto text = variable(name);
    return text.empty() ? otherwise : static_cast<unsigned>(std::stoul(text));
}

// Standard output without a buffer, so that what was acknowledged is on its way before a kill.
inline void acknowledge(const std::string& line) {
    const auto text = line + "\n";
    if (write(STDOUT_FILENO, text.data(), text.size()) < 0) std::abort();
}

// A child of ours and the lines it wrote.
class Child {
 public:
    /// `under`: a program and its arguments that run the child in their turn.
    Child(const std::string& fifo, const std::string& test_case,
          Variables environment, std::vector<std::string> under = {}) {
        unlink(fifo.c_str());
        REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
        read_ = open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        REQUIRE(read_ >= 0);
        under.insert(under.end(), {own_executable(), "--no-skip", "--test-case=" + test_case});
        auto started = Process::start({under.front(), {under.begin() + 1, under.end()}, std::move(environment), {}, fifo});
        REQUIRE(started);
        process_ = std::move(*started);
    }
    ~Child() { close(read_); }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// Reads until `count` lines start with `word`, or the child has ended.
    bool wait_for(const std::string& word, std::size_t count) {
        while (lines(word).size() < count)
            if (!more(std::chrono::milliseconds(20'000))) return false;
        return true;
    }
    /// Reads what it says until it has ended.
    void drain() {
        while (more(std::chrono::milliseconds(20'000))) {
        }
    }
    std::vector<std::string> lines(const std::string& word) const {
        std::vector<std::string> out;
        const auto complete = text_.substr(0, text_.rfind('\n') + 1);
        for (const auto& line : split(complete, '\n'))
            if (line.starts_with(word)) out.push_back(std::string(trim(line.substr(word.size()))));
        return out;
    }
    Process& process() { return *process_; }

 private:
    bool more(std::chrono::milliseconds limit) {
        pollfd waiting{read_, POLLIN, 0};
        if (poll(&waiting, 1, static_cast<int>(limit.count())) <= 0) return false;
        char chunk[65536];
        const auto got = read(read_, chunk, sizeof(chunk));
        if (got <= 0) return false;
        text_.append(chunk, static_cast<std::size_t>(got));
        return true;
    }
    int read_ = -1;
    std::string text_;
    std::unique_ptr<Process> process_;
};

/// What SQLite says of a whole file: "ok".
inline std::string integrity(const std::string& path) {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
    std::string answer;
    sqlite3_exec(
        database, "PRAGMA integrity_check; PRAGMA foreign_key_check",
        [](void* out, int, char** columns, char**) {
            *static_cast<std::string*>(out) += columns[0];
            return 0;
        },
        &answer, nullptr);
    sqlite3_close(database);
    return answer;
}

}  // namespace voicectl::store
