#include "commands/version/version.h"

#include <google/protobuf/stubs/common.h>
#include <openssl/crypto.h>

#include <boost/version.hpp>

#include "voicectl/audio/file.h"
#include "voicectl/net/http.h"
#include "voicectl/rtc/room.h"
#include "voicectl/speech/providers.h"
#include "voicectl/store/store.h"

namespace voicectl::commands {
namespace {

std::vector<std::pair<std::string, std::string>> libraries() {
    std::vector<std::pair<std::string, std::string>> out;
    out.emplace_back("boost", fmt::format("{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100));
    out.emplace_back("curl", net::HttpClient::version());
    out.emplace_back("openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
    out.emplace_back("protobuf", google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION));
    out.emplace_back("sndfile", audio::library_version());
    out.emplace_back("sqlite", store::library_version());
    for (auto& one : speech::library_versions()) out.push_back(std::move(one));
    return out;
}

}  // namespace

std::string version_text() {
    auto text = fmt::format("voicectl {}", VOICECTL_VERSION);
    const auto core = rtc::Core::find();
    text += core ? fmt::format("\nlivekit core  {} ({})", core->version, core->path)
                 : fmt::format("\nlivekit core  not there: {}", core.error().hint);
    for (const auto& [name, version] : libraries()) text += fmt::format("\n{:<13} {}", name, version);
    return text;
}

void add_version(CLI::App& root, Env& env, Run<VersionOptions> run) {
    auto& command = *root.add_subcommand("version", "Versions of voicectl, its libraries and LiveKit's core");
    command.footer("Example:\n  voicectl version --get /livekitCore/version");
    on_run(command, std::make_shared<VersionOptions>(), env, std::move(run));
}

Result<void> run_version(const VersionOptions&, Env& env) {
    Json value{{"version", VOICECTL_VERSION}};
    const auto core = rtc::Core::find();
    value["livekitCore"] = {{"found", core.has_value()},
                            {"version", core ? core->version : ""},
                            {"path", core ? core->path : ""}};
    value["libraries"] = Json::object();
    for (const auto& [name, version] : libraries()) value["libraries"][name] = version;
    return env.out.emit(value, version_text(), VOICECTL_VERSION);
}

}  // namespace voicectl::commands
