// One recording job, from its award to the last word about it: the record at the server, the recording, where its file goes. On the loop; the
// journal and the storage are waited for elsewhere.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "core/egress/ledger.h"
#include "core/egress/outcome.h"
#include "voicectl/egress/names.h"
#include "voicectl/egress/worker.h"

namespace voicectl::egress {

class Job {
 public:
    struct Parts {
        const WorkerParts& shared;
        const WorkerOptions& options;
        Ledger& ledger;
        livekit::EgressReports& reports;
        WorkerCounts& counts;
    };
    /// Kept: reported as failed, and its file waits for a storage.
    enum class State { Creating, Starting, Active, Ending, Storing, Reporting, Kept, Over };

    /// `on_over`: once nothing is left to do, or (Kept) nothing but store_again(); destroy us then, not before the next turn of the loop.
    Job(Parts parts, livekit::EgressRequest request, Plan plan, std::function<void()> on_over);
    /// Of a former process; `plan`: nothing when its request is one that we no longer take.
    Job(Parts parts, JournalEntry entry, std::optional<Plan> plan, std::function<void()> on_over);
    ~Job();

    /// Writes it down, has the server make its record, answers, begins.
    void begin(livekit::EgressAnswer answer);
    /// Stores and reports what the former process left; `known`: the server's record is our last.
    void salvage(bool known);
    /// Another worker has it: nothing is told, and the file goes, unless it is one that could not be stored.
    void drop();
    /// Of a kept one: tries its storages once more. `done`: it is stored, or still kept.
    void store_again(std::function<void()> done);
    /// Stops are answered until then.
    bool hears() const { return topics_ != nullptr; }
    void hush() { topics_.reset(); }
    /// Finishes the file, stores and reports; `asked` is why.
    void finish(std::string_view asked);
    /// What names are made of, found out by the worker.
    void set_track(std::string publisher, std::string type, std::string source);

    const livekit::proto::EgressInfo& info() const { return entry_.info; }
    const JournalEntry& entry() const { return entry_; }
    const std::string& refusal() const { return refusal_; }  // of a kept one: why it is not stored
    /// Nothing of it goes on by itself.
    bool at_rest() const { return state_ >= State::Kept; }
    State state() const { return state_; }
    JobView view() const;
    std::uint64_t lost_samples() const { return recording_ ? recording_->stats().lost_samples : 0; }

 private:
    void created(const livekit::RpcResult<void>& made);
    void record();
    void give_back(livekit::RpcFault fault);
    void on_first_audio(std::chrono::system_clock::time_point at);
    void on_ended(const Ended& ended);
    void finished(const Ended& ended);
    void measure(std::function<void(std::chrono::nanoseconds)> then);
    void salvage_file(std::chrono::nanoseconds length);
    void store_file(Outcome outcome);
    void put(std::function<void(const Result<Stored>&, const std::string& manifest)> done);
    void stored_at(const Stored& where, const std::string& manifest);
    void report();
    void let_go();
    void keep();
    void stored(Outcome outcome, Result<Stored> result, std::string manifest);
    void close(const Outcome& outcome);
    void touch(livekit::proto::EgressStatus status);
    void tell();
    void write_down(std::function<void(Result<void>)> done = {});
    void forget();
    livekit::proto::FileInfo& file();
    std::string token() const;

    Parts parts_;
    JournalEntry entry_;
    std::optional<Plan> plan_;
    std::function<void()> on_over_;
    livekit::EgressAnswer answer_;
    State state_ = State::Creating;
    std::string asked_, refusal_;
    bool storing_again_ = false;
    NameFacts facts_;
    std::unique_ptr<livekit::EgressBus::Served> topics_;
    std::unique_ptr<Recording> recording_;
    std::stop_source stop_storing_;
    Lifeline lifeline_;
};

}  // namespace voicectl::egress
