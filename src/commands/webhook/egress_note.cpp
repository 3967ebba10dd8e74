#include "commands/webhook/egress_note.h"

#include "commands/room/metadata.h"
#include "voicectl/base/json.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {
namespace {

constexpr std::chrono::seconds kNoteTime{5};

Result<void> write_note(const livekit::Server& server, const std::string& room, const std::string& egress_id, std::stop_token stop) {
    net::HttpClient http;
    livekit::TwirpClient twirp(http, server, kNoteTime);
    twirp.stop_with(std::move(stop));
    livekit::RoomApi rooms(twirp);
    VC_TRY_ASSIGN(const auto now, rooms.get(room));
    VC_TRY_ASSIGN(const auto merged, merged_metadata(now.metadata(), Json{{"egress_id", egress_id}}));
    VC_TRY(rooms.update_metadata(room, json_text(merged)));
    return {};
}

}  // namespace

void EgressNotes::note(const std::string& room, const std::string& egress_id) {
    auto answer = lifeline_.guard([this, room](const Result<void>& done) {
        if (!done && done.error().code != Errc::NotFound && on_trouble) on_trouble(room, done.error());
    });
    workers_.post([&loop = loop_, server = server_, room, egress_id, answer, stop = stop_.get_token()]() mutable {
        loop.post([answer, done = write_note(server, room, egress_id, stop)]() mutable { answer(done); });
    });
}

}  // namespace voicectl::commands
