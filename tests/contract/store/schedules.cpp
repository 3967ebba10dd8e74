// Random schedules of what several processes may do to one room at once: save transcripts of the same and of other
// attempts, begin a call and save its turns one by one, be killed in the middle, try again. After each schedule the
// store holds of every attempt one whole transcript that somebody sent, and nothing that was acknowledged is missing.
//
//   VOICECTL_TEST_SCHEDULES  how many on each database (scripts/faults: 10,000)
//   VOICECTL_TEST_ENGINE     on this one alone: sqlite, postgres
//   VOICECTL_TEST_SEED, VOICECTL_TEST_FIRST  repeat what a failure printed
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "engines.h"
#include "writer.h"

namespace voicectl::store {
namespace {

using orders::Answer;
using orders::Found;
using orders::kLive;
using orders::Kind;
using orders::Order;
using orders::Writer;

constexpr int kNever = 1'000'000'000;

/// One save of a whole transcript, and between which moments it may have been done.
struct Save {
    int attempt = 0, stamp = 0;
    int begun = 0, ended = kNever;
    bool acknowledged = false;
};

/// A call that goes on: turn by turn, the next one when the last is acknowledged.
struct LiveCall {
    int job = 0, attempt = 0;  // attempt 0: not known yet
    std::int64_t id = 0;
    int sent = 0, acknowledged = 0;  // turns
    bool busy = false, tried = false;
};

/// How often what a schedule is for has really come about.
struct Tally {
    int saves = 0, turns = 0, kills = 0, cut_off = 0, cut_off_and_stored = 0, cut_off_and_gone = 0, retries = 0, refused = 0;
};

/// What one room's writers have sent, and what of it was acknowledged.
class Ledger {
 public:
    /// The place of a new save in the ledger.
    std::size_t begin(int attempt, int stamp) {
        saves_.push_back({attempt, stamp, ++now_, kNever, false});
        return saves_.size() - 1;
    }
    void acknowledge(std::size_t save) {
        saves_[save].ended = ++now_;
        saves_[save].acknowledged = true;
    }
    /// Whoever saved is dead. A server may still be committing it, but then whoever writes the same later waits for it:
    /// what is acknowledged after a save that began from now on has replaced it.
    void cut_off(std::size_t save) { saves_[save].ended = ++now_; }

    const std::vector<Save>& saves() const { return saves_; }
    /// Stamps that this attempt may bear: all that were sent, but those which an acknowledged save has replaced for sure.
    std::set<int> possible(int attempt) const {
        std::set<int> out;
        for (const auto& save : saves_) {
            const bool replaced = std::any_of(saves_.begin(), saves_.end(), [&](const Save& later) {
                return later.attempt == attempt && later.acknowledged && later.begun > save.ended;
            });
            if (save.attempt == attempt && !replaced) out.insert(save.stamp);
        }
        return out;
    }
    bool acknowledged(int attempt) const {
        return std::any_of(saves_.begin(), saves_.end(), [&](const Save& save) { return save.attempt == attempt && save.acknowledged; });
    }

