// The latest turns of a call as front-ends ask for them: JSON in the form that they know from livekit-agents. One
// owner, on the loop.
#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <string>

#include "voicectl/store/store.h"

namespace voicectl::agent {

class ConversationRecord {
 public:
    void add(const store::Turn& turn);
    /// {"items": […]}, the oldest first; of a long call the latest that go into `limit` bytes.
    nlohmann::json items(std::size_t limit) const;

 private:
    std::deque<nlohmann::json> items_;
};

/// A turn as one item: {"id", "type": "message", "role", "content": [text], "interrupted", "created_at"}.
nlohmann::json to_chat_item(const store::Turn& turn);
/// A turn as a data packet on topic `transcript`, at most `limit` bytes: the fields of `transcript export --format
/// json`, and "truncated" when its text had to be cut.
std::string to_transcript_packet(const store::Turn& turn, std::size_t limit);

}  // namespace voicectl::agent
