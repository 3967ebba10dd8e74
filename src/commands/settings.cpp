#include "commands/settings.h"

#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kLayout = "profiles: {NAME: {url, api_key, api_secret or api_secret_file, protected}}, default, require_profile";

std::unexpected<Error> wrong(const std::string& path, const YAML::Mark& mark, const std::string& what) {
    return fail_with_hint(Errc::Config, fmt::format("{}:{}: {}", path, mark.line + 1, what), fmt::format("its layout: {}", kLayout));
}

bool known(std::string_view key, std::initializer_list<std::string_view> keys) { return std::find(keys.begin(), keys.end(), key) != keys.end(); }

std::string text_of(const YAML::Node& node) { return node.IsDefined() && node.IsScalar() ? node.Scalar() : std::string(); }

Result<Profile> parse_profile(const std::string& path, const std::string& name, const YAML::Node& node) {
    if (!node.IsMap()) return wrong(path, node.Mark(), fmt::format("profile '{}' is no list of settings", name));
    Profile out{.name = name, .file = path};
    for (const auto& entry : node) {
        const auto key = entry.first.as<std::string>();
        if (!known(key, {"url", "api_key", "api_secret", "api_secret_file", "protected"}))
            return wrong(path, entry.first.Mark(), fmt::format("profiles.{}.{}: there is no such setting", name, key));
        if (!entry.second.IsScalar()) return wrong(path, entry.second.Mark(), fmt::format("profiles.{}.{}: not a text", name, key));
    }
    out.url = text_of(node["url"]);
    out.api_key = text_of(node["api_key"]);
    out.api_secret = text_of(node["api_secret"]);
    out.api_secret_file = text_of(node["api_secret_file"]);
    if (const auto given = node["protected"]; given && !YAML::convert<bool>::decode(given, out.needs_name))
        return wrong(path, given.Mark(), fmt::format("profiles.{}.protected: true or false", name));
    register_secret(out.api_secret);
    return out;
}

Result<void> check_mode(const std::string& path, const std::vector<Profile>& profiles) {
    if (std::none_of(profiles.begin(), profiles.end(), [](const Profile& one) { return !one.api_secret.empty(); })) return {};
    struct stat info{};
    if (stat(path.c_str(), &info) != 0 || (info.st_mode & 077) == 0) return {};
    return fail_with_hint(Errc::Config, fmt::format("{} holds secrets and others may read it (mode {:04o})", path, info.st_mode & 07777U),
                          fmt::format("chmod 600 {}", path));
}

Result<void> fill_unguarded(ConfigFile& out, const YAML::Node& root) {
    for (const auto& entry : root) {
        const auto key = entry.first.as<std::string>();
        if (!known(key, {"profiles", "default", "require_profile"})) return wrong(out.path, entry.first.Mark(), fmt::format("{}: there is no such setting", key));
    }
    out.default_profile = root["default"] ? text_of(root["default"]) : std::string();
    if (const auto given = root["require_profile"]; given && !YAML::convert<bool>::decode(given, out.require_profile))
        return wrong(out.path, given.Mark(), "require_profile: true or false");
    const auto profiles = root["profiles"];
    if (profiles && !profiles.IsNull() && !profiles.IsMap()) return wrong(out.path, profiles.Mark(), "profiles: not a list of named profiles");
    if (!profiles || profiles.IsNull()) return {};
    for (const auto& entry : profiles) {
        VC_TRY_ASSIGN(auto profile, parse_profile(out.path, entry.first.as<std::string>(), entry.second));
        out.profiles.push_back(std::move(profile));
    }
    return {};
}

Result<void> fill(ConfigFile& out, const YAML::Node& root) {
    try {
        return fill_unguarded(out, root);
    } catch (const YAML::Exception& error) {  // a key that is no text, for one
        return wrong(out.path, error.mark, error.msg);
    }
}

void sort_by_name(std::vector<Profile>& profiles) {
    std::sort(profiles.begin(), profiles.end(), [](const Profile& a, const Profile& b) { return a.name < b.name; });
}

/// The file's root; a null node when there is no file.
Result<YAML::Node> load(const std::string& path) {
    std::error_code ignored;
    if (path.empty() || !std::filesystem::exists(path, ignored)) return YAML::Node();
    VC_TRY_ASSIGN(const auto text, read_file(path, 1 << 20));
    try {
        auto root = YAML::Load(text);
        if (root.IsNull()) return YAML::Node(YAML::NodeType::Map);
        if (!root.IsMap()) return wrong(path, root.Mark(), "not a list of settings");
        return root;
    } catch (const YAML::Exception& error) {
        return wrong(path, error.mark, error.msg);
    }
}

