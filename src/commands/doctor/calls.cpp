// Does a call work: media, agents, recordings. In rooms that are gone afterwards.
#include "commands/call/recording.h"
#include "commands/dispatch/agent_wait.h"
#include "commands/doctor/patient.h"
#include "voicectl/base/text.h"
#include "voicectl/e2e/media_probe.h"

namespace voicectl::commands {
namespace {

constexpr std::chrono::seconds kMediaTime{15};
constexpr std::chrono::seconds kEgressTime{30};  // without a worker the answer takes 21 to 24 s

std::string way_of(const std::string& path) {
    if (path.empty()) return {};
    return path == "relay" ? ", through a TURN server" : fmt::format(", over {}", path == "udp" ? "UDP" : "TCP");
}

// Only what makes rooms asks; the rest of the checkup changes nothing.
Finding if_agreed(Patient& patient, const std::function<Finding()>& look) {
    if (const auto settings = patient.env.settings(); !settings) return Finding::failed(settings.error());
    const auto agreed = patient.consent();
    if (agreed) return look();
    const auto& [message, hint] = std::pair(agreed.error().message, agreed.error().hint);
    return Finding::skipped(hint.empty() ? message : fmt::format("{}; {}", message, hint));
}

Finding try_media(Patient& patient) {
    const auto server = patient.env.server();
    if (!server) return Finding::failed(server.error());
    const auto room = ThrowawayRoom::create(patient);
    if (!room) return Finding::failed(room.error());
    const auto heard = e2e::probe_media(*server, (*room)->name(), kMediaTime, patient.interrupt.token());
    if (!heard) {
        const auto hint = heard.error().code == Errc::Timeout || heard.error().code == Errc::Unreachable
                              ? "are the server's UDP ports and its TCP port open towards this machine, and is rtc.node_ip an address that it can reach?"
                              : "";
        return Finding::failed(heard.error(), heard.error().hint.empty() ? hint : heard.error().hint);
    }
    const auto seen = fmt::format("two joined in {}, a tone was heard {} after it was played, {:.0f} dBFS{}", format_duration(heard->joined_after),
                                  format_duration(heard->heard_after), heard->level_dbfs, way_of(heard->path));
    Json figures{{"joinMs", heard->joined_after.count()},
                 {"heardMs", heard->heard_after.count()},
                 {"levelDbfs", heard->level_dbfs},
                 {"purity", heard->purity},
                 {"path", heard->path.empty() ? Json() : Json(heard->path)}};
    if (heard->path != "tcp") return Finding::ok(seen, std::move(figures));
    auto finding = Finding::warning(seen, "media over TCP stutter as soon as a packet is lost: open the server's UDP port (rtc.udp_port, or the range) towards this machine");
    finding.evidence = std::move(figures);
    return finding;
}

Finding look_for_redis(Patient& patient) {
    auto twirp = patient.twirp();
    if (!twirp) return Finding::failed(twirp.error());
    const auto listed = livekit::EgressApi(*twirp).list({});
    if (listed) return Finding::ok("the server has one");
    if (!livekit::lacks_redis(listed.error())) return Finding::failed(listed.error());
    return Finding::warning("the server has none: no recordings, no ingress, no SIP, one node only", "set redis.address in the server's configuration, the same as of the egress service");
}

Finding make_recording(Patient& patient) {
    const auto server = patient.env.server();
    if (!server) return Finding::failed(server.error());
    const auto room = ThrowawayRoom::create(patient);
    if (!room) return Finding::failed(room.error());
    auto request = recording_request("auto", (*room)->name(), patient.env.getenv());
    if (!request) return Finding::failed(request.error());
    auto twirp = patient.env.new_twirp(*server, kEgressTime);
    const auto started = start_recording(twirp, *request);
    if (!started) return Finding::failed(started.error());
    (void)livekit::EgressApi(twirp).stop(started->egress_id());  // it ends with the room, at the latest
    return Finding::ok(fmt::format("a worker took {} (to {})", started->egress_id(), recording_place(*request)), {{"egressId", started->egress_id()}});
}

Finding try_egress(Patient& patient) {
    if (!patient.options.egress) return Finding::skipped("only a recording proves a worker; --egress makes one");
    return if_agreed(patient, [&patient] { return make_recording(patient); });
}

Finding try_agent(Patient& patient, const std::string& name) {
    const auto limit = parse_duration(patient.options.agent_wait);
    auto twirp = patient.twirp();
    if (!limit || !twirp) return Finding::failed(limit ? twirp.error() : limit.error());
    const auto room = ThrowawayRoom::create(patient);
    if (!room) return Finding::failed(room.error());
    livekit::proto::CreateAgentDispatchRequest request;
    request.set_room((*room)->name());
    request.set_agent_name(name);
    const auto begun = Clock::now();
    const auto dispatch = livekit::DispatchApi(*twirp).create(request);
    if (!dispatch) return Finding::failed(dispatch.error());
    AgentWait wait{(*room)->name(), name, dispatch->id(), *limit, {}};
    wait.interrupt = &patient.interrupt;
    const auto came = wait_for_agent(patient.env, *twirp, wait, begun);
    if (!came) return Finding::failed(came.error());
    return Finding::ok(fmt::format("{} joined after {}", terminal_safe(came->participant.identity()), format_duration(came->after)), arrival_json(*came));
}

}  // namespace

void plan_calls(Checkup& checkup, Patient& patient) {
    checkup.plan("media", "sound through the server", {"key", "core"}, [&] { return if_agreed(patient, [&] { return try_media(patient); }); });
    checkup.plan("redis", "Redis", {"key"}, [&] { return look_for_redis(patient); });
    checkup.plan("egress", "egress worker", {"key", "redis"}, [&] { return try_egress(patient); });
    if (patient.options.agents.empty()) checkup.plan("agent", "agent", {"key"}, [] { return Finding::skipped("--agent NAME dispatches one and waits for it"); });
    for (const auto& name : patient.options.agents)
        checkup.plan("agent", fmt::format("agent {}", terminal_safe(name)), {"key"},
                     [&patient, name] { return if_agreed(patient, [&] { return try_agent(patient, name); }); });
}

}  // namespace voicectl::commands
