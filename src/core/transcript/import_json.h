// JSON of others with the lines on which its objects begin, so that an error can say where. Private to the import.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/transcript/times.h"
#include "voicectl/base/result.h"
#include "voicectl/transcript/import.h"

namespace voicectl::transcript {

/// Usage, with line and column, for what is no JSON or is nested too deeply. Objects carry their line (line_of()).
Result<nlohmann::json> parse_with_lines(std::string_view text, std::size_t first_line = 1);
/// Where the object began; 0: not known.
std::size_t line_of(const nlohmann::json& object);
/// Takes the lines out again, of it and all within it.
nlohmann::json without_lines(nlohmann::json value);

/// What was left out, and how often.
class LeftOut {
 public:
    void add(const std::string& what, std::size_t count = 1) {
        if (count > 0) counts_[what] += count;
    }
    /// Keys of `object` that are none of `known`.
    void unknown_keys(const nlohmann::json& object, std::string_view of, const std::vector<std::string_view>& known);
    std::vector<std::string> remarks() const;

 private:
    std::map<std::string, std::size_t> counts_;
};

std::unexpected<Error> at_line(std::size_t line, std::string_view what);
std::unexpected<Error> at_line(const nlohmann::json& object, std::string_view what);

/// A time given in seconds since 1970; nothing when it is none.
std::optional<store::SystemTime> time_of_seconds(const nlohmann::json& object, const char* key);

// The kinds, for import.cpp.
Result<ImportResult> parse_ours(const nlohmann::json& root, const ImportHints& hints);
Result<ImportResult> parse_our_lines(std::string_view text, const ImportHints& hints);
Result<ImportResult> parse_session_report(const nlohmann::json& root, const ImportHints& hints);
Result<ImportResult> parse_vtt(std::string_view text, const ImportHints& hints);

}  // namespace voicectl::transcript
