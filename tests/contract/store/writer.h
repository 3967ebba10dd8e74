// Writers that are processes of their own: forked, kept alive from one order to the next, killed at any moment. Whoever
// gives the orders never opens the store, so that a fork carries no connection.
//
// What is sent can be told from what is stored: each turn names the stamp of its transcript, and a stamp says how many
// turns there are and what they say.
#pragma once

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/base/text.h"
#include "voicectl/store/store.h"

namespace voicectl::store::orders {

enum class Kind { Save, Begin, SaveTurn, Look };

struct Order {
    Kind kind = Kind::Save;
    int room = 0, attempt = 0, job = 0;  // job 0: none
    int stamp = 0, sequence = 0;
    std::int64_t call_id = 0;
};

/// One attempt as it stands in the store.
struct Found {
    int attempt = 0, job = 0, stamp = 0, turns = 0;
    bool whole = true;  // one stamp, no gap, every text as it was sent
    bool operator==(const Found&) const = default;
};

struct Answer {
    bool done = false;
    Errc code = Errc::Other;
    int attempt = 0;  // of Look: the one that find() gives
    std::int64_t call_id = 0;
    std::array<char, 200> message{};
    int count = 0;
    std::array<Found, 16> found;
};

/// Turns of a call that goes on have stamps from here on: nobody knows how many there will be.
inline constexpr int kLive = 1'000'000;

inline int turns_of(int stamp) { return 1 + stamp * 7 % 23; }

inline Turn turn_of(int stamp, int sequence) {
    Turn turn;
    turn.sequence = sequence;
    turn.identity = std::to_string(stamp);
    // Now and then several pages long.
    turn.text = fmt::format("{} {} {}", stamp, sequence, std::string(static_cast<std::size_t>((stamp * 31 + sequence * 997) % 3000), 'x'));
    return turn;
}

inline std::string room_name(int room) { return fmt::format("room-{}", room); }
inline std::string job_name(int job) { return job == 0 ? std::string() : fmt::format("AJ_{}", job); }

inline Call call_of(const Order& order) {
    Call call;
    call.room = room_name(order.room);
    call.attempt = std::max(order.attempt, 1);
    call.job_id = job_name(order.job);
    return call;
}

inline Answer refused(const Error& error) {
    Answer answer;
    answer.code = error.code;
    std::strncpy(answer.message.data(), error.message.c_str(), answer.message.size() - 1);
    return answer;
}

inline Answer done_with(const Result<Call>& call) {
    if (!call) return refused(call.error());
    Answer answer;
    answer.done = true;
    answer.attempt = call->attempt;
    answer.call_id = call->id;
    return answer;
}

inline Result<Found> look_at(Store& store, const Call& call) {
    Found found{call.attempt, call.job_id.empty() ? 0 : std::stoi(call.job_id.substr(3))};
    VC_TRY(store.turns(call.id, [&](const Turn& turn) {
        const int stamp = std::stoi(turn.identity);
        if (found.turns == 0) found.stamp = stamp;
        found.whole = found.whole && stamp == found.stamp && turn == turn_of(stamp, found.turns);
        ++found.turns;
        return true;
    }));
    return found;
}

inline Answer look(Store& store, int room) {
    const auto calls = store.list({.room = room_name(room), .limit = 0});
    if (!calls) return refused(calls.error());
    Answer answer;
    for (const auto& call : *calls) {
        const auto found = look_at(store, call);
        if (!found) return refused(found.error());
        answer.found.at(static_cast<std::size_t>(answer.count++)) = *found;
    }
    const auto latest = store.find(room_name(room));
    if (!latest && latest.error().code != Errc::NotFound) return refused(latest.error());
    answer.attempt = latest ? latest->attempt : 0;
    answer.done = true;
    return answer;
}

inline Answer obey(Store& store, const Order& order) {
    if (order.kind == Kind::Look) return look(store, order.room);
    if (order.kind == Kind::Begin) return done_with(store.begin_call(call_of(order)));
    if (order.kind == Kind::SaveTurn) {
        const auto saved = store.save_turn(order.call_id, turn_of(order.stamp, order.sequence));
        if (!saved) return refused(saved.error());
        Answer answer;
        answer.done = true;
        return answer;
    }
    std::vector<Turn> turns;
    for (int i = 0; i < turns_of(order.stamp); ++i) turns.push_back(turn_of(order.stamp, i));
    return done_with(store.save_transcript(call_of(order), turns));
}

/// One at work on a store. Its owner may kill it; its end is waited for.
class Writer {
 public:
    explicit Writer(const std::string& location) {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
        pid_ = fork();
        if (pid_ == 0) serve(ends[1], location);
        close(ends[1]);
        socket_ = ends[0];
    }
    ~Writer() {
        kill();
        close(socket_);
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    void send(const Order& order) {
        if (::send(socket_, &order, sizeof(order), MSG_NOSIGNAL) < 0) std::abort();
    }
    bool answers_within(std::chrono::nanoseconds time) const {
        pollfd waiting{socket_, POLLIN, 0};
        const timespec limit{time.count() / 1'000'000'000, time.count() % 1'000'000'000};
        return ppoll(&waiting, 1, &limit, nullptr) > 0;
    }
    /// Nothing: it is dead, or silent for half a minute.
    std::optional<Answer> answer() {
        Answer answer;
        if (!answers_within(std::chrono::seconds(30))) return std::nullopt;
        if (recv(socket_, &answer, sizeof(answer), 0) != sizeof(answer)) return std::nullopt;
        return answer;
    }
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        waitpid(std::exchange(pid_, 0), nullptr, 0);
    }
    int socket() const { return socket_; }

 private:
    [[noreturn]] static void serve(int socket, const std::string& location) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const auto store = Store::open(location);
        Order order;
        while (recv(socket, &order, sizeof(order), 0) == sizeof(order)) {
            const auto answer = store ? obey(**store, order) : refused(store.error());
            if (::send(socket, &answer, sizeof(answer), MSG_NOSIGNAL) < 0) break;
        }
        _exit(0);
    }
    int pid_ = 0;
    int socket_ = -1;
};

}  // namespace voicectl::store::orders
