#include "commands/version/version.h"

#include <google/protobuf/stubs/common.h>
#include <nettle/version.h>
#include <openssl/crypto.h>

#include <boost/version.hpp>

#include "voicectl/audio/file.h"
#include "voicectl/net/http.h"
#include "voicectl/net/redis.h"
#include "voicectl/rtc/room.h"
#include "voicectl/speech/providers.h"
#include "voicectl/store/store.h"

namespace voicectl::commands {
namespace {

// What is linked tells its version at once; what commands load on demand has to be loaded for it.
std::vector<std::pair<std::string, std::string>> libraries(bool all) {
    std::vector<std::pair<std::string, std::string>> out;
    out.emplace_back("boost", fmt::format("{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100));
    out.emplace_back("nettle", fmt::format("{}.{}", nettle_version_major(), nettle_version_minor()));
    out.emplace_back("openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
    out.emplace_back("protobuf", google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION));
    out.emplace_back("sqlite", store::library_version());
    if (!all) return out;
    out.emplace_back("curl", net::HttpClient::version());
    out.emplace_back("hiredis", net::Redis::version());
    out.emplace_back("sndfile", audio::library_version());
    for (auto& one : speech::library_versions()) out.push_back(std::move(one));
    return out;
}

std::string text_of(bool all) {
    auto text = fmt::format("voicectl {}", VOICECTL_VERSION);
    const auto core = rtc::Core::find();
    text += core ? fmt::format("\nlivekit core  {} ({})", core->version, core->path)
                 : fmt::format("\nlivekit core  not there: {}", core.error().hint);
    for (const auto& [name, version] : libraries(all)) text += fmt::format("\n{:<13} {}", name, version);
    return text;
}

}  // namespace

std::string version_text() { return text_of(/*all=*/true); }

void add_version(Command root, Env& env, Run<VersionOptions> run) {
    auto command = root.add_subcommand("version", "Versions of voicectl, its libraries and LiveKit's core");
    command.footer("Examples:\n  voicectl version --all\n  voicectl version --get /livekitCore/version");
    auto options = std::make_shared<VersionOptions>();
    command.add_flag("--all", options->all, "Also the libraries that are loaded on demand, as --version does");
    on_run(command, std::move(options), env, std::move(run));
}

Result<void> run_version(const VersionOptions& options, Env& env) {
    Json value{{"version", VOICECTL_VERSION}};
    const auto core = rtc::Core::find();
    value["livekitCore"] = {{"found", core.has_value()},
                            {"version", core ? core->version : ""},
                            {"path", core ? core->path : ""}};
    value["libraries"] = Json::object();
    for (const auto& [name, version] : libraries(options.all)) value["libraries"][name] = version;
    return env.out.emit(value, text_of(options.all), VOICECTL_VERSION);
}

}  // namespace voicectl::commands
