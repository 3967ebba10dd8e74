// Strict reading of a provider's options: the first thing wrong becomes the fault, keys nobody asked for
// are wrong too. One object per mapping, on the stack of build().
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/speech/providers.h"

namespace voicectl::speech {

class OptionReader {
 public:
    /// `prefix` is put before keys in faults, for example "rules[2]."; `options` outlives the reader.
    explicit OptionReader(const nlohmann::json& options, std::string prefix = {});

    std::optional<std::string> text(const std::string& key);
    std::string text(const std::string& key, const std::string& fallback);
    /// One of `allowed`; the first is the default.
    std::string choice(const std::string& key, const std::vector<std::string>& allowed);
    double number(const std::string& key, double fallback, double low, double high);
    std::optional<double> number(const std::string& key, double low, double high);
    int integer(const std::string& key, int fallback, int low, int high);
    std::optional<int> integer(const std::string& key, int low, int high);
    bool flag(const std::string& key, bool fallback);
    std::vector<std::string> texts(const std::string& key);
    /// The value as it is; null when absent.
    const nlohmann::json* raw(const std::string& key);

    /// Only the first fault is kept.
    void fault(const std::string& key, std::string message, std::string hint = {});
    /// Call when every known key has been read.
    std::optional<OptionFault> finish();

 private:
    const nlohmann::json* find(const std::string& key);
    const nlohmann::json& options_;
    std::string prefix_;
    std::vector<std::string> known_;
    std::optional<OptionFault> fault_;
};

/// A fault of the stage as a whole, from an error met while building it.
inline std::unexpected<OptionFault> fault_of(Error error, std::string key = {}) {
    return std::unexpected(OptionFault{std::move(key), std::move(error.message), std::move(error.hint)});
}

/// Relative paths are relative to the context's base folder.
std::string resolve_path(const std::string& path, const ProviderContext& context);

}  // namespace voicectl::speech
