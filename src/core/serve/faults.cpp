#include "handlers.h"

namespace voicectl::serve {
namespace {

int status_of(Errc code) {
    switch (code) {
        case Errc::Usage: return 400;
        case Errc::Auth: return 401;
        case Errc::NotFound: return 404;
        case Errc::Conflict: return 409;
        case Errc::Rejected: return 422;
        case Errc::Protocol: return 502;
        case Errc::Unreachable: return 503;
        case Errc::Timeout: return 504;
        default: return 500;
    }
}

const char* type_of(int status) {
    switch (status) {
        case 400: return "BAD_REQUEST";
        case 401: return "UNAUTHORIZED";
        case 403: return "FORBIDDEN";
        case 404: return "NOT_FOUND";
        case 405: return "METHOD_NOT_ALLOWED";
        case 409: return "CONFLICT";
        case 413: return "PAYLOAD_TOO_LARGE";
        case 415: return "UNSUPPORTED_MEDIA_TYPE";
        case 422: return "UNPROCESSABLE";
        case 425: return "TOO_EARLY";
        case 426: return "UPGRADE_REQUIRED";
        case 429: return "TOO_MANY_REQUESTS";
        case 501: return "NOT_CONFIGURED";
        case 502: return "BAD_GATEWAY";
        case 503: return "UNAVAILABLE";
        case 504: return "TIMEOUT";
        default: return "INTERNAL";
    }
}

}  // namespace

Fault::Fault(Error what) : status(status_of(what.code)), error(std::move(what)) {}

// What went wrong in here (paths, addresses) is the operator's to read, in the log.
nlohmann::ordered_json fault_json(const Fault& fault, const std::string& request_id) {
    const bool ours = fault.status >= 500 && fault.status != 501;
    const auto message = !ours ? fault.error.message : fault.status == 500 ? "something went wrong here" : fault.status == 502 ? "a service behind this one gave no usable answer"
                             : fault.status == 504 ? "a service behind this one took too long" : "this is not possible at the moment";
    const auto hint = !ours ? fault.error.hint : "the log has more under this request's id; asking again later may help";
    nlohmann::ordered_json error{{"type", type_of(fault.status)}, {"message", message}};
    if (!hint.empty()) error["hint"] = hint;
    error["requestId"] = request_id;
    return {{"ok", false}, {"error", std::move(error)}};
}

}  // namespace voicectl::serve
