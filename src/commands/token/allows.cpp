#include "commands/token/allows.h"

#include <algorithm>

namespace voicectl::commands {

using livekit::Claims;

bool may_publish(const Claims& claims) { return claims.video.room_join && claims.video.can_publish.value_or(true); }

bool may_publish(const Claims& claims, const std::string& source) {
    const auto& sources = claims.video.can_publish_sources;
    return may_publish(claims) && (sources.empty() || std::find(sources.begin(), sources.end(), source) != sources.end());
}

bool may_subscribe(const Claims& claims) { return claims.video.room_join && claims.video.can_subscribe.value_or(true); }

bool may_send_data(const Claims& claims) {
    const bool by_default = claims.video.can_publish.value_or(true);
    return claims.video.room_join && claims.video.can_publish_data.value_or(by_default);
}

}  // namespace voicectl::commands
