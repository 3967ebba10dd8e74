#include "voicectl/e2e/script.h"

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <map>

#include "voicectl/base/text.h"

namespace voicectl::e2e {
namespace {

Error fault(const std::string& file, const YAML::Mark& mark, const std::string& message) {
    const auto line = mark.is_null() ? 0 : mark.line + 1;
    return {Errc::Config, fmt::format("{}:{}: {}", file, line, message), "see examples/receptionist-call.yaml"};
}

constexpr std::chrono::milliseconds kStopsWithin{1000};

/// What makes no sense of a turn; empty: nothing.
std::string nonsense_in(const ScriptTurn& turn, bool first, bool greets) {
    if (!turn.say.empty() + !turn.audio_file.empty() + turn.silence.has_value() != 1) return "a turn needs one of `say`, `audio` and `silence`";
    if (turn.silence && (turn.over || turn.pause)) return "`silence` says nothing, so it has neither `over` nor `pause`";
    if ((turn.stops || turn.goes_on) && !turn.over) return "`stops` and `goes_on` tell what the agent does when it is spoken over: they need `over`";
    if (turn.stops && turn.goes_on) return "the agent either `stops` or `goes_on`";
    if (turn.goes_on && (!turn.expect.empty() || turn.ends)) return "an agent that goes on does not answer: what it says is expected of the turn before";
    if (turn.over && turn.pause) return "`over` says when to speak, so there is no `pause`";
    if (turn.over && first && !greets) return "`over` needs something that the agent says before";
    return {};
}

Result<ScriptTurn> parse_turn(const YAML::Node& node, const std::string& file) {
    if (!node.IsMap()) return std::unexpected(fault(file, node.Mark(), "a turn must be a mapping with `say`, `audio` or `silence`"));
    ScriptTurn turn;
    const std::map<std::string, ScriptTurn::Time*> times{{"silence", &turn.silence}, {"pause", &turn.pause}, {"over", &turn.over}, {"stops", &turn.stops}};
    const std::map<std::string, bool*> flags{{"goes_on", &turn.goes_on}, {"ends", &turn.ends}};
    for (const auto& entry : node) {
        const auto key = entry.first.as<std::string>();
        if (!entry.second.IsScalar()) return std::unexpected(fault(file, entry.second.Mark(), key + " must be text"));
        const auto value = entry.second.as<std::string>();
        if (const auto time = times.find(key); time != times.end()) {
            auto read = parse_duration(value);
            if (!read) return std::unexpected(fault(file, entry.second.Mark(), key + ": " + read.error().message));
            *time->second = *read;
        } else if (const auto flag = flags.find(key); flag != flags.end()) {
            *flag->second = entry.second.as<bool>();
        } else if (key == "say") {
            turn.say = value;
        } else if (key == "expect") {
            turn.expect = value;
        } else if (key == "audio") {
            turn.audio_file = (std::filesystem::path(file).parent_path() / value).string();
        } else {
            return std::unexpected(fault(file, entry.first.Mark(),
                                         fmt::format("turns: unknown key '{}' (known: say, audio, silence, pause, over, stops, goes_on, expect, ends)", key)));
        }
    }
    if (turn.over && !turn.goes_on && !turn.stops) turn.stops = kStopsWithin;
    return turn;
}

/// After all keys were read: they come in any order.
Result<void> check_turns(const Script& script, const std::vector<YAML::Mark>& marks, const std::string& file) {
    for (std::size_t i = 0; i < script.turns.size(); ++i) {
        auto wrong = nonsense_in(script.turns[i], i == 0, script.greets);
        const auto* before = i > 0 ? &script.turns[i - 1] : nullptr;
        if (wrong.empty() && before && before->ends) wrong = "the call has ended in the turn before";
        // Its words alone tell going on from stopping and saying something else.
        if (wrong.empty() && before && script.turns[i].goes_on && before->expect.empty()) wrong = "`goes_on` needs an `expect` in the turn before: all that the agent says there";
        if (wrong.empty() && before && before->goes_on && script.turns[i].over) wrong = "the turn before has no answer that could be spoken over";
        if (!wrong.empty()) return std::unexpected(fault(file, marks[i], wrong));
    }
    return {};
}

}  // namespace

Result<Script> parse_script(const std::string& yaml, const std::string& file) {
    try {
        const auto document = YAML::Load(yaml);
        if (!document.IsMap()) return std::unexpected(fault(file, document.Mark(), "must be a mapping with `turns`"));
        Script script;
        std::vector<YAML::Mark> marks;
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
                    marks.push_back(node.Mark());
                }
            } else {
                return std::unexpected(fault(file, entry.first.Mark(),
                                             key == "turns" ? "turns must be a list"
                                                            : fmt::format("unknown key '{}' (known: greeting, greets, turns)", key)));
            }
        }
        if (script.turns.empty()) return std::unexpected(fault(file, document.Mark(), "no turns"));
        VC_TRY(check_turns(script, marks, file));
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
