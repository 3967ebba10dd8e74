#include "commands/egress/stop.h"

#include <algorithm>
#include <iostream>
#include <map>

#include "commands/egress/view.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::EgressInfo;
using std::chrono::milliseconds;

constexpr const char* kEgressStopHelp = R"(A recording that has ended already (exit 6) is told apart from one that the server does not know (exit 5); with
--ignore-finished the former is no failure. --wait stays until the files are stored, and is exit 3 when that fails.
Exit 9 when only some could be stopped. --all-active needs --yes; --dry-run shows which would be stopped.

Examples:
  voicectl egress stop EG_4TnDfgPmZ9xQ --wait
  voicectl egress stop --room demo --ignore-finished
  voicectl egress list --active -o name | voicectl egress stop --stdin --wait=2m)";

struct Chosen {
    std::vector<std::string> ids;
    std::map<std::string, EgressInfo> known;  // by id
};

std::vector<std::string> lines_of_stdin() {
    std::vector<std::string> out;
    for (std::string line; std::getline(std::cin, line);)
        if (const auto id = trim(line); !id.empty()) out.emplace_back(id);
    return out;
}

// What the server knows is asked for once: it takes 3 s to say that it does not know an id, or that it has ended.
Result<Chosen> chosen(const EgressStopOptions& o, livekit::EgressApi& api) {
    Chosen out;
    out.ids = o.ids;
    if (o.from_stdin)
        for (auto& id : lines_of_stdin()) out.ids.push_back(std::move(id));
    VC_TRY_ASSIGN(const auto items, api.list({}));
    for (const auto& one : items) {
        out.known[one.egress_id()] = one;
        const bool wanted = o.all_active || (!o.room.empty() && one.room_name() == o.room);
        if (wanted && !one.egress_id().empty() && !livekit::is_final(one.status())) out.ids.push_back(one.egress_id());
    }
    std::vector<std::string> unique;
    for (auto& id : out.ids)
        if (std::find(unique.begin(), unique.end(), id) == unique.end()) unique.push_back(std::move(id));
    out.ids = std::move(unique);
    return out;
}

struct Item {
    EgressInfo info;
    std::string outcome;  // stopped, finished, failed
    std::optional<Error> error;
};

Error finished(const EgressInfo& info) {
    return {Errc::Conflict, fmt::format("egress {} has ended already: {}", info.egress_id(), status_name(info.status())),
            "--ignore-finished takes that for done"};
}

// It ended between our look and our stop.
bool ended_meanwhile(const Error& error) { return error.code == Errc::Conflict; }

Item stop_one(livekit::EgressApi& api, const Chosen& chosen, const std::string& id, bool ignore_finished) {
    Item item;
    item.info.set_egress_id(id);
    const auto known = chosen.known.find(id);
    if (known == chosen.known.end()) {
        item.outcome = "not_found";
        const auto found = api.get(id);
        item.error = found ? Error{Errc::Conflict, fmt::format("egress {} began only now", id), "stop it again"} : found.error();
        return item;
    }
    item.info = known->second;
    auto stopped = livekit::is_final(item.info.status()) ? Result<EgressInfo>(std::unexpected(finished(item.info))) : api.stop(id);
    if (stopped) {
        item.info = *stopped;
        item.outcome = "stopped";
    } else if (ended_meanwhile(stopped.error())) {
        item.outcome = "finished";
        if (auto now = api.get(id)) item.info = *now;
        // The server's record may be behind its worker: then its own words are the better ones.
        if (!ignore_finished) item.error = livekit::is_final(item.info.status()) ? finished(item.info) : stopped.error();
    } else {
        item.outcome = "failed";
        item.error = stopped.error();
    }
    return item;
}

// Aborted is what a stop before the first sound leads to: nothing was lost that had been there.
void wait_for_end(Env& env, livekit::EgressApi& api, Item& item, milliseconds limit) {
    auto done = wait_for_egress(env, api, item.info.egress_id(), {EgressWait::For::Complete, limit});
    if (auto now = api.get(item.info.egress_id())) item.info = *now;
    if (done || item.info.status() == livekit::proto::EGRESS_ABORTED) return;
    item.outcome = "failed";
    item.error = std::move(done).error();
}

