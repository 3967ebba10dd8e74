#include "commands/room/participant/update.h"

#include <array>

#include "commands/room/metadata.h"
#include "commands/room/view.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::ParticipantInfo;
using livekit::proto::ParticipantPermission;
using livekit::proto::UpdateParticipantRequest;

constexpr const char* kLong = R"(Only what is named changes; permissions that are not named stay as they are. --allow and --deny take subscribe,
publish, data, metadata (of their own), metrics and hidden; denying publish takes the participant's tracks away.
--source limits what may be published: microphone, camera, screen_share, screen_share_audio, or any.
An attribute without a value (KEY=) is removed; the server cannot clear a name or metadata once set.

Examples:
  voicectl room participant update demo ann --deny publish
  voicectl room participant update demo ann --allow publish,data --source microphone
  voicectl room participant update demo ann --metadata '{"vip":true}' --merge --attribute language=en)";

struct Permission {
    std::string_view name;
    void (ParticipantPermission::*set)(bool);
};
constexpr std::array kPermissions{Permission{"subscribe", &ParticipantPermission::set_can_subscribe},
                                  Permission{"publish", &ParticipantPermission::set_can_publish},
                                  Permission{"data", &ParticipantPermission::set_can_publish_data},
                                  Permission{"metadata", &ParticipantPermission::set_can_update_metadata},
                                  Permission{"metrics", &ParticipantPermission::set_can_subscribe_metrics},
                                  Permission{"hidden", &ParticipantPermission::set_hidden}};

Result<void> apply(const std::vector<std::string>& names, bool value, ParticipantPermission& out) {
    for (const auto& name : names) {
        const auto row = std::find_if(kPermissions.begin(), kPermissions.end(), [&](const Permission& one) { return one.name == name; });
        if (row == kPermissions.end())
            return fail_with_hint(Errc::Usage, fmt::format("there is no permission '{}'", terminal_safe(name)), "there are: subscribe, publish, data, metadata, metrics, hidden");
        (out.*row->set)(value);
    }
    return {};
}

Result<void> apply_sources(const std::vector<std::string>& sources, ParticipantPermission& out) {
    if (sources.empty()) return {};
    out.clear_can_publish_sources();
    for (const auto& name : sources) {
        if (name == "any") continue;
        std::string upper;
        for (const char c : name) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        livekit::proto::TrackSource source{};
        if (!livekit::proto::TrackSource_Parse(upper, &source) || upper == "UNKNOWN")
            return fail_with_hint(Errc::Usage, fmt::format("there is no source '{}'", terminal_safe(name)), "there are: microphone, camera, screen_share, screen_share_audio, any");
        out.add_can_publish_sources(source);
    }
    return {};
}

bool changes_permissions(const ParticipantUpdateOptions& o) { return !o.allow.empty() || !o.deny.empty() || !o.sources.empty(); }

}  // namespace

void add_participant_update(Command participant, Env& env, Run<ParticipantUpdateOptions> run) {
    auto o = std::make_shared<ParticipantUpdateOptions>();
    auto cmd = participant.add_subcommand("update", "Change name, metadata, attributes or permissions").footer(kLong);
    cmd.add_option("room", o->room, "Room name").required().type_name("ROOM");
    cmd.add_option("identity", o->identity, "Whose").required();
    cmd.add_option("--name", o->name, "Display name").type_name("TEXT");
    cmd.add_option("--metadata", o->metadata, "Metadata: text, @file or -").type_name("TEXT|@FILE|-");
    cmd.add_flag("--merge", o->merge, "Merge the metadata into what is there (RFC 7396)");
    cmd.add_option("--attribute", o->attributes, "KEY=VALUE (repeat)").one_value().type_name("KEY=VALUE");
    cmd.add_option("--allow", o->allow, "Permissions to give, comma separated").delimiter(',').one_value();
    cmd.add_option("--deny", o->deny, "Permissions to take away, comma separated").delimiter(',').one_value();
    cmd.add_option("--source", o->sources, "What may be published, comma separated").delimiter(',').one_value();
    on_run(cmd, o, env, std::move(run));
}

Result<UpdateParticipantRequest> update_request(const ParticipantUpdateOptions& o, const ParticipantInfo& now) {
    UpdateParticipantRequest request;
    request.set_room(o.room);
    request.set_identity(o.identity);
    request.set_name(o.name);
    if (o.metadata) {
        VC_TRY_ASSIGN(auto metadata, read_payload(*o.metadata));
        if (o.merge) {
            VC_TRY_ASSIGN(metadata, merge_metadata(now.metadata(), metadata));
        }
        if (metadata.empty()) return fail_with_hint(Errc::Usage, "the server cannot clear a participant's metadata", "set it to {} instead");
        request.set_metadata(metadata);
    }
    for (const auto& text : o.attributes) {
        VC_TRY_ASSIGN(const auto pair, parse_assignment(text));
        (*request.mutable_attributes())[pair.first] = pair.second;
    }
    if (!changes_permissions(o)) return request;
    auto& permission = *request.mutable_permission();
    permission = now.permission();
    VC_TRY(apply(o.allow, true, permission));
    VC_TRY(apply(o.deny, false, permission));
    VC_TRY(apply_sources(o.sources, permission));
    return request;
}

Result<void> run_participant_update(const ParticipantUpdateOptions& o, Env& env) {
    if (o.name.empty() && !o.metadata && o.attributes.empty() && !changes_permissions(o))
        return fail_with_hint(Errc::Usage, "nothing to change", "pass --name, --metadata, --attribute, --allow, --deny or --source");
    if (o.merge && !o.metadata) return fail(Errc::Usage, "--merge needs --metadata");
    ParticipantPermission scratch;  // mistakes are told before anything is asked of the server
    VC_TRY(apply(o.allow, true, scratch));
    VC_TRY(apply(o.deny, false, scratch));
    VC_TRY(apply_sources(o.sources, scratch));
    VC_TRY(env.change(fmt::format("update {} in room {}", o.identity, o.room)));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    livekit::RoomApi rooms(*twirp);
    VC_TRY_ASSIGN(const auto now, rooms.participant(o.room, o.identity));
    VC_TRY_ASSIGN(const auto request, update_request(o, now));
    if (env.global.dry_run) return env.out.emit(livekit::to_json(request), fmt::format("would update {} in room {}", terminal_safe(o.identity), terminal_safe(o.room)), o.identity);
    VC_TRY_ASSIGN(const auto after, rooms.update_participant(request));
    return env.out.emit(participant_json(after), fmt::format("updated {}", participant_line(after)), after.identity());
}

}  // namespace voicectl::commands
