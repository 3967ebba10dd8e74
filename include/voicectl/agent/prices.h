// What providers ask for their work: built-in prices with the date at which they were looked up, replaced and
// extended by the agent's file (docs/agent-money.md). Values; any thread.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "voicectl/agent/money.h"
#include "voicectl/speech/speech.h"

namespace voicectl::agent {

/// Of one provider's model. What is not given is not charged for, but for tokens read from a cache or put into it: without a
/// price of their own they cost what others do.
struct Price {
    Money minute{};  // of audio heard
    Money million_input_tokens{}, million_output_tokens{}, million_characters{};
    std::optional<Money> million_cached_tokens{}, million_stored_tokens{};
    std::string date{};    // as of when, "2026-05-01"; "" for what runs on this machine
    std::string source{};  // "built in", "offline", or the file it stands in
    bool operator==(const Price&) const = default;

    Money of(const speech::Usage& usage) const;
};

class PriceList {
 public:
    /// With what is built in.
    PriceList();

    /// By "provider/model", else by "provider". `foreign`: the provider's name speaks to a server of somebody else,
    /// whose prices the built-in ones are not.
    const Price* find(const std::string& provider, const std::string& model, bool foreign = false) const;
    void set(const std::string& key, Price price) { prices_[key] = std::move(price); }

    /// A mapping from "provider/model" or "provider" to a price (see docs); `fault(key, message, hint)` for each
    /// mistake, with a key that is relative to the mapping.
    using OnFault = std::function<void(const std::string& key, std::string message, std::string hint)>;
    void read(const nlohmann::json& mapping, const std::string& source, const OnFault& fault);

 private:
    std::map<std::string, Price> prices_;
};

/// Who is asked by a stage, as its configuration has it ({"provider": …, "model": …, "base_url": …}).
struct Payee {
    std::string provider, model;
    bool foreign = false;  // another server than the provider's own
};
Payee payee_of(const nlohmann::json& stage);

}  // namespace voicectl::agent