Json item_json(const Item& item) {
    auto out = egress_json(item.info);
    out["outcome"] = item.outcome;
    out["errorKind"] = item.error ? Json(to_string(item.error->code)) : Json();
    out["message"] = item.error ? item.error->message : "";
    return out;
}

Result<void> report(Env& env, const std::vector<Item>& items) {
    Json shown = Json::array();
    std::vector<Error> failures;
    for (const auto& one : items) {
        shown.push_back(item_json(one));
        if (one.error) failures.push_back(*one.error);
    }
    if (!failures.empty() && failures.size() == items.size()) {
        auto error = failures.front();
        if (failures.size() > 1) error.message += fmt::format(" (and {} more failed)", failures.size() - 1);
        return std::unexpected(std::move(error));
    }
    const auto status = [](const Json& item) { return egress_columns()[2].text(item); };
    VC_TRY(env.out.emit_list("egress", shown,
                             {column("ID", "egressId"), column("ROOM", "roomName"), column("OUTCOME", "outcome"), {"STATUS", status}, column("MESSAGE", "message")},
                             "egressId"));
    if (failures.empty()) return {};
    return fail(Errc::Partial, "{} of {} recordings could not be stopped; first: {}", failures.size(), items.size(), failures.front().message);
}

Result<void> show_only(Env& env, const Chosen& chosen) {
    Json shown = Json::array();
    for (const auto& id : chosen.ids) {
        EgressInfo info;
        info.set_egress_id(id);
        auto one = egress_json(chosen.known.contains(id) ? chosen.known.at(id) : info);
        one["dryRun"] = true;
        shown.push_back(std::move(one));
    }
    return env.out.emit_list("egress", shown, {column("WOULD STOP", "egressId"), column("ROOM", "roomName")}, "egressId");
}

}  // namespace

void add_egress_stop(Command egress, Env& env, Run<EgressStopOptions> run) {
    auto o = std::make_shared<EgressStopOptions>();
    auto cmd = egress.add_subcommand("stop", "Stop recordings").footer(kEgressStopHelp);
    cmd.add_option("ids", o->ids, "Recordings, EG_…");
    cmd.add_flag("--stdin", o->from_stdin, "Also those named on standard input, one a line");
    cmd.add_option("--room", o->room, "All of this room that have not ended").type_name("ROOM");
    cmd.add_flag("--all-active", o->all_active, "All of the server that have not ended");
    cmd.add_flag("--wait{5m}", o->wait, "Until the files are stored, at most so long (=5m)");
    cmd.add_flag("--ignore-finished", o->ignore_finished, "One that has ended already is no failure");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_egress_stop(const EgressStopOptions& o, Env& env) {
    if (o.ids.empty() && !o.from_stdin && o.room.empty() && !o.all_active)
        return fail_with_hint(Errc::Usage, "which recordings?", "name them, or say --room NAME or --all-active");
    constexpr const char* kAll = "stopping all recordings of the server";
    if (o.all_active) VC_TRY(env.may_ask(kAll));
    VC_TRY_ASSIGN(const auto limit, time_of("--wait", o.wait));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    livekit::EgressApi api(*twirp);
    VC_TRY_ASSIGN(const auto chosen_ones, chosen(o, api));
    if (env.global.dry_run) return show_only(env, chosen_ones);
    if (o.all_active && !chosen_ones.ids.empty()) VC_TRY(env.confirm(fmt::format("{} ({})", kAll, chosen_ones.ids.size())));
    VC_TRY(env.change(fmt::format("stop {} recordings", chosen_ones.ids.size())));
    std::vector<Item> items;
    for (const auto& id : chosen_ones.ids) items.push_back(stop_one(api, chosen_ones, id, o.ignore_finished));
    for (auto& item : items)
        if (limit.count() > 0 && item.outcome == "stopped") wait_for_end(env, api, item, limit);
    return report(env, items);
}

}  // namespace voicectl::commands