 private:
    std::vector<Save> saves_;
    int now_ = 0;
};

/// The first thing that is wrong with what was found, "" when nothing is.
std::string fault_in(const Answer& seen, const Ledger& ledger, const std::vector<LiveCall>& calls) {
    std::map<int, Found> attempts;
    std::set<int> jobs;
    for (int i = 0; i < seen.count; ++i) {
        const auto& found = seen.found[static_cast<std::size_t>(i)];
        if (!attempts.emplace(found.attempt, found).second) return fmt::format("attempt {} is there twice", found.attempt);
        if (found.job != 0 && !jobs.insert(found.job).second) return fmt::format("job {} has two attempts", found.job);
        if (!found.whole) return fmt::format("attempt {} is not whole", found.attempt);
        const auto call = std::find_if(calls.begin(), calls.end(), [&](const LiveCall& one) { return one.job == found.job; });
        const auto stamps = ledger.possible(found.attempt);
        if (call != calls.end() && (found.turns == 0 || found.stamp == kLive + call->job)) {
            if (ledger.acknowledged(found.attempt)) return fmt::format("the transcript of attempt {} is lost", found.attempt);
            if (found.turns < call->acknowledged) return fmt::format("turn {} of attempt {} is lost", found.turns, found.attempt);
            if (found.turns > call->sent) return fmt::format("turn {} of attempt {} was never sent", found.turns - 1, found.attempt);
            continue;
        }
        if (!stamps.contains(found.stamp)) return fmt::format("attempt {} has transcript {}, which is not the last", found.attempt, found.stamp);
        if (found.turns != orders::turns_of(found.stamp)) return fmt::format("attempt {} has {} turns of {}", found.attempt, found.turns, orders::turns_of(found.stamp));
    }
    for (const auto& save : ledger.saves())
        if (save.acknowledged && !attempts.contains(save.attempt)) return fmt::format("attempt {} is lost", save.attempt);
    for (const auto& call : calls)
        if (call.attempt != 0 && (!attempts.contains(call.attempt) || attempts[call.attempt].job != call.job)) return fmt::format("job {} is lost", call.job);
    const int highest = attempts.empty() ? 0 : attempts.rbegin()->first;
    return seen.attempt == highest ? "" : fmt::format("the room's attempt is {} and not {}", seen.attempt, highest);
}

/// Three writers of one store and one who only looks.
class Crew {
 public:
    Crew(const Engine& engine, std::string location) : engine_(engine), location_(std::move(location)) {
        for (auto& writer : writers_) writer = std::make_unique<Writer>(location_);
        reader_ = std::make_unique<Writer>(location_);
    }
    static constexpr std::size_t kWriters = 3;
    Writer& writer(std::size_t at) { return *writers_[at]; }
    /// The one who takes a dead writer's place.
    void replace(std::size_t at) { writers_[at] = std::make_unique<Writer>(location_); }
    const Engine& engine() const { return engine_; }
    /// What stands in a room when all is done. A dead writer's server may still be at its last commit: then two looks differ.
    std::optional<Answer> look(int room) {
        auto last = look_once(room);
        while (engine_.outlives_writers && last) {
            auto next = look_once(room);
            if (next && last->done && next->done && same(*last, *next)) return next;
            last = next;
        }
        return last;
    }

 private:
    std::optional<Answer> look_once(int room) {
        reader_->send({.kind = Kind::Look, .room = room});
        return reader_->answer();
    }
    static bool same(const Answer& one, const Answer& other) {
        return one.attempt == other.attempt && one.count == other.count && one.found == other.found;
    }

    const Engine& engine_;
    std::string location_;
    std::array<std::unique_ptr<Writer>, kWriters> writers_;
    std::unique_ptr<Writer> reader_;
};

class Schedule {
 public:
    Schedule(Crew& crew, int room, unsigned seed, Tally& tally) : crew_(crew), room_(room), random_(seed), tally_(tally) {}

    /// "" or what is wrong.
    std::string run() {
        begin();
        for (int steps = 4 + below(9); steps > 0 && fault_.empty(); --steps) step();
        for (std::size_t at = 0; at < Crew::kWriters && fault_.empty(); ++at)
            if (pending_[at]) chance(25) ? kill(at) : wait(at);
        if (fault_.empty() && chance(60)) retry_all();
        return fault_.empty() ? check() : fault_;
    }
    const std::string& story() const { return story_; }

 private:
    struct Pending {
        Order order;
        std::optional<std::size_t> save;  // in the ledger
        std::optional<std::size_t> call;
        bool to_be_refused = false;
    };

    int below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }
    bool chance(int percent) { return below(100) < percent; }
    void tell(const std::string& what) { story_ += what + "; "; }

    // A call that begins is the next attempt. So that it does not take a number that a transcript will be saved under,
    // it is the first of all, or comes after the highest of these.
    void begin() {
        if (chance(20)) return;
        if (chance(50)) {
            calls_.push_back({.job = 1});
            send_live(0, 0);
        } else {
            send_save(0, kHighest, new_stamp());
            calls_.push_back({.job = 1});
            calls_.push_back({.job = 2});
        }
        wait(0);
    }

    void step() {
        const auto at = static_cast<std::size_t>(below(Crew::kWriters));
        if (pending_[at]) return chance(35) ? kill(at) : wait(at);
        const auto call = below(2);
        if (static_cast<std::size_t>(call) < calls_.size() && !calls_[static_cast<std::size_t>(call)].busy && chance(45))
            return send_live(at, static_cast<std::size_t>(call));
        if (!calls_.empty() && calls_[0].attempt != 0 && chance(8)) return send_refused(at);
        if (!ledger_.saves().empty() && chance(25)) return send_again(at);
        send_save(at, 2 + below(kHighest - 1), new_stamp());
    }

