// What language models made of calls.
#include "core/store/rows.h"
#include "core/store/sql_store.h"

namespace voicectl::store {
namespace {

std::optional<Assessment> assessment_of(Database& database, std::int64_t call_id, const std::string& kind) {
    auto row = database.query("SELECT text, model, made_at FROM assessments WHERE call_id = $1 AND kind = $2", call_id, kind);
    if (!row.next()) return std::nullopt;
    return Assessment{call_id, kind, row.text(0), row.text(1), row.time(2)};
}

}  // namespace

Result<void> SqlStore::save_assessment(const Assessment& assessment, bool replace) {
    return write(Lock::call(assessment.call_id), [&](Database& database) -> Result<void> {
        if (!call_by_id(database, assessment.call_id)) return no_call(assessment.call_id);
        if (replace) database.run("DELETE FROM assessments WHERE call_id = $1 AND kind = $2", assessment.call_id, assessment.kind);
        const auto kept = database.run(
            "INSERT INTO assessments (call_id, kind, text, model, made_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (call_id, kind) DO NOTHING",
            assessment.call_id, assessment.kind, assessment.text, assessment.model, assessment.made_at);
        auto same = assessment;
        same.made_at = from_column(to_column(assessment.made_at));
        if (kept > 0 || assessment_of(database, assessment.call_id, assessment.kind) == same) return {};  // the same again is no other
        return fail(Errc::Conflict, "call {} has its {} already", assessment.call_id, assessment.kind);
    });
}

Result<Assessment> SqlStore::find_assessment(std::int64_t call_id, const std::string& kind) {
    return read(Mode::Plain, [&](Database& database) -> Result<Assessment> {
        if (auto found = assessment_of(database, call_id, kind)) return *found;
        return fail(Errc::NotFound, "call {} has no {}", call_id, kind);
    });
}

}  // namespace voicectl::store
