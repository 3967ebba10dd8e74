// Who is signed in at the page, by random ids of 256 bits. On the loop.
#pragma once

#include <chrono>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "voicectl/base/loop.h"

namespace voicectl::serve {

class OperatorSessions {
 public:
    OperatorSessions(std::chrono::minutes life, std::chrono::minutes idle, std::size_t most) : life_(life), idle_(idle), most_(most) {}
    /// The new one's id.
    std::string begin(TimePoint now);
    /// Alive; it is no longer idle then.
    bool touch(std::string_view id, TimePoint now);
    void end(std::string_view id);
    std::size_t size() const { return entries_.size(); }

 private:
    struct Entry {
        std::string hash;
        TimePoint begun, used;
    };
    void forget(std::list<Entry>::iterator entry);

    std::chrono::minutes life_, idle_;
    std::size_t most_;
    std::list<Entry> entries_;  // last used first
    std::unordered_map<std::string, std::list<Entry>::iterator> by_hash_;  // SHA-256: how long a look-up takes says nothing about ids
};

}  // namespace voicectl::serve