    int new_stamp() { return ++stamps_; }

    void send(std::size_t at, Pending pending) {
        tell(fmt::format("{} sends {} attempt {} job {} stamp {} turn {}", at, static_cast<int>(pending.order.kind), pending.order.attempt, pending.order.job,
                         pending.order.stamp, pending.order.sequence));
        crew_.writer(at).send(pending.order);
        pending_[at] = pending;
    }
    void send_save(std::size_t at, int attempt, int stamp, int job = 0) {
        ++tally_.saves;
        send(at, {{.kind = Kind::Save, .room = room_, .attempt = attempt, .job = job, .stamp = stamp}, ledger_.begin(attempt, stamp), {}, false});
    }
    // A retry: the answer may have been lost, or never sent.
    void send_again(std::size_t at) {
        ++tally_.retries;
        const auto& saves = ledger_.saves();
        const auto save = saves[static_cast<std::size_t>(below(static_cast<int>(saves.size())))];
        send_save(at, save.attempt, save.stamp);
    }
    // The job belongs to another attempt: what was begun in the transaction is dropped.
    void send_refused(std::size_t at) {
        ++tally_.refused;
        send(at, {{.kind = Kind::Save, .room = room_, .attempt = calls_[0].attempt == 2 ? 3 : 2, .job = calls_[0].job, .stamp = new_stamp()}, {}, {}, true});
    }
    void send_live(std::size_t at, std::size_t which) {
        auto& call = calls_[which];
        call.busy = true;
        if (call.attempt == 0) return send(at, {{.kind = Kind::Begin, .room = room_, .job = call.job}, {}, which, false});
        const bool over = ledger_.acknowledged(call.attempt) || call.tried || (call.acknowledged > 2 && chance(30));
        if (over) {  // the whole transcript, once the call has ended
            call.tried = true;
            ++tally_.saves;
            const int stamp = new_stamp();
            return send(at, {{.kind = Kind::Save, .room = room_, .attempt = call.attempt, .job = call.job, .stamp = stamp}, ledger_.begin(call.attempt, stamp), which, false});
        }
        ++tally_.turns;
        call.sent = call.acknowledged + 1;
        send(at, {{.kind = Kind::SaveTurn, .room = room_, .stamp = kLive + call.job, .sequence = call.acknowledged, .call_id = call.id}, {}, which, false});
    }

    void wait(std::size_t at) {
        const auto answer = crew_.writer(at).answer();
        if (!answer) return fail_with(fmt::format("writer {} died or hangs", at));
        take(at, *answer);
    }
    void kill(std::size_t at) {
        ++tally_.kills;
        auto& writer = crew_.writer(at);
        const int most = static_cast<int>(crew_.engine().save_takes.count());
        writer.answers_within(std::chrono::microseconds(below(chance(50) ? most : most / 5)));
        writer.kill();
        const auto answer = writer.answer();  // it may have been faster
        tell(fmt::format("{} is killed", at));
        if (answer) {
            take(at, *answer);
        } else {
            ++tally_.cut_off;
            if (pending_[at]->save) {
                ledger_.cut_off(*pending_[at]->save);
                cut_off_.push_back(*pending_[at]->save);
            }
            if (pending_[at]->call) calls_[*pending_[at]->call].busy = false;
            pending_[at].reset();
        }
        crew_.replace(at);
    }
    void take(std::size_t at, const Answer& answer) {
        const auto pending = *std::exchange(pending_[at], {});
        tell(fmt::format("{} is answered {}", at, answer.done ? "done" : answer.message.data()));
        if (pending.call) calls_[*pending.call].busy = false;
        if (pending.to_be_refused) {
            if (answer.done || answer.code != Errc::Conflict) fail_with("a job was taken for two attempts");
            return;
        }
        if (!answer.done) return fail_with(answer.message.data());
        if (pending.save) ledger_.acknowledge(*pending.save);
        if (!pending.call) return;
        auto& call = calls_[*pending.call];
        if (pending.order.kind == Kind::Begin) {
            call.attempt = answer.attempt;
            call.id = answer.call_id;
        }
        if (pending.order.kind == Kind::SaveTurn) ++call.acknowledged;
    }
    // Whoever was not answered asks again, all at once.
    void retry_all() {
        auto left = std::exchange(cut_off_, {});
        while (!left.empty() && fault_.empty()) {
            for (std::size_t at = 0; at < Crew::kWriters && !left.empty(); ++at) {
                const auto save = ledger_.saves()[left.back()];
                left.pop_back();
                ++tally_.retries;
                send_save(at, save.attempt, save.stamp);
            }
            for (std::size_t at = 0; at < Crew::kWriters && fault_.empty(); ++at)
                if (pending_[at]) wait(at);
        }
    }
    std::string check() {
        const auto seen = crew_.look(room_);
        if (!seen) return "the reader died or hangs";
        if (!seen->done) return seen->message.data();
        for (int i = 0; i < seen->count; ++i) {
            const auto& found = seen->found[static_cast<std::size_t>(i)];
            tell(fmt::format("attempt {}: job {}, {} turns of {}", found.attempt, found.job, found.turns, found.stamp));
        }
        for (const auto save : cut_off_) count_cut_off(*seen, ledger_.saves()[save]);
        return fault_in(*seen, ledger_, calls_);
    }
    void count_cut_off(const Answer& seen, const Save& save) {
        const bool stored = std::any_of(seen.found.begin(), seen.found.begin() + seen.count,
                                        [&](const Found& found) { return found.attempt == save.attempt && found.stamp == save.stamp; });
        ++(stored ? tally_.cut_off_and_stored : tally_.cut_off_and_gone);
    }
    void fail_with(const std::string& what) {
        if (fault_.empty()) fault_ = what;
    }

