#include "voicectl/e2e/script.h"

#include <yaml-cpp/yaml.h>

#include <filesystem>

#include "voicectl/base/text.h"

namespace voicectl::e2e {
namespace {

Error fault(const std::string& file, const YAML::Mark& mark, const std::string& message) {
    const auto line = mark.is_null() ? 0 : mark.line + 1;
    return {Errc::Config, fmt::format("{}:{}: {}", file, line, message), "see examples/receptionist-call.yaml"};
}

Result<ScriptTurn> parse_turn(const YAML::Node& node, const std::string& file) {
    if (!node.IsMap()) return std::unexpected(fault(file, node.Mark(), "a turn must be a mapping with `say` or `audio`"));
    ScriptTurn turn;
    for (const auto& entry : node) {
        const auto key = entry.first.as<std::string>();
        if (!entry.second.IsScalar()) return std::unexpected(fault(file, entry.second.Mark(), key + " must be text"));
        const auto value = entry.second.as<std::string>();
        if (key == "say") turn.say = value;
        else if (key == "expect") turn.expect = value;
        else if (key == "audio") turn.audio_file = (std::filesystem::path(file).parent_path() / value).string();
        else return std::unexpected(fault(file, entry.first.Mark(), fmt::format("turns: unknown key '{}' (known: say, audio, expect)", key)));
    }
    if (turn.say.empty() == turn.audio_file.empty())
        return std::unexpected(fault(file, node.Mark(), "a turn needs either `say` or `audio`"));
    return turn;
}

}  // namespace

Result<Script> parse_script(const std::string& yaml, const std::string& file) {
    try {
        const auto document = YAML::Load(yaml);
        if (!document.IsMap()) return std::unexpected(fault(file, document.Mark(), "must be a mapping with `turns`"));
        Script script;
        for (const auto& entry : document) {
            const auto key = entry.first.as<std::string>();
            if (key == "greeting") {
                script.greeting = entry.second.as<std::string>();
            } else if (key == "greets") {
                script.greets = entry.second.as<bool>();
            } else if (key == "turns" && entry.second.IsSequence()) {
                for (const auto& node : entry.second) {
                    VC_TRY_ASSIGN(auto turn, parse_turn(node, file));
                    script.turns.push_back(std::move(turn));
                }
            } else {
                return std::unexpected(fault(file, entry.first.Mark(),
                                             key == "turns" ? "turns must be a list"
                                                            : fmt::format("unknown key '{}' (known: greeting, greets, turns)", key)));
            }
        }
        if (script.turns.empty()) return std::unexpected(fault(file, document.Mark(), "no turns"));
        return script;
    } catch (const YAML::Exception& error) {
        return std::unexpected(fault(file, error.mark, "not readable as YAML: " + error.msg));
    }
}

Result<Script> load_script(const std::string& path) {
    VC_TRY_ASSIGN(const auto text, read_file(path, 1024 * 1024));
    return parse_script(text, path);
}

}  // namespace voicectl::e2e
