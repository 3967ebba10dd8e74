// Whether a JSON object is what its schema says (draft 7, by valijson): what models hand to tools, what others send to
// our API. Schemas may be foreign, too. One owner, any thread.
#pragma once

#include <expected>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace voicectl {

class JsonSchema {
 public:
    /// Or why it is no schema of an object, as the rest of a sentence. References outside of it are not followed; `pattern`,
    /// `patternProperties` and `format` are not checked, for their regular expressions could take any time and stack.
    static std::expected<std::unique_ptr<JsonSchema>, std::string> create(const nlohmann::json& schema);
    ~JsonSchema();
    JsonSchema(const JsonSchema&) = delete;
    JsonSchema& operator=(const JsonSchema&) = delete;

    /// "" or what is wrong with them, for whoever sent them: "city: missing".
    std::string fault_in(const nlohmann::json& arguments) const;

 private:
    struct Parsed;
    explicit JsonSchema(std::unique_ptr<Parsed> parsed);
    std::unique_ptr<Parsed> parsed_;
};

}  // namespace voicectl
