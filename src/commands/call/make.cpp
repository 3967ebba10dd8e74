#include "commands/call/start.h"

#include <future>
#include <mutex>

#include "commands/call/recording.h"
#include "commands/call/room_record.h"
#include "commands/call/undo.h"
#include "commands/dispatch/agent_wait.h"
#include "commands/interrupt.h"
#include "commands/room/create.h"
#include "commands/room/metadata.h"
#include "commands/room/outcome.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::TwirpClient;

struct StartedAgent {
    std::string name, dispatch_id;
    std::set<std::string> there_before;
    std::optional<AgentArrival> arrival;
};

struct Recording {
    std::string place, egress_id, status, error, hint;
};

Json recording_json(const std::optional<Recording>& recording) {
    if (!recording) return nullptr;
    const bool failed = !recording->error.empty();
    return {{"place", recording->place},
            {"egressId", recording->egress_id.empty() ? Json() : Json(recording->egress_id)},
            {"status", recording->status.empty() ? Json() : Json(recording->status)},
            {"error", failed ? Json(recording->error) : Json()},
            {"hint", recording->hint}};
}

class CallMaking {
 public:
    CallMaking(CallPlan plan, Env& env, livekit::Server server, std::chrono::milliseconds limit, Interrupt* interrupt)
        : plan_(std::move(plan)), env_(env), server_(std::move(server)), limit_(limit), interrupt_(interrupt) {}

    Result<Json> run() {
        auto made = make();
        if (made) return report();
        // Steps beside the one that failed may still succeed; they must be known to be undone.
        if (recording_.valid()) (void)recording_.get();
        if (refused_) tell_call(env_, *refused_);
        auto error = std::move(made).error();
        error.message += "; " + in_words(undo_.undo());
        return std::unexpected(std::move(error));
    }

 private:
    Result<void> interrupted() const { return interrupt_ != nullptr ? interrupt_->check() : Result<void>(); }
    TwirpClient client() { return env_.new_twirp(server_, limit_); }

    /// `result` of calls by `twirp`: the first one that failed is the one to be told. Any thread.
    template<class T>
    Result<T> noted(const TwirpClient& twirp, Result<T> result) {
        std::lock_guard lock(refused_mutex_);
        if (!result && !refused_) refused_ = twirp.last();
        return result;
    }

    Result<void> make() {
        VC_TRY(make_room());
        VC_TRY(interrupted());
        if (plan_.recording) recording_ = std::async(std::launch::async, [this] { return record(); });
        VC_TRY(dispatch_all());
        VC_TRY(wait_for_agents());
        if (recording_.valid()) {
            env_.out.progress("waiting for the recording");
            recorded_ = recording_.get();
            env_.out.progress("");
        }
        return interrupted();
    }

    Result<void> make_room() {
        auto twirp = client();
        return noted(twirp, make_room(twirp));
    }

    Result<void> make_room(TwirpClient& twirp) {
        livekit::RoomApi rooms(twirp);
        VC_TRY_ASSIGN(const auto before, rooms.list({plan_.room}));
        livekit::proto::CreateRoomRequest request;
        request.set_name(plan_.room);
        request.set_empty_timeout(plan_.empty_timeout);
        request.set_metadata(metadata_text());
        VC_TRY_ASSIGN(room_, rooms.create(request));
        created_ = before.empty() || before.front().sid() != room_.sid();
        if (!created_) return take_over(twirp);
        undo_.did(fmt::format("room {} deleted", plan_.room), [this] {
            auto undoing = client();
            return livekit::RoomApi(undoing).remove(plan_.room);
        });
        return {};
    }

    // Metadata is merged, and the default of --empty-timeout was not asked for.
    Result<void> take_over(TwirpClient& twirp) {
        livekit::proto::CreateRoomRequest asked;
        if (plan_.empty_timeout_given) asked.set_empty_timeout(plan_.empty_timeout);
        not_applied_ = settings_not_applied(asked, room_);
        if (plan_.metadata.empty()) return {};
        VC_TRY_ASSIGN(const auto merged, merged_metadata(room_.metadata(), plan_.metadata));
        VC_TRY(livekit::RoomApi(twirp).update_metadata(plan_.room, merged.dump()));
        undo_.did(fmt::format("metadata of room {} put back", plan_.room), [this]() -> Result<void> {
            auto undoing = client();
            VC_TRY(livekit::RoomApi(undoing).update_metadata(plan_.room, room_.metadata()));
            return {};
        });
        return {};
    }

    std::string metadata_text() const {
        return plan_.metadata.empty() ? std::string() : json_text(plan_.metadata);
    }

