#include "commands/doctor/doctor.h"

#include "commands/doctor/patient.h"
#include "commands/transcript/source.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kDoctorHelp = R"(Looks at one thing after the other: what this machine has, configuration, the way to the server, the key, and
whether sound gets through. Rooms that this takes are deleted again. Each line that is not ✓ says what to do.

  ✓ good   ! works, but look at it   ✗ broken   – not looked at, and why

Exit 0 when nothing is broken, else 3; also 3 when nothing of --only could be looked at. --only and --skip take the ids
that --json shows. -o tsv prints one row per check (id, state, milliseconds, title, detail, hint), -o name the ids of what is
broken. Under a protected profile what makes rooms is left out unless --confirm names the profile.

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

// What was asked for by name and not looked at is no good news.
Result<void> check_looked_at(const Json& report, const Selection& selection) {
    const auto& counts = report["counts"];
    if (selection.only.empty() || counts["skipped"] != report["checks"].size()) return {};
    const auto& first = report["checks"][0];
    return fail(Errc::CheckFailed, "nothing of --only could be looked at; first {}: {}", scalar_text(first["id"]), scalar_text(first["detail"]));
}

Result<void> verdict(const Json& report, const Selection& selection) {
    if (report["healthy"] == true) return check_looked_at(report, selection);
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

std::vector<Column> doctor_columns() {
    return {column("ID", "id"),       column("STATE", "state"),   column("MS", "elapsedMs"),
            column("TITLE", "title"), column("DETAIL", "detail"), column("HINT", "hint")};
}

Json broken_of(const Json& checks) {
    Json out = Json::array();
    for (const auto& one : checks)
        if (one["state"] == "failed") out.push_back(one);
    return out;
}

Result<void> show_report(const Json& report, Output& out) {
    if (out.get.empty() && out.format == Format::Tsv) return out.emit_list("checks", report["checks"], doctor_columns(), "id");
    if (out.get.empty() && out.format == Format::Name) return out.emit_list("checks", broken_of(report["checks"]), doctor_columns(), "id");
    return out.emit(report, "", report["healthy"] == true ? "healthy" : "not healthy");
}

}  // namespace

void add_doctor(Command root, Env& env, Run<DoctorOptions> run) {
    auto o = std::make_shared<DoctorOptions>();
    auto cmd = root.add_subcommand("doctor", "Find out what is wrong with a setup").footer(kDoctorHelp);
    cmd.add_option("--only", o->selection.only, "Only these checks, comma separated").delimiter(',').one_value().type_name("A,B");
    cmd.add_option("--skip", o->selection.skip, "Not these checks, comma separated").delimiter(',').one_value().type_name("A,B");
    cmd.add_option("--agent", o->agents, "Dispatch the agent of this name and wait for it (repeat)").one_value().type_name("AGENT");
    cmd.add_option("--agent-wait", o->agent_wait, "How long").capture_default().type_name("TIME");
    cmd.add_flag("--egress", o->egress, "Start a recording, and stop it again");
    cmd.add_option("--agent-config", o->config, "An agent's YAML file, for its providers").type_name("FILE");
    add_store_choice(cmd, o->store);
    on_run(cmd.no_dry_run(), o, env, std::move(run));
}

Result<void> run_doctor(const DoctorOptions& o, Env& env) {
    VC_TRY(env.timeout());
    VC_TRY(time_of("--agent-wait", o.agent_wait));
    auto& out = env.out;
    const bool lines_are_talk = out.for_scripts();
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
    if (lines_are_talk) VC_TRY(show_report(report, out));
    else VC_TRY(out.emit_raw(summary(report, out) + "\n"));
    return verdict(report, o.selection);
}

}  // namespace voicectl::commands
