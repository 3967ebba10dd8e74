#include "commands/call/metadata.h"

#include "voicectl/base/json.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kHint = "userId must be there; userId, assignmentId and scenarioId are UUIDs. --no-schema lifts this";

Result<void> check_field(const Json& metadata, const char* name, bool required) {
    const auto found = metadata.find(name);
    if (found == metadata.end()) {
        if (!required) return {};
        return fail_with_hint(Errc::Usage, fmt::format("metadata: {} is missing", name), kHint);
    }
    if (found->is_string() && is_uuid(found->get_ref<const std::string&>())) return {};
    return fail_with_hint(Errc::Usage, fmt::format("metadata: {} is no UUID: {}", name, terminal_safe(json_text(*found))),
                          kHint);
}

Result<Json> parse_object(const std::string& text) {
    auto given = Json::parse(text, nullptr, false);
    if (given.is_discarded()) return fail_with_hint(Errc::Usage, "--metadata is no JSON", "a file is named with @: --metadata @call.json");
    if (!given.is_object()) return fail(Errc::Usage, "--metadata is JSON, but no object");
    return given;
}

}  // namespace

Result<Json> call_metadata(const CallFields& fields) {
    Json out = Json::object();
    if (!fields.user.empty()) out["userId"] = fields.user;
    if (!fields.assignment.empty()) out["assignmentId"] = fields.assignment;
    if (!fields.scenario.empty()) out["scenarioId"] = fields.scenario;
    if (!trim(fields.metadata).empty()) {
        VC_TRY_ASSIGN(const auto given, parse_object(fields.metadata));
        out.merge_patch(given);
    }
    if (!fields.schema) return out;
    VC_TRY(check_field(out, "userId", true));
    VC_TRY(check_field(out, "assignmentId", false));
    VC_TRY(check_field(out, "scenarioId", false));
    return out;
}

}  // namespace voicectl::commands
