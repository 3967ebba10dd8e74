// voicectl room list: rooms of the server, in stable order.
#pragma once

#include <chrono>
#include <optional>

#include "commands/command.h"
#include "commands/room/pattern.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

/// Which rooms are meant; shared by `room list` and `room delete`.
struct RoomFilter {
    std::string match, older_than;
    bool empty = false;
    std::uint32_t min_participants = 0;

    bool any() const { return !match.empty() || !older_than.empty() || empty || min_participants > 0; }
};

struct RoomListOptions {
    std::vector<std::string> names;
    RoomFilter filter;
    std::string sort = "name", watch;
    std::size_t limit = 100;
    bool all = false;
};

void add_room_list(Command room, Env& env, Run<RoomListOptions> run);
Result<void> run_room_list(const RoomListOptions& options, Env& env);

/// A filter that was read once. Usage when it cannot be read.
class RoomChooser {
 public:
    static Result<RoomChooser> create(const RoomFilter& filter);
    /// Empty when the room fits; else why not: "is 2m 3s old".
    std::string why_not(const livekit::proto::Room& room, std::chrono::system_clock::time_point now) const;

 private:
    explicit RoomChooser(const RoomFilter& filter) : filter_(filter) {}
    RoomFilter filter_;
    std::chrono::milliseconds age_{-1};
    std::optional<Pattern> pattern_;
};

/// The rooms that `filter` lets through, in the order given. Usage when the filter cannot be read.
Result<std::vector<livekit::proto::Room>> filter_rooms(std::vector<livekit::proto::Room> rooms, const RoomFilter& filter,
                                                       std::chrono::system_clock::time_point now);

}  // namespace voicectl::commands
