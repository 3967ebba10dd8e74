// What this machine has: LiveKit's core, speech libraries, the store, an agent's providers, storage settings.
#include <filesystem>

#include "commands/egress/s3_probe.h"
#include "commands/egress/storage.h"
#include "commands/agent/loading.h"
#include "commands/doctor/patient.h"
#include "commands/transcript/source.h"
#include "voicectl/base/text.h"
#include "voicectl/base/workers.h"
#include "voicectl/rtc/room.h"
#include "voicectl/speech/providers.h"
#include "voicectl/store/store.h"

namespace voicectl::commands {
namespace {

Finding look_for_core() {
    const auto core = rtc::Core::find();
    if (!core) return Finding::failed(core.error());
    return Finding::ok(fmt::format("{} ({})", core->version, terminal_safe(core->path)), {{"version", core->version}, {"path", core->path}});
}

template<class T>
void note(const char* name, const speech::Built<T>& built, std::vector<std::string>& there, std::vector<std::string>& missing, std::string& hint) {
    if (built) return there.push_back(name);
    missing.push_back(fmt::format("{}: {}", name, built.error().message));
    if (hint.empty()) hint = built.error().hint;
}

Finding look_for_speech(Patient& patient) {
    Workers workers(1, "vc-speech");
    const speech::ProviderContext context{workers, patient.env.http(), patient.env.getenv(), "."};
    std::vector<std::string> there, missing;
    std::string hint;
    note("flite", speech::build_tts({{"provider", "flite"}}, context), there, missing, hint);
    note("espeak-ng", speech::build_tts({{"provider", "espeak-ng"}}, context), there, missing, hint);
    note("pocketsphinx", speech::build_stt({{"provider", "pocketsphinx"}}, context), there, missing, hint);
    if (missing.empty()) return Finding::ok(fmt::format("{} load", fmt::join(there, ", ")));
    return Finding::warning(fmt::format("speech without a network is not complete: {}", fmt::join(missing, "; ")), hint);
}

Finding look_at_store(Patient& patient) {
    warn_of_password(patient.options.store, patient.env);
    const auto path = !patient.options.store.empty() ? patient.options.store : patient.env.get("VOICECTL_STORE").value_or(store::default_path());
    std::error_code failed;
    const auto shown = terminal_safe(store::shown_place(path));
    if (!store::is_postgres_url(path) && !std::filesystem::exists(path, failed)) return Finding::skipped(fmt::format("there is none yet at {}", shown));
    const auto opened = store::Store::open_existing(path);
    if (!opened) return Finding::failed(opened.error());
    store::CallFilter newest;
    newest.limit = 1;
    const auto calls = (*opened)->list(newest);
    if (!calls) return Finding::failed(calls.error());
    return Finding::ok(fmt::format("{} opens, {}", shown, calls->empty() ? "no calls yet" : "latest call " + format_time(calls->front().started_at)));
}

Finding look_at_providers(Patient& patient) {
    const auto& path = patient.options.config;
    if (path.empty()) return Finding::skipped("--agent-config FILE checks the keys and libraries that an agent needs");
    const auto loaded = load_agent_config(path);
    if (!loaded) return Finding::failed(loaded.error(), loaded.error().hint.empty() ? fmt::format("voicectl agent check {} says it all", terminal_safe(path)) : "");
    Workers workers(1, "vc-speech");
    const auto stages = build_agent_stages(*loaded, workers, patient.env);
    if (!stages) return Finding::failed(stages.error());
    const auto& config = loaded->config;
    return Finding::ok(fmt::format("agent {}: {}, {}, {}", terminal_safe(config.name), config.stt.value("provider", ""), config.llm.value("provider", ""), config.tts.value("provider", "")));
}

Finding look_at_storage(Patient& patient) {
    const auto given = [&](const char* name) { return patient.env.get(name).has_value(); };
    if (!given("RECORDING_S3_BUCKET") && !given("S3_BUCKET")) return Finding::skipped("no RECORDING_S3_BUCKET or S3_BUCKET is set");
    const auto config = storage_config({}, StorageKind::S3, {}, patient.env.getenv());
    if (!config) return Finding::failed(config.error());
    if (config->s3().access_key().empty()) return Finding::skipped("no keys are set; those of the egress service cannot be tried from here");
    const auto probe = probe_s3(patient.env.http(), config->s3(), fmt::format("voicectl-doctor-{}.txt", random_id(12)));
    if (!probe) return Finding::failed(probe.error());
    for (const auto& step : probe->steps)
        if (step.error) return Finding::failed(Error(*step.error).while_doing(fmt::format("{} {}", step.name, probe->place)));
    return Finding::ok(fmt::format("wrote, read and deleted {}", terminal_safe(probe->place)));
}

}  // namespace

void plan_machine(Checkup& checkup, Patient& patient) {
    checkup.plan("core", "LiveKit's core", {}, [] { return look_for_core(); });
    checkup.plan("speech", "speech libraries", {}, [&] { return look_for_speech(patient); });
    checkup.plan("providers", "providers of an agent", {}, [&] { return look_at_providers(patient); });
    checkup.plan("database", "transcript store", {}, [&] { return look_at_store(patient); });
    checkup.plan("storage", "recording storage", {}, [&] { return look_at_storage(patient); });
}

}  // namespace voicectl::commands
