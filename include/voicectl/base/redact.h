// What must never be seen: secrets and more than a glimpse of what people say. Any thread.
//
// Secrets of this process (API secret, provider keys) are registered once, where they are read; every
// log line, error and trace goes through redact() on its way out, so that text echoed by a server (a
// 401 of LiveKit repeats the whole token) is caught wherever it surfaces.
#pragma once

#include <string>
#include <string_view>

namespace voicectl {

/// Replaced by *** from now on in everything redact() sees, also in its percent-encoded and JSON-escaped
/// forms. Shorter than 6 characters: ignored, or
/// ordinary words would vanish.
void register_secret(std::string_view secret);

/// Masks registered secrets, JWTs, bearer and token headers, access_token parameters, `turn_password`
/// and `turnPassword` values.
std::string redact(std::string_view text);

/// --show-secrets: fields of results that hold secrets (storage keys, turnPassword) are printed as they are
/// from now on. What goes to stderr and to logs stays masked.
void show_secrets();
bool secrets_shown();

/// Speech for a log line: at most `limit` characters (not bytes), control characters escaped, with "…"
/// when cut. The default is what logs at INFO may show.
std::string cut_speech(std::string_view text, std::size_t limit = 50);

}  // namespace voicectl