    Result<void> dispatch_all() {
        std::vector<std::future<Result<StartedAgent>>> coming;
        for (const auto& name : plan_.agents) coming.push_back(std::async(std::launch::async, [this, &name] { return dispatch(name); }));
        Result<void> all;
        begun_ = Clock::now();
        for (auto& one : coming) {
            auto started = one.get();  // every one, or what it made could not be undone
            if (started) agents_.push_back(std::move(*started));
            else if (all) all = std::unexpected(std::move(started).error());
        }
        return all;
    }

    /// On a thread of its own.
    Result<StartedAgent> dispatch(const std::string& name) {
        auto twirp = client();
        StartedAgent agent{name, {}, {}, {}};
        if (!created_) {
            VC_TRY_ASSIGN(agent.there_before, noted(twirp, agents_in(twirp, plan_.room, name)));
        }
        livekit::proto::CreateAgentDispatchRequest request;
        request.set_room(plan_.room);
        request.set_agent_name(name);
        request.set_metadata(metadata_text());
        auto made = noted(twirp, livekit::DispatchApi(twirp).create(request));
        if (!made) return std::unexpected(std::move(made).error().while_doing(fmt::format("dispatching agent {}", name)));
        agent.dispatch_id = made->id();
        undo_.did(fmt::format("dispatch {} deleted", made->id()), [this, id = made->id()]() -> Result<void> {
            auto undoing = client();
            VC_TRY(livekit::DispatchApi(undoing).remove(plan_.room, id));
            return {};
        });
        return agent;
    }

    Result<void> wait_for_agents() {
        if (plan_.wait.count() == 0) return {};
        auto twirp = client();
        for (auto& agent : agents_) {
            AgentWait wait{plan_.room, agent.name, agent.dispatch_id, plan_.wait, agent.there_before};
            wait.interrupt = interrupt_;
            VC_TRY_ASSIGN(agent.arrival, noted(twirp, wait_for_agent(env_, twirp, wait, begun_)));
        }
        return {};
    }

    /// On a thread of its own. Never fails: a call without its recording is still a call.
    Recording record() {
        auto twirp = client();
        Recording out{recording_place(*plan_.recording), {}, {}, {}, {}};
        const auto info = start_recording(twirp, *plan_.recording);
        if (!info) {
            out.error = info.error().message;
            out.hint = info.error().hint;
            return out;
        }
        out.egress_id = info->egress_id();
        out.status = livekit::proto::EgressStatus_Name(info->status());
        undo_.did(fmt::format("recording {} stopped", out.egress_id), [this, id = out.egress_id]() -> Result<void> {
            auto undoing = client();
            VC_TRY(livekit::EgressApi(undoing).stop(id));
            return {};
        });
        const auto noted = merge_room_metadata(twirp, plan_.room, {{"egressId", out.egress_id}});
        if (!noted) out.hint = fmt::format("the room's metadata does not have its egressId: {}", noted.error().message);
        return out;
    }

    Json report() const {
        Json agents = Json::array();
        for (const auto& one : agents_) {
            const auto& came = one.arrival;
            agents.push_back({{"agentName", one.name},
                              {"dispatchId", one.dispatch_id},
                              {"identity", came ? Json(came->participant.identity()) : Json()},
                              {"msToJoin", came ? Json(came->after.count()) : Json()}});
        }
        return {{"schemaVersion", 1},
                {"room", {{"name", plan_.room}, {"sid", room_.sid()}, {"created", created_}}},
                {"notApplied", not_applied_},
                {"url", plan_.url},
                {"token", plan_.token},
                {"tokenExpires", format_time(plan_.expires)},
                {"identity", plan_.identity},
                {"metadata", plan_.metadata},
                {"agents", std::move(agents)},
                {"recording", recording_json(recorded_)}};
    }

    CallPlan plan_;
    Env& env_;
    livekit::Server server_;
    std::chrono::milliseconds limit_;
    Interrupt* interrupt_;
    UndoLog undo_;
    livekit::proto::Room room_;
    bool created_ = false;
    TimePoint begun_;
    std::vector<StartedAgent> agents_;
    std::future<Recording> recording_;
    std::optional<Recording> recorded_;
    Json not_applied_ = Json::array();
    std::mutex refused_mutex_;
    std::optional<livekit::CallTrace> refused_;  // under refused_mutex_
};

}  // namespace

Result<Json> make_call(CallPlan plan, Env& env, const livekit::Server& server, std::chrono::milliseconds limit, Interrupt* interrupt) {
    return CallMaking(std::move(plan), env, server, limit, interrupt).run();
}

}  // namespace voicectl::commands
