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
/// Address and token; NotFound for a room that is not there, unless --create makes it.
Result<LiveOptions> join_entry(const RoomJoinOptions& options, Env& env);

}  // namespace voicectl::commands
