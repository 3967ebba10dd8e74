// Result<T>: what every call that can fail returns. Plain values, any thread.
//
// An Error carries a cause that a script can act on (Errc, mapped once to an exit code), one line that
// reads from the outside in ("dispatching agent: CreateDispatch: connection refused"), and a hint that
// says what to do next.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace voicectl {

enum class Errc {
    Other,        // exit 1
    Usage,        // exit 2: flags or input refused before anything was done
    Config,       // exit 2: a configuration file is wrong
    Rejected,     // exit 2: the server refused the input
    CheckFailed,  // exit 3: the check ran and says no
    Auth,         // exit 4
    NotFound,     // exit 5
    Conflict,     // exit 6: already there, or in the wrong state
    Unreachable,  // exit 7: no connection, or no capacity
    Timeout,      // exit 8
    Partial,      // exit 9: some items done, some not
    Protocol,     // exit 1: the other side broke its own protocol
    Io,           // exit 1: local file or device
    Missing,      // exit 1: a library or program that is needed is not installed
    Cancelled,    // exit 130: SIGINT
    Terminated,   // exit 143: SIGTERM
};

/// The one table from causes to exit codes (listed in every man page).
int exit_code(Errc code);
/// Stable lower-case name for JSON, for example "not_found".
std::string_view to_string(Errc code);

struct Error {
    Errc code = Errc::Other;
    std::string message;  // one line, no trailing dot; secrets already removed by whoever prints it
    std::string hint;     // what to do next; may be empty
    std::optional<std::chrono::milliseconds> wait = {};  // the server asks not to be asked again before (Retry-After)

    /// The same error seen from one level further out.
    Error while_doing(std::string_view what) && {
        message = fmt::format("{}: {}", what, message);
        return std::move(*this);
    }
    Error with_hint(std::string text) && {
        hint = std::move(text);
        return std::move(*this);
    }
};

template<class T>
using Result = std::expected<T, Error>;

template<class... Args>
std::unexpected<Error> fail(Errc code, fmt::format_string<Args...> text, Args&&... args) {
    return std::unexpected(Error{code, fmt::format(text, std::forward<Args>(args)...), {}});
}

/// fail() with a hint.
inline std::unexpected<Error> fail_with_hint(Errc code, std::string message, std::string hint) {
    return std::unexpected(Error{code, std::move(message), std::move(hint)});
}

}  // namespace voicectl

#define VC_CONCAT_INNER(a, b) a##b
#define VC_CONCAT(a, b) VC_CONCAT_INNER(a, b)

/// Return the error of a Result<void> (or of any Result whose value is not wanted) to the caller.
#define VC_TRY(expression)                                                                      \
    do {                                                                                        \
        if (auto vc_result = (expression); !vc_result) return std::unexpected(std::move(vc_result).error()); \
    } while (false)

/// `VC_TRY_ASSIGN(auto room, rooms.create(spec));`
#define VC_TRY_ASSIGN(declaration, expression)                                                  \
    VC_TRY_ASSIGN_INNER(VC_CONCAT(vc_result_, __LINE__), declaration, expression)
#define VC_TRY_ASSIGN_INNER(result, declaration, expression)                                    \
    auto result = (expression);                                                                 \
    if (!result) return std::unexpected(std::move(result).error());                             \
    declaration = std::move(*result)
