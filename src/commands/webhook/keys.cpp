#include "commands/webhook/keys.h"

#include <sys/stat.h>

#include "commands/command.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

std::string_view unquoted(std::string_view text) {
    if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front()) return text.substr(1, text.size() - 2);
    return text;
}

// "key: secret" lines. What is wrong is told by its line, for its text may be a secret.
Result<void> take_keys(const std::string& path, livekit::WebhookKeys& keys) {
    struct stat about {};
    if (stat(path.c_str(), &about) == 0 && (about.st_mode & 077) != 0)
        return fail_with_hint(Errc::Config, fmt::format("{} holds secrets and may be read by others", path), fmt::format("chmod 600 {}", path));
    VC_TRY_ASSIGN(const auto text, read_given_file(path, 1024 * 1024));
    int number = 0;
    for (const auto& raw : split(text, '\n')) {
        ++number;
        const auto line = trim(raw);
        if (line.empty() || line.front() == '#' || line == "---") continue;
        const auto colon = line.find(": ");
        const auto key = unquoted(trim(line.substr(0, colon)));
        const auto secret = colon == std::string_view::npos ? std::string_view() : unquoted(trim(line.substr(colon + 1)));
        if (key.empty() || secret.empty()) return fail_with_hint(Errc::Config, fmt::format("{}:{} is not KEY: SECRET", path, number), "write it as LiveKit's key_file");
        register_api_secret(secret);
        keys[std::string(key)] = secret;
    }
    return {};
}

}  // namespace

Result<livekit::WebhookKeys> webhook_keys(const std::string& keys_file, Env& env) {
    livekit::WebhookKeys keys;
    if (!keys_file.empty()) VC_TRY(take_keys(keys_file, keys));
    auto own = env.api_key();
    if (own) keys[own->key] = own->secret;
    // A file of keys is enough; half a pair beside it is a mistake all the same.
    if (!own && keys.empty()) return std::unexpected(std::move(own).error());
    return keys;
}

}  // namespace voicectl::commands
