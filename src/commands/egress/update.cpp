#include "commands/egress/update.h"

#include "commands/egress/outputs.h"
#include "commands/egress/view.h"
#include "voicectl/base/json.h"
#include "voicectl/base/redact.h"

namespace voicectl::commands {
namespace {

using livekit::proto::EgressInfo;

constexpr const char* kEgressUpdateHelp = R"(Streams can be added to and taken from a recording that streams; a layout belongs to a room with a picture. Exit 6
when it has ended, or does not stream.

Examples:
  voicectl egress update EG_4TnDfgPmZ9xQ --layout speaker-light
  voicectl egress update EG_4TnDfgPmZ9xQ --add-url rtmps://live.example.com/app/KEY --remove-url rtmps://old.example.com/app/KEY)";

Result<livekit::proto::UpdateStreamRequest> stream_request(const EgressUpdateOptions& o) {
    livekit::proto::UpdateStreamRequest request;
    request.set_egress_id(o.id);
    for (const auto* urls : {&o.add_urls, &o.remove_urls}) {
        for (const auto& url : *urls) {
            VC_TRY_ASSIGN(const auto plan, plan_outputs({url}));  // as strict as at the start, and the key is secret
            if (plan.stream_urls.empty()) return fail_with_hint(Errc::Usage, "only streams can be added and removed", "an rtmp://, rtmps:// or srt:// URL");
        }
    }
    for (const auto& url : o.add_urls) request.add_add_output_urls(url);
    for (const auto& url : o.remove_urls) request.add_remove_output_urls(url);
    return request;
}

livekit::proto::UpdateLayoutRequest layout_request(const EgressUpdateOptions& o) {
    livekit::proto::UpdateLayoutRequest request;
    request.set_egress_id(o.id);
    request.set_layout(o.layout);
    return request;
}

Result<void> check_running(const EgressInfo& info) {
    if (!livekit::is_final(info.status())) return {};
    return fail_with_hint(Errc::Conflict, fmt::format("egress {} has ended: {}", info.egress_id(), status_name(info.status())),
                          "only one that runs can be changed; voicectl egress list --active shows those");
}

Result<void> show_requests(const EgressUpdateOptions& o, const livekit::proto::UpdateStreamRequest& streams, Env& env) {
    Json out{{"updateLayout", nullptr}, {"updateStream", nullptr}};
    if (!o.layout.empty()) out["updateLayout"] = livekit::to_json(layout_request(o));
    if (!o.add_urls.empty() || !o.remove_urls.empty()) out["updateStream"] = livekit::to_json(streams);
    const auto text = json_text(out, 2);
    out["dryRun"] = true;
    return env.out.emit(out, fmt::format("would update {}:\n{}", o.id, text), o.id);
}

}  // namespace

void add_egress_update(Command egress, Env& env, Run<EgressUpdateOptions> run) {
    auto o = std::make_shared<EgressUpdateOptions>();
    auto cmd = egress.add_subcommand("update", "Change layout or streams of a running recording").footer(kEgressUpdateHelp);
    cmd.add_option("id", o->id, "Recording, EG_…").required();
    cmd.add_option("--layout", o->layout, "New layout");
    cmd.add_option("--add-url", o->add_urls, "Stream to this URL too (repeat)").one_value().type_name("URL");
    cmd.add_option("--remove-url", o->remove_urls, "Stop streaming to this URL (repeat)").one_value().type_name("URL");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_egress_update(const EgressUpdateOptions& o, Env& env) {
    const bool streams = !o.add_urls.empty() || !o.remove_urls.empty();
    if (o.layout.empty() && !streams) return fail_with_hint(Errc::Usage, "change what?", "--layout, --add-url or --remove-url");
    VC_TRY_ASSIGN(const auto request, stream_request(o));
    if (env.global.dry_run) return show_requests(o, request, env);
    VC_TRY(env.change("change a running recording"));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    livekit::EgressApi api(*twirp);
    VC_TRY_ASSIGN(auto info, api.get(o.id));
    VC_TRY(check_running(info));
    if (streams) {
        VC_TRY_ASSIGN(info, api.update_stream(request));
    }
    if (!o.layout.empty()) {
        VC_TRY_ASSIGN(info, api.update_layout(layout_request(o)));
    }
    const auto shown = egress_json(info);
    return env.out.emit(shown, egress_text(shown), o.id);
}

}  // namespace voicectl::commands
