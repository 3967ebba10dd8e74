// Does the server take our key, for every kind of call?
#include <array>

#include "commands/doctor/patient.h"
#include "commands/token/roles.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/worker.h"

namespace voicectl::commands {
namespace {

using livekit::TwirpClient;

// No room has this name: asked about it, a server changes nothing.
constexpr const char* kNoRoom = "voicectl-doctor-no-such-room";

Finding try_key(Patient& patient) {
    auto twirp = patient.twirp();
    if (!twirp) return Finding::failed(twirp.error());
    const auto listed = livekit::RoomApi(*twirp).list({kNoRoom});
    if (!listed) return Finding::failed(listed.error());
    return Finding::ok(fmt::format("key {} and its secret are taken", terminal_safe(twirp->server().key.key)));
}

Result<void> try_ingress(TwirpClient& twirp) {
    livekit::Claims claims;
    claims.video.ingress_admin = true;
    VC_TRY(twirp.call_json("Ingress", "ListIngress", claims, "{}"));
    return {};
}

/// A call that needs the grant and changes nothing; what it finds does not matter.
struct GrantTrial {
    const char* id;
    const char* title;
    const char* grant;
    Result<void> (*attempt)(TwirpClient& twirp);
};
constexpr std::array kTrials{
    GrantTrial{"grant_create", "may create rooms", "roomCreate", [](TwirpClient& t) { return livekit::RoomApi(t).remove(kNoRoom); }},
    GrantTrial{"grant_list", "may list rooms", "roomList", [](TwirpClient& t) -> Result<void> { VC_TRY(livekit::RoomApi(t).list({kNoRoom})); return {}; }},
    GrantTrial{"grant_admin", "may manage a room", "roomAdmin", [](TwirpClient& t) -> Result<void> { VC_TRY(livekit::RoomApi(t).participants(kNoRoom)); return {}; }},
    GrantTrial{"grant_record", "may record", "roomRecord", [](TwirpClient& t) -> Result<void> { VC_TRY(livekit::EgressApi(t).list({})); return {}; }},
    GrantTrial{"grant_ingress", "may manage ingress", "ingressAdmin", [](TwirpClient& t) { return try_ingress(t); }},
};

Finding try_grant(Patient& patient, const GrantTrial& trial) {
    auto twirp = patient.twirp();
    if (!twirp) return Finding::failed(twirp.error());
    const auto done = trial.attempt(*twirp);
    // The permission is checked first: that the room or Redis is not there comes after it.
    if (done || done.error().code == Errc::NotFound || livekit::lacks_redis(done.error())) return Finding::ok(trial.grant);
    return Finding::failed(done.error());
}

Finding try_join(Patient& patient) {
    const auto server = patient.env.server();
    if (!server) return Finding::failed(server.error());
    livekit::Claims claims;
    claims.identity = "voicectl-doctor";
    apply_role("caller", claims);
    claims.video.room = kNoRoom;
    const auto token = livekit::mint(server->key, claims, std::chrono::seconds{60});
    const auto taken = livekit::validate_join(patient.env.http(), server->url, token, patient.limit());
    if (taken) return Finding::ok("a caller's token of ours would be let in");
    if (taken.error().code == Errc::NotFound) return Finding::warning("only rooms that exist can be joined (room.auto_create is off)", "make the room before anyone joins: voicectl call start");
    return Finding::failed(taken.error());
}

/// Registers under a name that nobody dispatches, which also shows that WebSockets come through.
class Registration {
 public:
    explicit Registration(Patient& patient) : patient_(patient), timer_(loop_) {}

    Finding run(livekit::Server server) {
        livekit::WorkerHandlers handlers;
        handlers.on_registered = [this](const std::string&) { done(Finding::ok(fmt::format("an agent can register; LiveKit {}", terminal_safe(worker_->server_version())), {{"serverVersion", worker_->server_version()}})); };
        handlers.on_lost = [this](const Error& why) { done(Finding::failed(why, why.hint.empty() ? "does the proxy let WebSockets through to /agent?" : why.hint)); };
        timer_.every(std::chrono::milliseconds{100}, [this] {
            if (!patient_.interrupt.check()) loop_.stop();
        });
        worker_ = livekit::Worker::create(loop_, {std::move(server), "voicectl-doctor-" + random_id(10), VOICECTL_VERSION, {}}, std::move(handlers));
        loop_.run_until(Clock::now() + patient_.limit());
        timer_.cancel();
        worker_.reset();
        return finding_.value_or(Finding::failed(fmt::format("no answer to a registration within {}", format_duration(patient_.limit())), "does the proxy let WebSockets through to /agent?"));
    }

 private:
    void done(Finding finding) {
        if (!finding_) finding_ = std::move(finding);
        loop_.stop();
    }
    Patient& patient_;
    AsioLoop loop_;
    Timer timer_;
    std::optional<Finding> finding_;
    std::unique_ptr<livekit::Worker> worker_;
};

Finding try_worker(Patient& patient) {
    auto server = patient.env.server();
    if (!server) return Finding::failed(server.error());
    return Registration(patient).run(std::move(*server));
}

}  // namespace

void plan_keys(Checkup& checkup, Patient& patient) {
    checkup.plan("key", "key accepted", {"credentials", "server"}, [&] { return try_key(patient); });
    for (const auto& trial : kTrials) checkup.plan(trial.id, trial.title, {"key"}, [&] { return try_grant(patient, trial); });
    checkup.plan("join", "callers may join", {"key"}, [&] { return try_join(patient); });
    checkup.plan("worker", "agents may register", {"key"}, [&] { return try_worker(patient); });
}

}  // namespace voicectl::commands
