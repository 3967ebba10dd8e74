// Is what we were told complete and safe?
#include <sys/stat.h>

#include "commands/doctor/patient.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr std::size_t kShortestSecret = 32;

Finding look_at_url(Patient& patient) {
    const auto [origin, text] = patient.given_url();
    if (text.empty()) return Finding::failed("no server URL", "set LIVEKIT_URL (for example wss://voice.example.com), pass --url, or make a profile (voicectl profile add)");
    const auto url = patient.url();
    if (!url) return Finding::failed(url.error());
    return Finding::ok(fmt::format("{} from {}", terminal_safe(text), origin), {{"url", text}, {"from", origin}});
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
    const auto settings = env.settings();
    if (!settings) return Finding::failed(settings.error());
    const auto& from_key = settings->key.origin;
    const auto& from_secret = settings->secret.origin;
    if (key->secret.size() < kShortestSecret) {
        return Finding::warning(fmt::format("the API secret ({}) has {} bytes; HMAC-SHA256 wants {}", from_secret, key->secret.size(), kShortestSecret),
                                "make a new one, for example with `openssl rand -hex 32`, and put it into the server's configuration too");
    }
    if (const auto& file = settings->secret_file; !file.empty() && is_open(file))
        return Finding::warning(fmt::format("others on this machine may read {}", terminal_safe(file)), fmt::format("chmod 600 {}", terminal_safe(file)));
    return Finding::ok(fmt::format("key {} from {}, secret of {} bytes from {}", terminal_safe(key->key), from_key, key->secret.size(), from_secret),
                       {{"keyFrom", from_key}, {"secretFrom", from_secret}, {"secretBytes", key->secret.size()}});
}

Finding look_at_config_file(Patient& patient) {
    const auto config = read_config(config_path(patient.env.global.config, patient.env.getenv()));
    if (!config) return Finding::failed(config.error());
    if (!config->there) return Finding::skipped(fmt::format("there is none at {}", terminal_safe(config->path)));
    return Finding::ok(fmt::format("{}, {} profiles", terminal_safe(config->path), config->profiles.size()));
}

}  // namespace

void plan_configuration(Checkup& checkup, Patient& patient) {
    checkup.plan("url", "server URL", {}, [&] { return look_at_url(patient); });
    checkup.plan("credentials", "API key and secret", {}, [&] { return look_at_credentials(patient); });
    checkup.plan("config_file", "configuration file", {}, [&] { return look_at_config_file(patient); });
}

}  // namespace voicectl::commands
