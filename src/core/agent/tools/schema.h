// Whether a tool's arguments are what its JSON schema says (draft 7, by valijson). Schemas come from files and from MCP
// servers, arguments from models: foreign both. One owner, any thread.
#pragma once

#include <expected>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace voicectl::agent {

class ArgumentSchema {
 public:
    /// Or why it is no schema of an object, as the rest of a sentence. References outside of it are not followed; `pattern`,
    /// `patternProperties` and `format` are not checked, for their regular expressions could take any time and stack.
    static std::expected<std::unique_ptr<ArgumentSchema>, std::string> create(const nlohmann::json& schema);
    ~ArgumentSchema();
    ArgumentSchema(const ArgumentSchema&) = delete;
    ArgumentSchema& operator=(const ArgumentSchema&) = delete;

    /// "" or what is wrong with them, for the model: "city: missing".
    std::string fault_in(const nlohmann::json& arguments) const;

 private:
    struct Parsed;
    explicit ArgumentSchema(std::unique_ptr<Parsed> parsed);
    std::unique_ptr<Parsed> parsed_;
};

}  // namespace voicectl::agent
