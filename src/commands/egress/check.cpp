#include "commands/egress/check.h"

#include <cmath>

#include "commands/egress/view.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using audio::Inspection;
using std::chrono::milliseconds;

constexpr const char* kEgressCheckHelp = R"(Measures recordings on this machine: duration, levels, silence, share of speech, clipping, and whether two channels are
two live and different sides. Reads .ogg .mp3 .wav .flac of any length. Exit 3 when a file is cut off, or one of the demands
does not hold: each is named. Silence is what stays below --silence-level in windows of 20 ms. -o tsv, jsonl and name print a
row, a line, a name for each file.

Examples:
  voicectl egress check call.ogg
  voicectl egress check call.ogg --min-duration 30s --max-silence 5s --channels 2 --channels-differ --peak -1
  voicectl egress check recordings/*.mp3 --min-voice 0.2 --json)";

/// One decimal, as people say levels.
double rounded(double value) { return std::round(value * 10) / 10; }
double rounded_share(double value) { return std::round(value * 1000) / 1000; }
std::string percent(double share) { return fmt::format("{:.0f} %", share * 100); }
std::string level(double dbfs) { return dbfs <= -120 ? "silent" : fmt::format("{:.1f} dBFS", dbfs); }

void add_verdict(Json& out, const char* demand, Json wanted, Json actual, bool ok, const std::string& message) {
    out.push_back({{"demand", demand}, {"wanted", std::move(wanted)}, {"actual", std::move(actual)}, {"ok", ok}, {"message", message}});
}

std::string why_not_different(const Inspection& one) {
    if (one.channels.size() != 2) return fmt::format("it has {} channel{}, so no two sides", one.channels.size(), one.channels.size() == 1 ? "" : "s");
    for (std::size_t i = 0; i < 2; ++i)
        if (!one.channels[i].alive()) return fmt::format("the {} channel is silent", i == 0 ? "left" : "right");
    if (!one.channels_differ()) return fmt::format("both channels hold the same sound (correlation {:.3f})", one.correlation.value_or(1));
    return "the channels differ";
}

Json channel_json(const audio::ChannelReport& one, std::size_t index) {
    Json slices = Json::array();
    for (const double peak : one.slices) slices.push_back(rounded(peak));
    return {{"channel", index + 1},
            {"peakDbfs", rounded(one.peak_dbfs)},
            {"rmsDbfs", rounded(one.rms_dbfs)},
            {"alive", one.alive()},
            {"activeShare", rounded_share(one.active_share)},
            {"voiceShare", rounded_share(one.voice_share)},
            {"levelsDbfs", std::move(slices)}};
}

std::string channel_name(const Json& channel, std::size_t count) {
    if (count == 1) return "levels";
    if (count == 2) return channel["channel"] == 1 ? "left" : "right";
    return fmt::format("ch {}", channel["channel"].get<int>());
}

std::string picture_of(const Json& channel) {
    std::vector<double> slices;
    for (const auto& one : channel["levelsDbfs"]) slices.push_back(one.get<double>());
    return level_picture(slices);
}

std::string duration_of(const Json& value) { return format_duration(milliseconds(value.get<std::int64_t>())); }

std::string measured_lines(const Json& file) {
    const auto& silence = file["silence"];
    auto out = fmt::format("  {}, {} in {}, {} Hz, {} channel{}, {}", duration_of(file["durationMs"]), scalar_text(file["codec"]), scalar_text(file["container"]),
                           scalar_text(file["rateHz"]), scalar_text(file["channels"]), file["channels"] == 1 ? "" : "s", format_bytes(file["sizeBytes"].get<std::int64_t>()));
    const auto active = file["activeRmsDbfs"].get<double>();
    out += fmt::format("\n  peak {}, loudness {}{}{}", level(file["peakDbfs"].get<double>()), level(file["rmsDbfs"].get<double>()),
                       active <= -120 ? "" : fmt::format(" ({} without silence)", level(active)),
                       file["clippedSamples"] == 0 ? "" : fmt::format(", {} clipped samples", scalar_text(file["clippedSamples"])));
    out += fmt::format("\n  silence {} ({}), longest {} at {}; speech {}", duration_of(silence["totalMs"]), percent(silence["share"].get<double>()),
                       duration_of(silence["longestMs"]), duration_of(silence["longestAtMs"]), percent(file["voice"]["share"].get<double>()));
    if (!file["correlation"].is_null()) out += fmt::format("\n  channels {} (correlation {:.2f})", file["channelsDiffer"] == true ? "differ" : "are the same", file["correlation"].get<double>());
    return out;
}

std::string file_text(const Json& file, const Output& out) {
    const bool ok = file["ok"] == true;
    auto text = fmt::format("{} {}", ok ? out.green("✓", Stream::Results) : out.red("✗", Stream::Results), terminal_safe(scalar_text(file["file"])));
    if (!file["error"].is_null()) return text + "\n  " + terminal_safe(scalar_text(file["error"]));
    text += "\n" + measured_lines(file);
    for (const auto& channel : file["channelDetails"])
        text += fmt::format("\n  {:<7}{} {}", channel_name(channel, file["channelDetails"].size()), picture_of(channel), channel["alive"] == true ? "" : "silent");
    for (const auto& one : file["demands"])
        text += fmt::format("\n  {} {}", one["ok"] == true ? out.green("✓", Stream::Results) : out.red("✗", Stream::Results), scalar_text(one["message"]));
    return text;
}

/// With the fields of the others, so that lines of several files are alike.
Json unreadable_json(const std::string& path, const Error& error) {
    auto out = inspection_json(path, {});
    for (auto& [name, value] : out.items()) value = nullptr;
    out["file"] = path;
    out["ok"] = false;
    out["error"] = error.message;
    out["demands"] = Json::array();
    return out;
}

/// What one file came to: its JSON, and why it could not be measured.
struct Outcome {
    Json json;
    std::optional<Error> unreadable;
};

Result<Outcome> check_one(const std::string& path, const EgressCheckOptions& o, Env& env) {
    audio::InspectOptions options;
    options.silence_dbfs = o.silence_level;
    options.on_progress = [&env, &path, next = milliseconds(0)](milliseconds read) mutable {
        if (read < next) return;
        next = read + std::chrono::minutes(1);
        env.out.progress(fmt::format("{}: {}", terminal_safe(path), format_duration(read)));
    };
    const auto recording = audio::inspect_file(path, options);
    env.out.progress("");
    if (!recording) {
        auto error = recording.error();
        if (error.code == Errc::Io) error.code = Errc::Usage;  // it is no recording that we could judge
        return Outcome{unreadable_json(path, error), std::move(error)};
    }
    VC_TRY_ASSIGN(auto demands, judge(*recording, o));
    auto json = inspection_json(path, *recording);
    json["ok"] = std::all_of(demands.begin(), demands.end(), [](const Json& one) { return one["ok"] == true; });
    json["demands"] = std::move(demands);
    return Outcome{std::move(json), {}};
}

std::vector<std::string> broken_demands(const Json& files) {
    std::vector<std::string> out;
    for (const auto& file : files) {
        if (!file["error"].is_null()) continue;
        for (const auto& one : file["demands"])
            if (one["ok"] != true) out.push_back(fmt::format("{}: {}", terminal_safe(scalar_text(file["file"])), scalar_text(one["message"])));
    }
    return out;
}

std::vector<Column> file_columns() {
    const auto inner = [](std::string title, const char* part, const char* key) {
        return Column{std::move(title), [part, key](const Json& file) { return file[part].is_null() ? "" : scalar_text(file[part][key]); }};
    };
    return {column("FILE", "file"),          column("OK", "ok"),
            column("DURATION", "durationMs"), column("CHANNELS", "channels"),
            column("PEAK", "peakDbfs"),       column("LOUDNESS", "rmsDbfs"),
            inner("SILENCE", "silence", "longestMs"), inner("VOICE", "voice", "share"),
            column("SIZE", "sizeBytes"),      column("ERROR", "error")};
}

Result<void> show(const Json& files, bool good, Output& out) {
    const bool by_line = out.format == Format::Tsv || out.format == Format::Jsonl || out.format == Format::Name;
    if (by_line && out.get.empty()) return out.emit_list("files", files, file_columns(), "file");
    std::string text;
    for (const auto& file : files) text += (text.empty() ? "" : "\n") + file_text(file, out);
    return out.emit({{"schemaVersion", 1}, {"ok", good}, {"files", files}}, text, good ? "ok" : "failed");
}

Result<void> check_options(const EgressCheckOptions& o) {
    VC_TRY(judge({}, o));
    for (const auto& path : o.files)
        if (path == "-")
            return fail_with_hint(Errc::Usage, "egress check reads files, not standard input",
                                  "a recording is read more than once: store it first (cat > call.ogg)");
    if (!(o.silence_level >= -100 && o.silence_level <= -10)) return fail(Errc::Usage, "--silence-level must be between -100 and -10 dBFS");
    if (o.channels && *o.channels < 1) return fail(Errc::Usage, "--channels must be 1 or more");
    if (o.min_voice && !(*o.min_voice >= 0 && *o.min_voice <= 1)) return fail(Errc::Usage, "--min-voice is a share between 0 and 1");
    if (o.peak && !(*o.peak <= 0 && std::isfinite(*o.peak))) return fail_with_hint(Errc::Usage, "--peak is a level below full scale", "write it like --peak -1");
    return {};
}

}  // namespace

std::string level_picture(const std::vector<double>& slices) {
    static constexpr const char* kBars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    std::string out;
    for (const double dbfs : slices) out += kBars[static_cast<std::size_t>(std::clamp((dbfs + 60) / 60 * 8, 0.0, 8.0))];
    return out;
}

Json inspection_json(const std::string& path, const Inspection& one) {
    Json channels = Json::array();
    for (std::size_t i = 0; i < one.channels.size(); ++i) channels.push_back(channel_json(one.channels[i], i));
    return {{"file", path},
            {"ok", true},
            {"error", nullptr},
            {"container", one.file.container},
            {"codec", one.file.codec},
            {"rateHz", one.file.rate_hz},
            {"channels", one.file.channels},
            {"sizeBytes", one.file.bytes},
            {"durationMs", one.duration.count()},
            {"peakDbfs", rounded(one.peak_dbfs)},
            {"rmsDbfs", rounded(one.rms_dbfs)},
            {"activeRmsDbfs", rounded(one.active_rms_dbfs)},
            {"clippedSamples", one.clipped_samples},
            {"nonFiniteSamples", one.not_finite_samples},
            {"silence",
             {{"totalMs", one.silence.count()},
              {"share", rounded_share(one.silence_share())},
              {"longestMs", one.longest_silence.count()},
              {"longestAtMs", one.longest_silence_at.count()},
              {"leadingMs", one.leading_silence.count()},
              {"trailingMs", one.trailing_silence.count()}}},
            {"voice", {{"ms", one.voice.count()}, {"share", rounded_share(one.voice_share())}}},
            {"correlation", one.correlation ? Json(rounded_share(*one.correlation)) : Json()},
            {"channelsDiffer", one.channels.size() == 2 ? Json(one.channels_differ()) : Json()},
            {"incomplete", one.incomplete.empty() ? Json() : Json(one.incomplete)},
            {"channelDetails", std::move(channels)}};
}

Result<Json> judge(const Inspection& one, const EgressCheckOptions& o) {
    Json out = Json::array();
    if (!one.incomplete.empty()) add_verdict(out, "complete", true, false, false, "the file is cut off: " + one.incomplete);
    if (one.not_finite_samples > 0)
        add_verdict(out, "finite", 0, one.not_finite_samples, false,
                    fmt::format("{} of its samples are no finite numbers (NaN or infinite)", one.not_finite_samples));
    if (!o.min_duration.empty()) {
        VC_TRY_ASSIGN(const auto wanted, parse_duration(o.min_duration));
        const bool ok = one.duration >= wanted;
        add_verdict(out, "minDuration", wanted.count(), one.duration.count(), ok,
                    fmt::format("lasts {}, {} {}", format_duration(one.duration), ok ? "at least" : "less than", format_duration(wanted)));
    }
    if (!o.max_silence.empty()) {
        VC_TRY_ASSIGN(const auto wanted, parse_duration(o.max_silence));
        const bool ok = one.longest_silence <= wanted;
        add_verdict(out, "maxSilence", wanted.count(), one.longest_silence.count(), ok,
                    fmt::format("longest silence {} at {}, {} {}", format_duration(one.longest_silence), format_duration(one.longest_silence_at),
                                ok ? "at most" : "more than", format_duration(wanted)));
    }
    if (o.channels) {
        const bool ok = one.file.channels == *o.channels;
        const auto seen = fmt::format("{} channel{}", one.file.channels, one.file.channels == 1 ? "" : "s");
        add_verdict(out, "channels", *o.channels, one.file.channels, ok, fmt::format("{}, {}{}", seen, ok ? "" : "not ", *o.channels));
    }
    if (o.channels_differ) add_verdict(out, "channelsDiffer", true, one.channels_differ(), one.channels_differ(), why_not_different(one));
    if (o.peak) {
        const bool ok = one.peak_dbfs <= *o.peak;
        add_verdict(out, "peak", *o.peak, rounded(one.peak_dbfs), ok, fmt::format("peak {}, {} {:.1f} dBFS", level(one.peak_dbfs), ok ? "at most" : "above", *o.peak));
    }
    if (o.min_voice) {
        const bool ok = one.voice_share() >= *o.min_voice;
        add_verdict(out, "minVoice", *o.min_voice, rounded_share(one.voice_share()), ok,
                    fmt::format("speech {}, {} {}", percent(one.voice_share()), ok ? "at least" : "less than", percent(*o.min_voice)));
    }
    return out;
}

void add_egress_check(Command egress, Env& env, Run<EgressCheckOptions> run) {
    auto o = std::make_shared<EgressCheckOptions>();
    auto cmd = egress.add_subcommand("check", "Measure a recording and prove what is in it").footer(kEgressCheckHelp);
    cmd.add_option("files", o->files, "Recordings: .ogg .mp3 .wav .flac").required().type_name("FILE");
    cmd.add_option("--min-duration", o->min_duration, "Lasts at least so long").type_name("TIME");
    cmd.add_option("--max-silence", o->max_silence, "No silence is longer").type_name("TIME");
    cmd.add_option("--channels", o->channels, "Has so many channels");
    cmd.add_flag("--channels-differ", o->channels_differ, "Its two channels are both alive and not the same sound");
    cmd.add_option("--peak", o->peak, "Nothing is louder, in dBFS (e.g. -1)");
    cmd.add_option("--min-voice", o->min_voice, "Share of the time with speech, 0 to 1");
    cmd.add_option("--silence-level", o->silence_level, "What counts as silence, in dBFS").range(-100.0, -10.0).capture_default();
    on_run(cmd, o, env, std::move(run));
}

Result<void> run_egress_check(const EgressCheckOptions& o, Env& env) {
    VC_TRY(check_options(o));
    Json files = Json::array();
    std::optional<Error> unreadable;
    for (const auto& path : o.files) {
        VC_TRY_ASSIGN(auto outcome, check_one(path, o, env));
        if (!unreadable) unreadable = outcome.unreadable;
        files.push_back(std::move(outcome.json));
    }
    if (unreadable && o.files.size() == 1) return std::unexpected(*unreadable);
    const auto broken = broken_demands(files);
    VC_TRY(show(files, broken.empty() && !unreadable, env.out));
    if (unreadable) return std::unexpected(*unreadable);
    if (broken.empty()) return {};
    return fail(Errc::CheckFailed, "{}", fmt::join(broken, "; "));
}

}  // namespace voicectl::commands
