#include "commands/doctor/doctor.h"

#include "commands/doctor/patient.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kLong = R"(Looks at one thing after the other: what this machine has, configuration, the way to the server, the key, and
whether sound gets through. Rooms that this takes are deleted again. Each line that is not ✓ says what to do.

  ✓ good   ! works, but look at it   ✗ broken   – not looked at, and why

Exit 0 when nothing is broken, else 3. --only and --skip take the ids that --json shows.

Examples:
  voicectl doctor
  voicectl doctor --agent receptionist --egress
  voicectl doctor --only url,dns,tcp,tls,server,clock --json
  voicectl doctor --skip media --agent-config examples/receptionist.yaml)";

std::string mark(Finding::State state, const Output& out) {
    switch (state) {
        case Finding::State::Ok: return out.green("✓");
        case Finding::State::Warning: return out.bold("!");
        case Finding::State::Failed: return out.red("✗");
        case Finding::State::Skipped: break;
    }
    return out.dim("–");
}

std::string line_of(const CheckResult& one, const Output& out) {
    const auto& finding = one.finding;
    const auto skipped = finding.state == Finding::State::Skipped ? "skipped: " : "";
    auto line = fmt::format("{} {:<25} {:>8}  {}{}", mark(finding.state, out), one.title, skipped[0] == '\0' ? format_duration(one.elapsed) : "", skipped, finding.detail);
    if (!finding.hint.empty()) line += "\n  " + out.dim("hint: " + finding.hint);
    return line;
}

Result<void> verdict(const Json& report) {
    if (report["healthy"] == true) return {};
    for (const auto& one : report["checks"]) {
        if (one["state"] != "failed") continue;
        const auto failed = report["counts"]["failed"].get<int>();
        return fail_with_hint(Errc::CheckFailed, fmt::format("{} of {} checks failed; first {}: {}", failed, report["checks"].size(), scalar_text(one["id"]), scalar_text(one["detail"])), scalar_text(one["hint"]));
    }
    return {};
}

std::string summary(const Json& report, const Output& out) {
    const auto& counts = report["counts"];
    return fmt::format("{}: {} good, {} to look at, {} broken, {} skipped", report["healthy"] == true ? out.green("healthy") : out.red("not healthy"), scalar_text(counts["ok"]),
                       scalar_text(counts["warning"]), scalar_text(counts["failed"]), scalar_text(counts["skipped"]));
}

}  // namespace

void add_doctor(Command root, Env& env, Run<DoctorOptions> run) {
    auto o = std::make_shared<DoctorOptions>();
    auto cmd = root.add_subcommand("doctor", "Find out what is wrong with a setup").footer(kLong);
    cmd.add_option("--only", o->selection.only, "Only these checks, comma separated").delimiter(',').one_value().type_name("A,B");
    cmd.add_option("--skip", o->selection.skip, "Not these checks, comma separated").delimiter(',').one_value().type_name("A,B");
    cmd.add_option("--agent", o->agents, "Dispatch the agent of this name and wait for it (repeat)").one_value().type_name("AGENT");
    cmd.add_option("--agent-wait", o->agent_wait, "How long").capture_default().type_name("TIME");
    cmd.add_flag("--egress", o->egress, "Start a recording, and stop it again");
    cmd.add_option("--agent-config", o->config, "An agent's YAML file, for its providers").type_name("FILE");
    cmd.add_option("--store", o->store, "Transcript store [VOICECTL_STORE]").type_name("PATH");
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_doctor(const DoctorOptions& o, Env& env) {
    VC_TRY(env.timeout());
    VC_TRY(parse_duration(o.agent_wait));
    auto& out = env.out;
    const bool lines_are_talk = out.json() || !out.get.empty() || !out.fields.empty();
    Patient patient(env, o);
    Checkup checkup;
    plan_machine(checkup, patient);
    plan_configuration(checkup, patient);
    plan_way(checkup, patient);
    plan_keys(checkup, patient);
    plan_calls(checkup, patient);
    const auto on_start = [&](const std::string& title) { out.progress(fmt::format("… {}", title)); };
    const auto on_result = [&](const CheckResult& one) {
        out.progress("");
        if (lines_are_talk) out.note(line_of(one, out));
        else (void)out.emit_raw(line_of(one, out) + "\n");
    };
    VC_TRY_ASSIGN(const auto results, checkup.run(o.selection, on_start, on_result, [&] { return patient.interrupt.check(); }));
    auto report = checkup_json(results);
    if (lines_are_talk) VC_TRY(out.emit(report, "", report["healthy"] == true ? "healthy" : "not healthy"));
    else VC_TRY(out.emit_raw(summary(report, out) + "\n"));
    return verdict(report);
}

}  // namespace voicectl::commands
