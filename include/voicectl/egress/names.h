// What a recording's file is called: the path that was asked for, filled in and made safe. Values, any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "voicectl/base/result.h"
#include "voicectl/egress/plan.h"

namespace voicectl::egress {

/// What LiveKit's own egress service fills in, by what is recorded; anything else in braces stays as it is.
enum class Recorded : std::uint8_t { Room, Participant, Track };
std::vector<std::string_view> known_templates(Recorded what);

/// What templates are filled with. An empty text leaves its template as it is.
struct NameFacts {
    std::string room_name, room_id, egress_id;
    std::string publisher_identity = {}, track_id = {}, track_type = {}, track_source = {};
    int retry = 0;
    std::chrono::system_clock::time_point at = {};  // {time} is this machine's own, {utc} is UTC
};

/// Of `plan.path`; the default name when that is empty or ends in '/', the ending of the form, no part that is "..", no part
/// too long for a file system. Relative, or absolute when the request was.
std::string file_name(const Plan& plan, const NameFacts& facts);
/// The manifest's: "<egress id>.json" beside `name`.
std::string manifest_name(const std::string& name, const std::string& egress_id);
/// Where a file of this name lies: absolute. Rejected when it is outside of `root` and that is not allowed.
Result<std::string> local_path(const std::string& name, const std::string& root, bool absolute_paths);

}  // namespace voicectl::egress
