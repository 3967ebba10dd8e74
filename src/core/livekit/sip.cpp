#include <nlohmann/json.hpp>

#include "voicectl/base/json.h"
#include "voicectl/livekit/api.h"

namespace voicectl::livekit {
namespace {

constexpr std::chrono::seconds kSipMargin{2};  // for the way there and back

}  // namespace

// Older servers do not know `ringing_timeout` and give the other side 30 s: our own limit comes first then.
Result<void> SipApi::transfer(const std::string& room, const std::string& identity, const std::string& to, std::chrono::seconds ringing) {
    Claims claims;
    claims.sip_call = true;
    claims.video.room_admin = true;
    claims.video.room = room;
    const nlohmann::json request{{"room_name", room},  {"participant_identity", identity}, {"transfer_to", to},
                                 {"play_dialtone", true}, {"ringing_timeout", fmt::format("{}s", ringing.count())}};
    VC_TRY(twirp_.call_json("SIP", "TransferSIPParticipant", claims, json_text(request), ringing + kSipMargin));
    return {};
}

}  // namespace voicectl::livekit