const Profile* find(const std::vector<Profile>& profiles, const std::string& name) {
    const auto at = std::find_if(profiles.begin(), profiles.end(), [&](const Profile& one) { return one.name == name; });
    return at == profiles.end() ? nullptr : &*at;
}

std::string profile_names(const std::vector<Profile>& profiles) {
    std::vector<std::string> names;
    for (const auto& one : profiles) names.push_back(one.name);
    return names.empty() ? std::string("there is none") : fmt::format("there is {}", fmt::join(names, ", "));
}

struct Files {
    ConfigFile ours, lk;

    std::vector<Profile> all() const {
        auto out = ours.profiles;
        for (const auto& one : lk.profiles)
            if (find(ours.profiles, one.name) == nullptr) out.push_back(one);
        return out;
    }
};

Result<Files> read_files(const GivenServer& given, const Getenv& getenv) {
    Files out;
    const auto path = config_path(given.config, getenv);
    VC_TRY_ASSIGN(out.ours, read_config(path));
    if (!given.config.empty() && !out.ours.there) return fail(Errc::Usage, "--config {}: there is no such file", path);
    VC_TRY_ASSIGN(out.lk, read_lk_config(lk_config_path(getenv)));
    return out;
}

/// The profile in use, and who chose it.
Result<void> choose_profile(const GivenServer& given, const Getenv& getenv, const Files& files, ServerSettings& out) {
    std::string name = given.profile;
    out.profile_origin = "--profile";
    if (name.empty()) {
        name = getenv("VOICECTL_PROFILE").value_or("");
        out.profile_origin = "VOICECTL_PROFILE";
    }
    if (name.empty() && files.ours.require_profile) {
        return fail_with_hint(Errc::Usage, fmt::format("{} asks for a profile to be named", files.ours.path), "pass --profile NAME, or set VOICECTL_PROFILE");
    }
    for (const auto* file : {&files.ours, &files.lk}) {
        if (!name.empty() || file->default_profile.empty()) continue;
        name = file->default_profile;
        out.profile_origin = fmt::format("default of {}", file->path);
    }
    if (name.empty()) {
        out.profile_origin.clear();
        return {};
    }
    const auto all = files.all();
    const auto* found = find(all, name);
    if (found == nullptr) {
        return fail_with_hint(Errc::NotFound, fmt::format("there is no profile '{}' ({})", terminal_safe(name), out.profile_origin),
                              fmt::format("{}; voicectl profile add {} makes it", profile_names(all), terminal_safe(name)));
    }
    out.profile = *found;
    return {};
}

void take_profile(ServerSettings& out) {
    const auto& profile = *out.profile;
    const auto origin = fmt::format("profile {} ({})", profile.name, profile.file);
    if (out.url.value.empty() && !profile.url.empty()) out.url = {profile.url, origin};
    const bool its_key = out.key.value.empty() || out.key.value == profile.api_key;
    if (out.key.value.empty() && !profile.api_key.empty()) out.key = {profile.api_key, origin};
    if (!its_key || !out.secret.origin.empty()) return;
    if (profile.api_secret.empty() && profile.api_secret_file.empty()) return;
    out.secret = {profile.api_secret, origin};
    out.secret_file = profile.api_secret.empty() ? profile.api_secret_file : std::string();
}

void take_environment(ServerSettings& out, const Getenv& getenv) {
    const auto take = [&](Setting& setting, const char* name) {
        if (setting.origin.empty())
            if (const auto value = getenv(name)) setting = {*value, name};
    };
    take(out.url, "LIVEKIT_URL");
    take(out.key, "LIVEKIT_API_KEY");
    const auto its_key = getenv("LIVEKIT_API_KEY");
    if (out.key.origin == "--api-key" || !its_key || *its_key == out.key.value) take(out.secret, "LIVEKIT_API_SECRET");
}

}  // namespace

std::string config_path(const std::string& flag, const Getenv& getenv) {
    if (!flag.empty()) return flag;
    if (const auto given = getenv("VOICECTL_CONFIG")) return *given;
    if (const auto base = getenv("XDG_CONFIG_HOME")) return *base + "/voicectl/config.yaml";
    const auto home = getenv("HOME");
    return home ? *home + "/.config/voicectl/config.yaml" : std::string();
}

