#include "commands/egress/check_storage.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "commands/egress/s3_probe.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/s3.h"

namespace voicectl::commands {
namespace {

using std::chrono::milliseconds;

const std::string kEgressCheckStorageHelp = std::string(R"(Writes a small object, reads it back, compares and deletes it, with signed requests from this machine: before a call
depends on it. What the egress service can reach, and its own keys, may differ. Google, Azure and Alibaba cannot be checked
by their own interfaces; the first and the last also speak S3 (--storage s3 with --endpoint). Flags that only the egress
service makes use of (--assume-role, --proxy, --tagging, …) are named as not tried. These requests go to the storage and not
to LiveKit: -v, --trace and --curl do not show them.
Exit 3: clock, region, or bytes are wrong; 4: keys; 5: no such bucket; 7: not reachable.

)") + kStorageHelp + R"(

Examples:
  voicectl egress check-storage --bucket recordings --region eu-central-1
  voicectl egress check-storage --bucket recordings --endpoint https://minio.example.com:9000 --json
  voicectl egress check-storage --storage local --path /var/recordings)";

std::string step_text(const ProbeStep& step, const Output& out) {
    const auto mark = step.error ? out.red("✗", Stream::Results) : out.green("✓", Stream::Results);
    return fmt::format("\n  {} {:<7} {}", mark, step.name, format_duration(step.elapsed));
}

Json step_json(const ProbeStep& step) {
    return {{"step", step.name},
            {"ok", !step.error},
            {"ms", step.elapsed.count()},
            {"status", step.status == 0 ? Json() : Json(step.status)},
            {"message", step.error ? redact(step.error->message) : ""}};
}

// What the egress service does with these cannot be seen from here.
std::vector<std::string> not_tried(const StorageOptions& o) {
    const std::pair<const char*, bool> flags[] = {{"--assume-role", !o.assume_role.empty()},
                                                  {"--object-metadata", !o.metadata.empty()},
                                                  {"--tagging", !o.tagging.empty()},
                                                  {"--content-disposition", !o.content_disposition.empty()},
                                                  {"--proxy", !o.proxy.empty()},
                                                  {"--account", !o.account.empty()},
                                                  {"--credentials", !o.credentials.empty()}};
    std::vector<std::string> out;
    for (const auto& [flag, given] : flags)
        if (given) out.emplace_back(flag);
    return out;
}

Result<void> show(const std::string& kind, const ProbeReport& report, const StorageOptions& o, Env& env) {
    const auto untried = not_tried(o);
    Json steps = Json::array();
    std::optional<Error> first;
    auto text = fmt::format("{} {}", kind, terminal_safe(report.place));
    for (const auto& step : report.steps) {
        if (step.error && !first) first = Error(*step.error).while_doing(step.name);
        steps.push_back(step_json(step));
        text += step_text(step, env.out);
    }
    if (!untried.empty()) text += fmt::format("\n  {} not tried: {}", env.out.dim("–", Stream::Results), fmt::join(untried, ", "));
    const Json value{{"schemaVersion", 1}, {"storage", kind},          {"place", report.place},
                     {"url", report.url},  {"ok", !first},             {"leftBehind", report.left_behind},
                     {"steps", std::move(steps)}, {"notTried", untried}};
    VC_TRY(env.out.emit(value, text, first ? "failed" : "ok"));
    if (report.left_behind) env.out.warn(fmt::format("{} may have been left behind; delete it by hand", terminal_safe(report.place)));
    if (first) return std::unexpected(std::move(*first));
    return {};
}

ProbeStep failed_step(std::string name, int number, const std::string& path) {
    const auto code = number == ENOENT ? Errc::NotFound : number == EACCES || number == EPERM || number == EROFS ? Errc::Auth : Errc::CheckFailed;
    return {std::move(name), milliseconds(0), 0, Error{code, fmt::format("{}: {}", path, std::strerror(number)), "the egress service needs the same right, on its own machine"}};
}

ProbeReport probe_local(const std::string& folder) {
    const auto path = folder + "/voicectl-check-" + random_id(12) + ".txt";
    const auto bytes = "voicectl egress check-storage " + random_id(32) + "\n";
    ProbeReport report{path, "file://" + path, {}, false};
    const auto begun = Clock::now();
    const auto since = [&begun] { return std::chrono::duration_cast<milliseconds>(Clock::now() - begun); };
    errno = 0;
    if (const auto written = write_file_atomically(path, bytes); !written) {
        report.steps.push_back(failed_step("write", errno, folder));
        return report;
    }
    report.steps.push_back({"write", since(), 0, {}});
    const auto read = read_file(path);
    report.steps.push_back({"read", since(), 0, {}});
    if (!read || *read != bytes) report.steps.back().error = Error{Errc::CheckFailed, "what is read is not what was written", {}};
    if (unlink(path.c_str()) == 0) report.steps.push_back({"delete", since(), 0, {}});
    else report.steps.push_back(failed_step("delete", errno, path));
    report.left_behind = report.steps.back().error.has_value();
    return report;
}

std::string object_key(std::string prefix) {
    while (prefix.starts_with('/')) prefix.erase(0, 1);
    if (!prefix.empty() && !prefix.ends_with('/')) prefix += '/';
    return prefix + "voicectl-check-" + random_id(12) + ".txt";
}

// HTTP takes such parts for steps in a path: the request would go to another bucket.
Result<void> check_prefix(const std::string& prefix) {
    for (const auto& part : split(prefix, '/'))
        if (part == "." || part == "..")
            return fail_with_hint(Errc::Usage, fmt::format("--prefix '{}' has a '{}' in it, which no object can have", terminal_safe(prefix), part),
                                  "write it as the key of an object begins: calls/2026/");
    return {};
}

Result<void> check_s3(const EgressCheckStorageOptions& o, Env& env) {
    VC_TRY_ASSIGN(const auto config, storage_config(o.storage, StorageKind::S3, "", env.getenv()));
    const auto& store = config.s3();
    if (store.access_key().empty())
        return fail_with_hint(Errc::Usage, "no keys for S3", "set RECORDING_S3_ACCESS_KEY and RECORDING_S3_SECRET_KEY; keys of the egress service itself cannot be tried from here");
    VC_TRY(check_prefix(o.prefix));
    const auto key = object_key(o.prefix);
    VC_TRY_ASSIGN(const auto url, livekit::bucket_url(store));
    if (env.global.dry_run) {
        return env.out.emit({{"dryRun", true}, {"storage", "s3"}, {"place", store.bucket() + "/" + key}, {"url", url}, {"steps", {"write", "read", "delete"}}},
                            fmt::format("would write, read and delete {} at {}", terminal_safe(key), terminal_safe(url)), key);
    }
    VC_TRY_ASSIGN(const auto report, probe_s3(env.http(), store, key));
    return show("s3", report, o.storage, env);
}

Result<void> check_local(const EgressCheckStorageOptions& o, Env& env) {
    if (o.path.empty()) return fail_with_hint(Errc::Usage, "which folder?", "name it with --path");
    if (env.global.dry_run)
        return env.out.emit({{"dryRun", true}, {"storage", "local"}, {"place", o.path}, {"steps", {"write", "read", "delete"}}},
                            fmt::format("would write, read and delete a file in {}", terminal_safe(o.path)), o.path);
    return show("local", probe_local(o.path), o.storage, env);
}

}  // namespace

void add_egress_check_storage(Command egress, Env& env, Run<EgressCheckStorageOptions> run) {
    auto o = std::make_shared<EgressCheckStorageOptions>();
    auto cmd = egress.add_subcommand("check-storage", "Prove that recordings can be stored").footer(kEgressCheckStorageHelp);
    cmd.add_option("--storage", o->storage.kind, "s3, local, gcp, azure or alioss").one_of({"s3", "local", "gcp", "azure", "alioss"}).capture_default();
    cmd.add_option("--prefix", o->prefix, "Where in the bucket, as the paths of recordings begin");
    cmd.add_option("--path", o->path, "With --storage local: this folder").type_name("DIR");
    add_storage_flags(cmd, o->storage);
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_egress_check_storage(const EgressCheckStorageOptions& o, Env& env) {
    const auto kind = storage_kind(o.storage.kind);
    if (kind != StorageKind::Local && !o.path.empty())
        return fail_with_hint(Errc::Usage, "--path is a folder of this machine", "add --storage local, or name a place in the bucket with --prefix");
    if (kind == StorageKind::Local && !o.prefix.empty())
        return fail_with_hint(Errc::Usage, "--prefix is a place in a bucket", "name the folder with --path");
    if (kind == StorageKind::S3) return check_s3(o, env);
    if (kind == StorageKind::Local) return check_local(o, env);
    return fail_with_hint(Errc::Usage, fmt::format("voicectl cannot check {} storage", o.storage.kind),
                          kind == StorageKind::Azure ? "start a short recording and wait for it: voicectl egress start … --wait complete=2m"
                                                     : "it also speaks S3: --storage s3 --endpoint … with its S3 keys");
}

}  // namespace voicectl::commands
