#include "voicectl/base/result.h"

#include <array>

namespace voicectl {
namespace {

struct Row {
    Errc code;
    int exit;
    std::string_view name;
};

constexpr std::array kTable{
    Row{Errc::Other, 1, "error"},
    Row{Errc::Usage, 2, "usage"},
    Row{Errc::Config, 2, "config"},
    Row{Errc::Rejected, 2, "rejected"},
    Row{Errc::CheckFailed, 3, "check_failed"},
    Row{Errc::Auth, 4, "auth"},
    Row{Errc::NotFound, 5, "not_found"},
    Row{Errc::Conflict, 6, "conflict"},
    Row{Errc::Unreachable, 7, "unreachable"},
    Row{Errc::Timeout, 8, "timeout"},
    Row{Errc::Partial, 9, "partial"},
    Row{Errc::Protocol, 1, "protocol"},
    Row{Errc::Io, 1, "io"},
    Row{Errc::Missing, 1, "missing"},
    Row{Errc::Cancelled, 130, "cancelled"},
    Row{Errc::Terminated, 143, "terminated"},
};

const Row& row(Errc code) {
    for (const auto& candidate : kTable)
        if (candidate.code == code) return candidate;
    return kTable.front();
}

}  // namespace

int exit_code(Errc code) { return row(code).exit; }
std::string_view to_string(Errc code) { return row(code).name; }

}  // namespace voicectl
