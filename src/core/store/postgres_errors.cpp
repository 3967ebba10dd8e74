#include "core/store/postgres_errors.h"

#include <algorithm>
#include <cctype>

#include "voicectl/base/text.h"

namespace voicectl::store {
namespace {

using Kind = Failure::Kind;

constexpr std::size_t kLongestReason = 300;

// "FATAL:  28P01: password authentication failed …": five capitals and digits between colons, in every language.
std::size_t find_sqlstate(std::string_view text) {
    for (std::size_t i = 0; i + 6 < text.size(); ++i) {
        if (text[i] != ' ' || text[i + 6] != ':') continue;
        const auto code = text.substr(i + 1, 5);
        const auto is_code = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); };
        const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
        if (std::all_of(code.begin(), code.end(), is_code) && std::any_of(code.begin(), code.end(), is_digit)) return i + 1;
    }
    return text.npos;
}

// The server's own words: one line, without its LOCATION.
std::string reason_in(std::string_view message) {
    if (const auto code = find_sqlstate(message); code != message.npos) message = message.substr(code + 6);
    return plain_text(trim(message.substr(0, message.find('\n'))), kLongestReason);
}

// Several hosts are tried by libpq itself (a name with two addresses); the last says most. What it adds on lines of their
// own is advice, and half a sentence each.
bool is_advice(std::string_view line) {
    return line.starts_with("Is the server") || line.starts_with("This probably means") || line.starts_with("before or while");
}

std::string unreachable_reason(std::string_view message) {
    std::string out;
    for (const auto& line : split(trim(message), '\n'))
        if (const auto part = trim(line); !part.empty() && !is_advice(part)) out = std::string(part);
    if (const auto at = out.find(" failed: "); at != out.npos) out = out.substr(at + 9);
    return plain_text(out, kLongestReason);
}

Error refused(const std::string& shown, const std::string& database, std::string_view code, const std::string& reason) {
    const auto said = fmt::format("{} refuses: {}", shown, reason);
    if (code == "3D000")
        return {Errc::NotFound, said, fmt::format("create it: createdb --encoding=UTF8 --template=template0 {}", database.empty() ? "DATABASE" : database)};
    if (code.starts_with("28")) return {Errc::Auth, said, "check user and password in the store's address, PGPASSWORD or ~/.pgpass, and the server's pg_hba.conf"};
    if (code == "53300") return {Errc::Unreachable, said, "lower DB_POOL_SIZE and DB_MAX_OVERFLOW, or raise the server's max_connections"};
    if (code == "42501") return {Errc::Auth, said, fmt::format("as its owner: GRANT CONNECT ON DATABASE {} TO the user", database)};
    return {Errc::Unreachable, said, "the server starts or stops: try again in a moment"};
}

}  // namespace

Failure connect_failure(const std::string& shown, const std::string& database, std::string_view message, bool needs_password) {
    if (needs_password)
        return {Kind::Final, {Errc::Auth, fmt::format("{} wants a password", shown), "give it in the store's address, in PGPASSWORD or in ~/.pgpass"}};
    const auto code = find_sqlstate(message);
    if (code != message.npos) return {Kind::Final, refused(shown, database, message.substr(code, 5), reason_in(message))};
    return {Kind::Final, {Errc::Unreachable, fmt::format("cannot reach {}: {}", shown, unreachable_reason(message)),
                          "is PostgreSQL running there? pg_isready --host=HOST --port=PORT tells"}};
}

Failure statement_failure(const std::string& shown, std::string_view code, std::string_view message) {
    const auto said = [&](std::string_view what) { return fmt::format("{} {}: {}", what, shown, plain_text(message, kLongestReason)); };
    if (code == "40001" || code == "40P01" || code == "55P03")
        return {Kind::Again, {Errc::Conflict, said("others write the same in"), "try again"}};
    if (code.starts_with("08") || code.starts_with("57P"))
        return {Kind::Lost, {Errc::Unreachable, said("lost the connection to"), "the server stops or was restarted: try again in a moment"}};
    if (code == "25006" || code == "25P02")
        return {Kind::Final, {Errc::Io, said("cannot write"), "it is read only, or a standby: name the primary, or add target_session_attrs=read-write"}};
    if (code.starts_with("53"))
        return {Kind::Final, {Errc::Io, said("cannot write"), "the server is out of disk space, memory or connections"}};
    if (code == "42501")
        return {Kind::Final, {Errc::Auth, said("not allowed in"), "as the database's owner: CREATE SCHEMA voicectl AUTHORIZATION the user"}};
    if (code == "57014") return {Kind::Final, {Errc::Timeout, said("too slow"), "the server's statement_timeout ended it"}};
    if (code == "42P01" || code == "3F000")
        return {Kind::Final, {Errc::Conflict, said("a table is missing in"), "somebody removed it: voicectl never does"}};
    if (code.starts_with("XX")) return {Kind::Final, {Errc::Io, said("damaged"), "see the server's log"}};
    return {Kind::Final, {Errc::Other, fmt::format("{}: {} ({})", shown, plain_text(message, kLongestReason), code), {}}};
}

}  // namespace voicectl::store
