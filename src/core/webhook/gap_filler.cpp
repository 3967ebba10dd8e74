#include "voicectl/webhook/gap_filler.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "voicectl/base/json.h"
#include "voicectl/livekit/api.h"

namespace voicectl::webhook {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kAnswerTime{5};
constexpr int kMostCalls = 500;

/// What is true now, turned into the events that would have told of it.
class GapReader {
 public:
    GapReader(livekit::TwirpClient& twirp, store::SystemTime now) : twirp_(twirp), now_(now) {}

    Result<std::vector<store::WebhookEvent>> read(const GapFiller::Believed& believed) {
        VC_TRY_ASSIGN(const auto rooms, livekit::RoomApi(twirp_).list());
        std::map<std::string, livekit::proto::Room> there;
        for (const auto& room : rooms) there[room.sid()] = room;
        for (const auto& text : believed.calls) {
            const auto call = json::parse(text, nullptr, false);
            const auto sid = text_at(call, "sid");
            known_.insert(sid);
            const auto found = there.find(sid);
            if (found == there.end()) over(call);
            else VC_TRY(goes_on(call, found->second));
        }
        for (const auto& [sid, room] : there)
            if (!known_.contains(sid)) VC_TRY(goes_on(json{{"sid", sid}, {"name", room.name()}, {"participants", json::array()}}, room));
        VC_TRY(egresses(believed.recordings));
        return std::move(events_);
    }

 private:
    void add(const std::string& event, const std::string& what, json rest) {
        rest["event"] = event;
        rest["id"] = fmt::format("GAP_{}_{}", what, event);
        rest["createdAt"] = std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now_.time_since_epoch()).count());
        rest["source"] = "voicectl";
        auto made = store::parse_webhook_event(json_text(rest));
        if (!made) return;
        made->received_at = now_;
        made->forward = false;  // whoever gets LiveKit's events gets LiveKit's
        events_.push_back(std::move(*made));
    }
    static json room_of(const json& call) { return {{"sid", text_at(call, "sid")}, {"name", text_at(call, "name")}}; }
    static json as_json(const google::protobuf::Message& message) { return json::parse(json_text(livekit::to_json(message))); }

    static bool is_in(const json& participant) { return text_at(participant, "state") != "left" && text_at(participant, "state") != "aborted"; }

    void left(const json& call, const json& participant) {
        add("participant_left", text_at(participant, "sid"),
            {{"room", room_of(call)}, {"participant", {{"sid", text_at(participant, "sid")}, {"identity", text_at(participant, "identity")}}}});
    }

    void over(const json& call) {
        for (const auto& one : call["participants"])
            if (is_in(one)) left(call, one);
        add("room_finished", text_at(call, "sid"), {{"room", room_of(call)}});
    }

    Result<void> goes_on(const json& call, const livekit::proto::Room& room) {
        const auto whole = as_json(room);
        const auto started = call.find("startedAt");
        if (started == call.end() || started->is_null()) add("room_started", room.sid(), {{"room", whole}});
        VC_TRY_ASSIGN(const auto participants, livekit::RoomApi(twirp_).participants(room.name()));
        std::set<std::string> in;
        for (const auto& one : participants) {
            in.insert(one.sid());
            if (one.state() != livekit::proto::ParticipantInfo::ACTIVE) continue;
            const auto known = std::find_if(call["participants"].begin(), call["participants"].end(),
                                            [&](const json& had) { return text_at(had, "sid") == one.sid() && had.contains("joined"); });
            if (known == call["participants"].end()) add("participant_joined", one.sid(), {{"room", whole}, {"participant", as_json(one)}});
        }
        for (const auto& one : call["participants"])
            if (is_in(one) && !in.contains(text_at(one, "sid"))) left(call, one);
        return {};
    }

    Result<void> egresses(const std::vector<store::Recording>& unfinished) {
        if (unfinished.empty()) return {};
        const auto all = livekit::EgressApi(twirp_, kAnswerTime).list({});
        if (!all && livekit::lacks_redis(all.error())) return {};
        if (!all) return std::unexpected(all.error());
        for (const auto& info : *all) {
            const auto had = std::find_if(unfinished.begin(), unfinished.end(), [&](const auto& one) { return one.egress_id == info.egress_id(); });
            if (had != unfinished.end() && livekit::is_final(info.status())) add("egress_ended", info.egress_id(), {{"egressInfo", as_json(info)}});
        }
        return {};
    }

    livekit::TwirpClient& twirp_;
    store::SystemTime now_;
    std::set<std::string> known_;
    std::vector<store::WebhookEvent> events_;
};

Result<std::vector<store::WebhookEvent>> missed_events(const livekit::Server& server, const GapFiller::Believed& believed, std::stop_token stop) {
    net::HttpClient http;
    livekit::TwirpClient twirp(http, server, kAnswerTime);
    twirp.stop_with(std::move(stop));
    return GapReader(twirp, std::chrono::system_clock::now()).read(believed);
}

bool is_under_way(const store::Recording& recording) {
    return recording.status == "EGRESS_STARTING" || recording.status == "EGRESS_ACTIVE" || recording.status == "EGRESS_ENDING";
}

Result<GapFiller::Believed> believed_by(store::Webhooks& hooks) {
    GapFiller::Believed out;
    VC_TRY_ASSIGN(const auto open, hooks.open_calls(kMostCalls));
    for (const auto& [sid, room] : open) {
        VC_TRY_ASSIGN(auto state, hooks.call_state(sid));
        out.calls.push_back(std::move(state));
    }
    VC_TRY_ASSIGN(auto recordings, hooks.recordings("", kMostCalls));
    for (auto& one : recordings)
        if (is_under_way(one)) out.recordings.push_back(std::move(one));
    return out;
}

}  // namespace

void GapFiller::look() {
    if (std::exchange(looking_, true)) return;
    store_.run<Believed>([](store::Store& store) { return believed_by(store.webhooks()); }, lifeline_.guard([this](Result<Believed> believed) {
        if (believed) return ask(std::move(*believed));
        tell(std::unexpected(believed.error()));
    }));
}

void GapFiller::tell(Result<std::vector<store::WebhookEvent>> found) {
    looking_ = false;
    if (found) {
        std::set<std::string> missing;
        for (const auto& event : *found) missing.insert(event.id);
        if (std::exchange(looked_, true)) std::erase_if(*found, [this](const auto& event) { return !missing_.contains(event.id); });
        missing_ = std::move(missing);
    }
    if (on_found) on_found(std::move(found));
}

void GapFiller::ask(Believed believed) {
    auto answer = lifeline_.guard([this](const Result<std::vector<store::WebhookEvent>>& found) {
        tell(found);
    });
    workers_.post([&loop = loop_, server = server_, believed = std::move(believed), answer, stop = stop_.get_token()]() mutable {
        loop.post([answer, found = missed_events(server, believed, stop)]() mutable { answer(found); });
    });
}

}  // namespace voicectl::webhook
