// Where the server, the key and its secret come from: flags, environment, profiles. Read on demand; values.
//
// Order: flags; a profile named by --profile; LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET; the profile in
// VOICECTL_PROFILE or the default one. Profiles stand in config.yaml; projects of LiveKit's own `lk` count as
// profiles where ours has none of that name. Key and secret are a pair: a secret that stands beside another
// key is not taken.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/base/result.h"

namespace voicectl::commands {

using Getenv = std::function<std::optional<std::string>(const std::string&)>;

struct Profile {
    std::string name, url, api_key, api_secret, api_secret_file;
    bool needs_name = false;  // `protected: true`: changes ask for the profile's name
    std::string file;         // where it stands
    bool of_lk = false;

    bool operator==(const Profile&) const = default;
};

struct ConfigFile {
    std::string path;
    bool there = false;
    std::string default_profile;
    bool require_profile = false;  // no command without a profile named by flag or VOICECTL_PROFILE
    std::vector<Profile> profiles; // sorted by name
};

/// --config, VOICECTL_CONFIG, $XDG_CONFIG_HOME/voicectl/config.yaml, ~/.config/voicectl/config.yaml.
std::string config_path(const std::string& flag, const Getenv& getenv);
/// ~/.livekit/cli-config.yaml, and for tests whatever HOME says.
std::string lk_config_path(const Getenv& getenv);

/// An absent file is an empty one. Config, with file, line and key: unknown keys, wrong types, secrets in a
/// file that others may read.
Result<ConfigFile> read_config(const std::string& path);
/// `lk`'s own file as it is; its default project is our default_profile.
Result<ConfigFile> read_lk_config(const std::string& path);
/// 0600, written beside and renamed over. Comments of the old file are not kept.
Result<void> write_config(const ConfigFile& config);

/// Config: the default names no profile, or one lacks what a server needs. What every command can do without.
Result<void> check_profiles(const ConfigFile& ours, const ConfigFile& lk);
/// Usage for what no profile can have: a URL that is none, control characters.
Result<void> check_profile(const Profile& profile);

struct Setting {
    std::string value;
    std::string origin;  // "--url", "LIVEKIT_URL", "profile staging (/path/config.yaml)"; empty: not given
};

struct GivenServer {  // what the flags say
    std::string profile, config, url, api_key, api_secret, api_secret_file;
    bool may_lack_profile = false;  // not of a flag: who only shows settings is not held up by require_profile
};

struct ServerSettings {
    Setting url, key, secret;
    std::string secret_file;  // to be read; `secret.value` is empty then
    std::optional<Profile> profile;  // the one in use, though perhaps for no value
    std::string profile_origin;      // "--profile", "VOICECTL_PROFILE", "default of …"
    std::vector<std::string> warnings;  // files of others that are wrong, and not needed
};

/// Config files are read only when flags and environment leave something open. NotFound for a profile that
/// is named and nowhere.
Result<ServerSettings> find_settings(const GivenServer& given, const Getenv& getenv);

struct Profiles {
    std::vector<Profile> all;  // ours before those of `lk`
    std::string default_name;  // ours, else that of `lk`
    std::vector<std::string> warnings;
};
Result<Profiles> read_profiles(const GivenServer& given, const Getenv& getenv);
/// All profiles there are, ours before those of `lk`.
Result<std::vector<Profile>> all_profiles(const GivenServer& given, const Getenv& getenv);

}  // namespace voicectl::commands
