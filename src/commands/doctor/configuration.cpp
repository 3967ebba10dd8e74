// Is what we were told complete and safe?
#include <sys/stat.h>

#include "commands/doctor/patient.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr std::size_t kShortestSecret = 32;

Finding look_at_url(Patient& patient) {
    const auto [origin, text] = patient.given_url();
    if (text.empty()) return Finding::failed("no server URL", "set LIVEKIT_URL (for example wss://voice.example.com), or pass --url");
    const auto url = patient.url();
    if (!url) return Finding::failed(url.error());
    return Finding::ok(fmt::format("{} from {}", terminal_safe(text), origin), {{"url", text}, {"from", origin}});
}

std::string origin_of_secret(const Env& env) {
    if (!env.global.api_secret.empty()) return "--api-secret";
    if (!env.global.api_secret_file.empty()) return "--api-secret-file";
    return "LIVEKIT_API_SECRET";
}

/// Others of this machine may read it.
bool is_open(const std::string& path) {
    struct stat facts {};
    return stat(path.c_str(), &facts) == 0 && (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0;
}

Finding look_at_credentials(Patient& patient) {
    auto& env = patient.env;
    const auto key = env.api_key();
    if (!key) return Finding::failed(key.error());
    const auto from_key = env.global.api_key.empty() ? "LIVEKIT_API_KEY" : "--api-key";
    const auto from_secret = origin_of_secret(env);
    if (key->secret.size() < kShortestSecret) {
        return Finding::warning(fmt::format("the API secret ({}) has {} bytes; HMAC-SHA256 wants {}", from_secret, key->secret.size(), kShortestSecret),
                                "make a new one, for example with `openssl rand -hex 32`, and put it into the server's configuration too");
    }
    if (const auto& file = env.global.api_secret_file; !file.empty() && is_open(file))
        return Finding::warning(fmt::format("others on this machine may read {}", terminal_safe(file)), fmt::format("chmod 600 {}", terminal_safe(file)));
    return Finding::ok(fmt::format("key {} from {}, secret of {} bytes from {}", terminal_safe(key->key), from_key, key->secret.size(), from_secret),
                       {{"keyFrom", from_key}, {"secretFrom", from_secret}, {"secretBytes", key->secret.size()}});
}

Finding look_at_config_file(Patient& patient) {
    auto folder = patient.env.get("XDG_CONFIG_HOME").value_or("");
    // The XDG specification: a path that is not absolute is to be ignored.
    if (!folder.starts_with('/')) folder = patient.env.get("HOME").value_or("") + "/.config";
    const auto path = folder + "/voicectl/config.yaml";
    struct stat facts {};
    if (stat(path.c_str(), &facts) != 0) return Finding::skipped(fmt::format("there is none at {}", terminal_safe(path)));
    if (is_open(path)) return Finding::failed(fmt::format("others on this machine may read {}", terminal_safe(path)), fmt::format("chmod 600 {}", terminal_safe(path)));
    return Finding::ok(terminal_safe(path));
}

}  // namespace

void plan_configuration(Checkup& checkup, Patient& patient) {
    checkup.plan("url", "server URL", {}, [&] { return look_at_url(patient); });
    checkup.plan("credentials", "API key and secret", {}, [&] { return look_at_credentials(patient); });
    checkup.plan("config_file", "configuration file", {}, [&] { return look_at_config_file(patient); });
}

}  // namespace voicectl::commands
