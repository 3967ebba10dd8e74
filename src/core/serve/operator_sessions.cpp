#include "core/serve/operator_sessions.h"

#include "voicectl/base/digest.h"
#include "voicectl/base/text.h"

namespace voicectl::serve {

std::string OperatorSessions::begin(TimePoint now) {
    constexpr std::size_t kLength = 43;  // of 62 letters: 256 bits
    if (entries_.size() >= most_ && !entries_.empty()) forget(std::prev(entries_.end()));
    auto id = random_id(kLength);
    entries_.push_front({sha256(id), now, now});
    by_hash_[entries_.front().hash] = entries_.begin();
    return id;
}

bool OperatorSessions::touch(std::string_view id, TimePoint now) {
    const auto found = by_hash_.find(sha256(id));
    if (found == by_hash_.end()) return false;
    const auto entry = found->second;
    if (now - entry->begun >= life_ || now - entry->used >= idle_) {
        forget(entry);
        return false;
    }
    entry->used = now;
    entries_.splice(entries_.begin(), entries_, entry);
    return true;
}

void OperatorSessions::end(std::string_view id) {
    if (const auto found = by_hash_.find(sha256(id)); found != by_hash_.end()) forget(found->second);
}

void OperatorSessions::forget(std::list<Entry>::iterator entry) {
    by_hash_.erase(entry->hash);
    entries_.erase(entry);
}

}  // namespace voicectl::serve
