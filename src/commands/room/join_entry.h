// How room join comes into the room: with a token that was given, or one minted for just what is asked.
#pragma once

#include "commands/room/join.h"
#include "commands/room/live_room.h"

namespace voicectl::commands {

/// Usage for flags that contradict each other; nothing is asked of anyone.
Result<void> check_join(const RoomJoinOptions& options);
Result<rtc::Subscribe> join_subscription(const RoomJoinOptions& options);
/// The least that what is asked needs.
Result<livekit::Claims> join_claims(const RoomJoinOptions& options);
/// Who would come where, with what rights.
struct JoinPlan {
    livekit::Claims claims;
    std::string token;     // the one that was given; empty: to be minted
    bool creates = false;  // the room is not there, and --create makes it
};
/// Asks the server, changes nothing. NotFound for a room that is not there, unless --create makes it; Auth, naming the
/// grant, for a token that forbids what is asked.
Result<JoinPlan> plan_join(const RoomJoinOptions& options, Env& env);
/// Address and token, the room made where that was planned.
Result<LiveOptions> join_entry(const JoinPlan& plan, const RoomJoinOptions& options, Env& env);
/// What the token's grants forbid of what is asked, and by which grant; empty: nothing.
std::vector<std::string> forbidden(const RoomJoinOptions& options, const livekit::Claims& claims);

}  // namespace voicectl::commands
