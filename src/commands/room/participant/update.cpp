#include "commands/room/participant/update.h"

#include <algorithm>
#include <array>

#include "commands/room/metadata.h"
#include "commands/room/outcome.h"
#include "commands/room/view.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::proto::ParticipantInfo;
using livekit::proto::ParticipantPermission;
using livekit::proto::UpdateParticipantRequest;

constexpr const char* kRoomParticipantUpdateHelp = R"(Only what is named changes; permissions that are not named stay as they are. --allow and --deny take subscribe,
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

Result<void> apply_all(const ParticipantUpdateOptions& o, ParticipantPermission& out) {
    VC_TRY(apply(o.allow, true, out));
    VC_TRY(apply(o.deny, false, out));
    return apply_sources(o.sources, out);
}

bool changes_permissions(const ParticipantUpdateOptions& o) { return !o.allow.empty() || !o.deny.empty() || !o.sources.empty(); }

Result<void> check_choice(const ParticipantUpdateOptions& o) {
    if (!o.name && !o.metadata && o.attributes.empty() && !changes_permissions(o))
        return fail_with_hint(Errc::Usage, "nothing to change", "pass --name, --metadata, --attribute, --allow, --deny or --source");
    if (o.name && o.name->empty()) return fail_with_hint(Errc::Usage, "the server cannot clear a name", "set it to something else");
    if (o.merge && !o.metadata) return fail(Errc::Usage, "--merge needs --metadata");
    for (const auto& name : o.allow)
        if (std::find(o.deny.begin(), o.deny.end(), name) != o.deny.end())
            return fail(Errc::Usage, "--allow {} and --deny {} contradict each other", terminal_safe(name), terminal_safe(name));
    return {};
}

}  // namespace

void add_participant_update(Command participant, Env& env, Run<ParticipantUpdateOptions> run) {
    auto o = std::make_shared<ParticipantUpdateOptions>();
    auto cmd = participant.add_subcommand("update", "Change name, metadata, attributes or permissions").footer(kRoomParticipantUpdateHelp);
    cmd.add_option("room", o->room, "Room name").required().type_name("ROOM");
    cmd.add_option("identity", o->identity, "Whose").required();
    cmd.add_option("--name", o->name, "Display name").may_be_empty().type_name("TEXT");
    cmd.add_option("--metadata", o->metadata, "Metadata: text, @file or -").type_name("TEXT|@FILE|-");
    cmd.add_flag("--merge", o->merge, "Merge the metadata into what is there (RFC 7396)");
    cmd.add_option("--attribute", o->attributes, "KEY=VALUE (repeat)").one_value().type_name("KEY=VALUE");
    cmd.add_option("--allow", o->allow, "Permissions to give, comma separated").delimiter(',').one_value();
    cmd.add_option("--deny", o->deny, "Permissions to take away, comma separated").delimiter(',').one_value();
    cmd.add_option("--source", o->sources, "What may be published, comma separated").delimiter(',').one_value();
    on_run(cmd, o, env, std::move(run));
}

Result<UpdateParticipantRequest> asked_update(const ParticipantUpdateOptions& o) {
    VC_TRY(check_choice(o));
    UpdateParticipantRequest request;
    request.set_room(o.room);
    request.set_identity(o.identity);
    if (o.name) request.set_name(*o.name);
    if (o.metadata) {
        VC_TRY_ASSIGN(*request.mutable_metadata(), read_payload(*o.metadata));
        if (o.merge) VC_TRY(merge_metadata({}, request.metadata()));
        if (request.metadata().empty()) return fail_with_hint(Errc::Usage, "the server cannot clear a participant's metadata", "set it to {} instead");
    }
    VC_TRY_ASSIGN(const auto attributes, parse_pairs("--attribute", o.attributes));
    request.mutable_attributes()->insert(attributes.begin(), attributes.end());
    ParticipantPermission scratch;
    VC_TRY(apply_all(o, scratch));
    return request;
}

namespace {

Result<UpdateParticipantRequest> completed(const ParticipantUpdateOptions& o, UpdateParticipantRequest request, const ParticipantInfo& now) {
    if (o.merge) {
        VC_TRY_ASSIGN(*request.mutable_metadata(), merge_metadata(now.metadata(), request.metadata()));
    }
    if (!changes_permissions(o)) return request;
    *request.mutable_permission() = now.permission();
    VC_TRY(apply_all(o, *request.mutable_permission()));
    return request;
}

}  // namespace

Result<UpdateParticipantRequest> update_request(const ParticipantUpdateOptions& o, const ParticipantInfo& now) {
    VC_TRY_ASSIGN(auto request, asked_update(o));
    return completed(o, std::move(request), now);
}

Result<void> run_participant_update(const ParticipantUpdateOptions& o, Env& env) {
    VC_TRY_ASSIGN(auto asked, asked_update(o));
    VC_TRY(env.change(fmt::format("update {} in room {}", o.identity, o.room)));
    VC_TRY_ASSIGN(auto* twirp, env.twirp());
    livekit::RoomApi rooms(*twirp);
    VC_TRY_ASSIGN(const auto now, rooms.participant(o.room, o.identity));
    VC_TRY_ASSIGN(const auto request, completed(o, std::move(asked), now));
    if (env.global.dry_run)
        return show_dry_run(env, livekit::to_json(request), fmt::format("would update {} in room {}", terminal_safe(o.identity), terminal_safe(o.room)), o.identity);
    VC_TRY_ASSIGN(const auto after, rooms.update_participant(request));
    return env.out.emit(participant_json(after), fmt::format("updated {}", participant_line(after)), after.identity());
}

}  // namespace voicectl::commands
