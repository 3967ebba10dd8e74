#include "commands/settings.h"

#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "commands/env.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kLayout = "profiles: {NAME: {url, api_key, api_secret or api_secret_file, protected}}, default, require_profile";
constexpr const char* kLkLayout = "lk's layout: projects: [{name, url, api_key, api_secret}], default_project";

std::unexpected<Error> wrong(const std::string& path, const YAML::Mark& mark, const std::string& what) {
    return fail_with_hint(Errc::Config, fmt::format("{}:{}: {}", path, mark.line + 1, what), fmt::format("its layout: {}", kLayout));
}

Error of_lk(Error error) { return std::move(error).with_hint(kLkLayout); }

bool known(std::string_view key, std::initializer_list<std::string_view> keys) { return std::find(keys.begin(), keys.end(), key) != keys.end(); }

std::string text_of(const YAML::Node& node) { return node.IsDefined() && node.IsScalar() ? node.Scalar() : std::string(); }

const Profile* find(const std::vector<Profile>& profiles, const std::string& name) {
    const auto at = std::find_if(profiles.begin(), profiles.end(), [&](const Profile& one) { return one.name == name; });
    return at == profiles.end() ? nullptr : &*at;
}

Result<Profile> parse_profile(const std::string& path, const std::string& name, const YAML::Node& node) {
    if (!node.IsMap()) return wrong(path, node.Mark(), fmt::format("profile '{}' is no list of settings", name));
    Profile out{.name = name, .file = path};
    std::set<std::string> seen;
    for (const auto& entry : node) {
        const auto key = entry.first.as<std::string>();
        if (!seen.insert(key).second) return wrong(path, entry.first.Mark(), fmt::format("profiles.{}.{} stands there twice", name, key));
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
    register_api_secret(out.api_secret);
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
    if (root["default"] && !root["default"].IsScalar() && !root["default"].IsNull()) return wrong(out.path, root["default"].Mark(), "default: not the name of a profile");
    out.default_profile = root["default"] ? text_of(root["default"]) : std::string();
    if (const auto given = root["require_profile"]; given && !YAML::convert<bool>::decode(given, out.require_profile))
        return wrong(out.path, given.Mark(), "require_profile: true or false");
    const auto profiles = root["profiles"];
    if (profiles && !profiles.IsNull() && !profiles.IsMap()) return wrong(out.path, profiles.Mark(), "profiles: not a list of named profiles");
    if (!profiles || profiles.IsNull()) return {};
    for (const auto& entry : profiles) {
        VC_TRY_ASSIGN(auto profile, parse_profile(out.path, entry.first.as<std::string>(), entry.second));
        if (find(out.profiles, profile.name) != nullptr) return wrong(out.path, entry.first.Mark(), fmt::format("profile {} stands there twice", profile.name));
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
    std::error_code hidden;
    const bool there = !path.empty() && std::filesystem::exists(path, hidden);
    if (!there && (path.empty() || !hidden)) return YAML::Node();
    auto text = read_file(path, 1 << 20);
    if (!text) return fail(Errc::Config, "{}", text.error().message);
    if (const auto at = text->find('\0'); at != std::string::npos)
        return fail_with_hint(Errc::Config, fmt::format("{}:{}: a NUL byte", path, 1 + std::count(text->begin(), text->begin() + static_cast<std::ptrdiff_t>(at), '\n')), "is it a text file?");
    try {
        auto root = YAML::Load(*text);
        if (root.IsNull()) return YAML::Node(YAML::NodeType::Map);
        if (!root.IsMap()) return wrong(path, root.Mark(), "not a list of settings");
        return root;
    } catch (const YAML::Exception& error) {
        return wrong(path, error.mark, error.msg);
    }
}

std::string profile_names(const std::vector<Profile>& profiles) {
    std::vector<std::string> names;
    for (const auto& one : profiles) names.push_back(one.name);
    return names.empty() ? std::string("there is none") : fmt::format("there is {}", fmt::join(names, ", "));
}

struct Files {
    ConfigFile ours, lk;
    std::optional<Error> lk_error;  // another program's file may be wrong, for who needs nothing of it

    std::vector<std::string> warnings() const {
        if (!lk_error) return {};
        return {fmt::format("{}; no project of lk is known ({})", lk_error->message, lk_error->hint)};
    }
    std::string default_name() const { return ours.default_profile.empty() ? lk.default_profile : ours.default_profile; }
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
    if (auto lk = read_lk_config(lk_config_path(getenv))) out.lk = std::move(*lk);
    else out.lk_error = std::move(lk).error();
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
    if (name.empty() && files.ours.require_profile && given.may_lack_profile) {
        out.profile_origin = fmt::format("{} asks for one to be named", files.ours.path);
        return {};
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
    if (found == nullptr && files.lk_error) return std::unexpected(*files.lk_error);
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
    auto loaded = load(path);
    if (!loaded) return std::unexpected(of_lk(std::move(loaded).error()));
    const auto root = *loaded;
    if (!root.IsMap()) return out;
    out.there = true;
    out.default_profile = root["default_project"] ? text_of(root["default_project"]) : std::string();
    const auto projects = root["projects"];
    if (projects && !projects.IsNull() && !projects.IsSequence()) return std::unexpected(of_lk(wrong(path, projects.Mark(), "projects: not a list").error()));
    for (const auto& project : projects && projects.IsSequence() ? projects : YAML::Node(YAML::NodeType::Sequence)) {
        if (!project.IsMap() || !project["name"]) continue;
        const auto text = [&](const char* key) { return project[key] ? text_of(project[key]) : std::string(); };
        Profile profile{.name = text("name"), .url = text("url"), .api_key = text("api_key"), .api_secret = text("api_secret"), .file = path, .of_lk = true};
        register_api_secret(profile.api_secret);
        out.profiles.push_back(std::move(profile));
    }
    sort_by_name(out.profiles);
    return out;
}

Result<void> check_profile(const Profile& profile) {
    const auto control = [](const std::string& text) { return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }); };
    for (const auto& [key, value] : {std::pair{"url", profile.url}, {"api_key", profile.api_key}, {"api_secret", profile.api_secret}, {"api_secret_file", profile.api_secret_file}})
        if (control(value)) return fail_with_hint(Errc::Usage, fmt::format("{} of profile {}: it holds control characters", key, profile.name), "it is one line of text");
    if (!profile.url.empty()) VC_TRY(livekit::http_base(profile.url));
    return {};
}

Result<void> check_profiles(const ConfigFile& ours, const ConfigFile& lk) {
    const auto& name = ours.default_profile;
    if (!name.empty() && find(ours.profiles, name) == nullptr && find(lk.profiles, name) == nullptr)
        return fail_with_hint(Errc::Config, fmt::format("{}: default: there is no profile {}", ours.path, name), profile_names(ours.profiles));
    for (const auto& one : ours.profiles) {
        const auto lacks = [&](const char* what, const char* add) { return fail_with_hint(Errc::Config, fmt::format("{}: profile {} has no {}", ours.path, one.name, what), add); };
        if (one.url.empty()) return lacks("url", "add url: wss://…");
        if (one.api_key.empty()) return lacks("api_key", "add api_key: …");
        if (one.api_secret.empty() && one.api_secret_file.empty()) return lacks("secret", "add api_secret_file: /path");
        if (const auto fit = check_profile(one); !fit) return fail(Errc::Config, "{}: profile {}: {}", ours.path, one.name, fit.error().message);
    }
    return {};
}

Result<void> write_config(const ConfigFile& config) {
    if (config.path.empty()) return fail_with_hint(Errc::Usage, "no HOME, so there is no place for a configuration", "pass --config FILE, or set VOICECTL_CONFIG");
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
    // Whose default would be wanted stands in the file that is wrong.
    if (files.lk_error && !out.profile && out.profile_origin.empty() && !complete() && !given.may_lack_profile) return std::unexpected(*files.lk_error);
    out.warnings = files.warnings();
    if (named) take_environment(out, getenv);
    if (had_all && !named) out.profile.reset();  // nothing of it is used
    return out;
}

Result<Profiles> read_profiles(const GivenServer& given, const Getenv& getenv) {
    VC_TRY_ASSIGN(const auto files, read_files(given, getenv));
    return Profiles{files.all(), files.default_name(), files.warnings()};
}

Result<std::vector<Profile>> all_profiles(const GivenServer& given, const Getenv& getenv) {
    VC_TRY_ASSIGN(auto found, read_profiles(given, getenv));
    return std::move(found.all);
}

}  // namespace voicectl::commands
