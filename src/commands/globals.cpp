#include "commands/globals.h"

#include <CLI/CLI.hpp>

#include <array>

#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr std::array<std::pair<const char*, Format>, 6> kFormats{{{"table", Format::Table}, {"wide", Format::Wide}, {"json", Format::Json},
                                                                  {"jsonl", Format::Jsonl}, {"tsv", Format::Tsv}, {"name", Format::Name}}};

/// "json" becomes the number that CLI11 makes the enum of; numbers of the user's are none.
std::string number_of_format(std::string& text) {
    for (const auto& [name, format] : kFormats) {
        if (to_lower_ascii(text) != name) continue;
        text = std::to_string(static_cast<int>(format));
        return {};
    }
    return fmt::format("must be table, wide, json, jsonl, tsv or name, not '{}'", text);
}

void add_server_flags(Command root, GlobalOptions& g) {
    const auto option = [&root](const char* name, std::string& target, const char* type, const char* text) {
        return root.add_option(name, target, text).type_name(type).group("Server");
    };
    option("--profile", g.profile, "PROFILE", "Server and keys of this name; voicectl help profiles");
    option("--url", g.url, "URL", "Server, ws(s):// or http(s):// [LIVEKIT_URL]");
    option("--api-key", g.api_key, "KEY", "API key [LIVEKIT_API_KEY]");
    option("--api-secret-file", g.api_secret_file, "FILE", "File with the API secret [LIVEKIT_API_SECRET]");
    option("--api-secret", g.api_secret, "SECRET", "API secret; seen by every user of this machine, so prefer the file");
    option("--config", g.config, "FILE", "Configuration with profiles [~/.config/voicectl/config.yaml]");
    option("--timeout", g.timeout, "TIME", "How long one server call may take").capture_default();
}

void add_output_flags(CLI::App& app, Env& env) {
    const Command root(app);
    app.add_option("-o,--output", env.out.format, "Format of results")
        ->transform(CLI::Validator(number_of_format, "{table,wide,json,jsonl,tsv,name}"))
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->type_name("FORMAT")
        ->group("Output");
    app.add_flag_callback("--json", [&env] { env.out.format = Format::Json; }, "Same as -o json")->group("Output")->trigger_on_parse();
    root.add_option("--fields", env.out.fields, "Only these fields, comma separated").delimiter(',').may_be_empty().one_value().type_name("A,B").group("Output");
    root.add_option("--get", env.out.get, "Print only what stands at this path, e.g. /rooms/*/name").type_name("PATH").group("Output");
    root.add_option("--color", env.out.color, "When to colour").one_of({"auto", "always", "never"}).capture_default().type_name("WHEN").group("Output");
    app.add_flag("--show-secrets", env.global.show_secrets, "Print storage keys and TURN passwords in results as they are")->group("Output");
    app.add_flag("-q,--quiet", env.out.quiet, "No notes on stderr")->group("Output");
    app.add_flag("-v,--verbose", env.global.verbose, "One line for each server call; twice for details")->group("Output");
    app.add_flag("--trace", env.global.trace, "Server calls in full on stderr, secrets masked")->group("Output");
    app.add_flag("--curl", env.global.curl, "Server calls as curl commands on stderr, each with a token of its own")->group("Output");
}

void add_consent_flags(CLI::App& app, GlobalOptions& g) {
    app.add_flag("-y,--yes", g.yes, "Do not ask")->group("Consent");
    app.add_flag("--dry-run", g.dry_run, "Print what would be sent or done, and do nothing")->group("Consent");
    Command(app).add_option("--confirm", g.confirm, "The name of a protected profile, typed in advance").type_name("PROFILE").group("Consent");
}

}  // namespace

void add_global_flags(CLI::App& app, Env& env) {
    add_server_flags(app, env.global);
    add_output_flags(app, env);
    add_consent_flags(app, env.global);
}

}  // namespace voicectl::commands