std::string lk_config_path(const Getenv& getenv) {
    const auto home = getenv("HOME");
    return home ? *home + "/.livekit/cli-config.yaml" : std::string();
}

Result<ConfigFile> read_config(const std::string& path) {
    ConfigFile out;
    out.path = path;
    VC_TRY_ASSIGN(const auto root, load(path));
    if (!root.IsMap()) return out;
    out.there = true;
    VC_TRY(fill(out, root));
    VC_TRY(check_mode(path, out.profiles));
    sort_by_name(out.profiles);
    return out;
}

Result<ConfigFile> read_lk_config(const std::string& path) {
    ConfigFile out;
    out.path = path;
    VC_TRY_ASSIGN(const auto root, load(path));
    if (!root.IsMap()) return out;
    out.there = true;
    out.default_profile = root["default_project"] ? text_of(root["default_project"]) : std::string();
    for (const auto& project : root["projects"] ? root["projects"] : YAML::Node(YAML::NodeType::Sequence)) {
        if (!project.IsMap() || !project["name"]) continue;
        const auto text = [&](const char* key) { return project[key] ? text_of(project[key]) : std::string(); };
        Profile profile{.name = text("name"), .url = text("url"), .api_key = text("api_key"), .api_secret = text("api_secret"), .file = path, .of_lk = true};
        register_secret(profile.api_secret);
        out.profiles.push_back(std::move(profile));
    }
    sort_by_name(out.profiles);
    return out;
}

Result<void> write_config(const ConfigFile& config) {
    YAML::Emitter out;
    out << YAML::BeginMap;
    if (!config.default_profile.empty()) out << YAML::Key << "default" << YAML::Value << config.default_profile;
    if (config.require_profile) out << YAML::Key << "require_profile" << YAML::Value << true;
    out << YAML::Key << "profiles" << YAML::Value << YAML::BeginMap;
    for (const auto& one : config.profiles) {
        out << YAML::Key << one.name << YAML::Value << YAML::BeginMap;
        for (const auto& [key, value] : {std::pair{"url", one.url}, {"api_key", one.api_key}, {"api_secret", one.api_secret}, {"api_secret_file", one.api_secret_file}})
            if (!value.empty()) out << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << value;
        if (one.needs_name) out << YAML::Key << "protected" << YAML::Value << true;
        out << YAML::EndMap;
    }
    out << YAML::EndMap << YAML::EndMap;
    std::error_code error;
    const auto folder = std::filesystem::path(config.path).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder, error);
    if (error) return fail(Errc::Io, "cannot make {}: {}", folder.string(), error.message());
    return write_file_atomically(config.path, std::string(out.c_str()) + "\n", 0600);
}

Result<ServerSettings> find_settings(const GivenServer& given, const Getenv& getenv) {
    ServerSettings out;
    if (!given.url.empty()) out.url = {given.url, "--url"};
    if (!given.api_key.empty()) out.key = {given.api_key, "--api-key"};
    if (!given.api_secret.empty()) out.secret = {given.api_secret, "--api-secret"};
    else if (!given.api_secret_file.empty()) {
        out.secret = {"", "--api-secret-file"};
        out.secret_file = given.api_secret_file;
    }
    const bool named = !given.profile.empty();
    if (!named) take_environment(out, getenv);
    const auto complete = [&] { return !out.url.value.empty() && !out.key.value.empty() && !out.secret.origin.empty(); };
    if (complete() && !named && given.config.empty() && !getenv("VOICECTL_PROFILE")) {
        // Start-up reads no file that it does not need; but a file that demands a profile must be heard.
        const auto path = config_path({}, getenv);
        std::error_code ignored;
        if (path.empty() || !std::filesystem::exists(path, ignored)) return out;
    }
    VC_TRY_ASSIGN(const auto files, read_files(given, getenv));
    const bool had_all = complete();
    auto chosen = choose_profile(given, getenv, files, out);
    // A default profile that is gone is no trouble for who needs none.
    if (!chosen && !(had_all && chosen.error().code == Errc::NotFound && out.profile_origin.starts_with("default"))) return std::unexpected(std::move(chosen).error());
    if (out.profile) take_profile(out);
    if (named) take_environment(out, getenv);
    if (had_all && !named) out.profile.reset();  // nothing of it is used
    return out;
}

Result<std::vector<Profile>> all_profiles(const GivenServer& given, const Getenv& getenv) {
    VC_TRY_ASSIGN(const auto files, read_files(given, getenv));
    return files.all();
}

}  // namespace voicectl::commands