    static constexpr int kHighest = 4;
    Crew& crew_;
    int room_;
    std::mt19937 random_;
    Tally& tally_;
    Ledger ledger_;
    std::vector<LiveCall> calls_;
    std::array<std::optional<Pending>, Crew::kWriters> pending_;
    std::vector<std::size_t> cut_off_;
    int stamps_ = 0;
    std::string fault_, story_;
};

void run_schedules(const Engine& engine, unsigned first, unsigned count, unsigned seed, Tally& tally) {
    constexpr unsigned kPerStore = 250;  // so that files stay small
    for (unsigned done = 0; done < count;) {
        const auto store = engine.fresh();
        {
            Crew crew(engine, store->location());
            for (unsigned here = 0; here < kPerStore && done < count; ++here, ++done) {
                const unsigned number = first + done;
                Schedule schedule(crew, static_cast<int>(number), seed + number * 2'654'435'761U, tally);
                const auto fault = schedule.run();
                REQUIRE_MESSAGE(fault.empty(), engine.name << ": " << fault << "\n  in: " << schedule.story()
                                << "\n  again with VOICECTL_TEST_SEED=" << seed << " VOICECTL_TEST_FIRST=" << number << " VOICECTL_TEST_SCHEDULES=1");
            }
        }
        REQUIRE(store->integrity() == "ok");
    }
}

TEST_CASE("random schedules of saves, crashes and retries lose nothing, double nothing and leave no part") {
    const auto first = number_from("VOICECTL_TEST_FIRST", 0);
    const auto seed = number_from("VOICECTL_TEST_SEED", std::random_device()());
    const auto only = variable("VOICECTL_TEST_ENGINE");
    for (const auto& engine : engines()) {
        if (!only.empty() && engine.name != only) continue;
        const auto count = number_from("VOICECTL_TEST_SCHEDULES", engine.schedules);
        Tally tally;
        run_schedules(engine, first, count, seed, tally);
        MESSAGE(engine.name << ": " << count << " schedules: " << tally.saves << " transcripts and " << tally.turns << " turns sent, " << tally.retries
                << " again; " << tally.kills << " writers killed, " << tally.cut_off << " before they answered (their transcript was stored "
                << tally.cut_off_and_stored << " times, " << tally.cut_off_and_gone << " times not); " << tally.refused << " refused");
        // A test that no longer kills in the middle shows nothing.
        if (count < 150) continue;
        CHECK(tally.cut_off > static_cast<int>(count) / 10);
        if (count >= 500) CHECK(tally.cut_off_and_stored > 0);  // rare: few schedules may have none
        CHECK(tally.cut_off_and_gone > 0);
    }
}

}  // namespace
}  // namespace voicectl::store
