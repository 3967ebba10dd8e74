// Where webhook deliveries of ours go, and what an answer means. Values, any thread.
#pragma once

#include <chrono>
#include <string>

#include "voicectl/net/http.h"

namespace voicectl::commands {

/// Usage for what no delivery can be sent to.
Result<void> check_target(const std::string& url);

/// A target as flags name it: a URL, or @FILE that holds one.
Result<std::string> read_target(const std::string& given);

/// The address as it may be shown: without login and query.
std::string shown_target(const std::string& url);

net::HttpRequest delivery_request(const std::string& url, const std::string& authorization, const std::string& content_type, const std::string& body,
                                  std::chrono::milliseconds limit);

enum class Answer {
    Delivered,  // 2xx
    Again,      // 429 and 5xx but 501, as LiveKit has it
    Gone,       // 410: this receiver wants no more
    Refused,    // everything else, redirects among it: they are never followed
};
Answer answer_of(int status);
/// Why a delivery was not one: "it answered 302, and redirects are not followed".
std::string answer_words(int status);

}  // namespace voicectl::commands
