#include "commands/agent/console.h"

#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "commands/agent/line_reader.h"
#include "commands/agent/loading.h"
#include "commands/transcript/source.h"
#include "voicectl/agent/console.h"
#include "voicectl/audio/file.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/base/json.h"
#include "voicectl/base/log.h"
#include "voicectl/base/signals.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

constexpr const char* kAgentConsoleHelp = R"(Holds a call with the agent in CONFIG without LiveKit: each line of standard input is what the caller says, each answer a
line on standard output. What is said here takes the way that it takes in a call: the same turns, model, sentences,
prompts and metadata. It ends with the input, or when the agent hangs up; a failed call is exit 1.

With --wav a recording is the caller: it is heard, recognised and answered in real time, once the greeting is over, and
may interrupt. --out keeps the agent's voice; without --wav and --out no voice is made. -v tells where the time of each
answer went, -o jsonl each turn with all of it. Nothing is stored, unless --store says where.

Examples:
  voicectl agent console examples/receptionist.yaml
  echo "When are you open?" | voicectl agent console examples/receptionist.yaml -v
  voicectl agent console receptionist.yaml --wav question.wav --out answer.wav -o jsonl
  voicectl agent console receptionist.yaml --metadata '{"language":"de","variables":{"guest":"Ann"}}')";

/// What the agent says, in a file.
class VoiceFile {
 public:
    static Result<std::unique_ptr<VoiceFile>> create(const std::string& path, int rate_hz) {
        auto file = audio::FileWriter::create(path, rate_hz, 1);
        if (!file) return fail(Errc::Usage, "--out: {}", file.error().message);
        return std::unique_ptr<VoiceFile>(new VoiceFile(std::move(*file)));
    }
    void add(audio::SampleView samples) {
        if (auto written = file_->write(samples); !written && result_) result_ = std::move(written);
    }
    Result<void> close() {
        VC_TRY(result_);
        return file_->close();
    }

 private:
    explicit VoiceFile(std::unique_ptr<audio::FileWriter> file) : file_(std::move(file)) {}
    std::unique_ptr<audio::FileWriter> file_;
    Result<void> result_;
};

Result<audio::Samples> speech_in(const std::string& path) {
    constexpr int kLongest = 1800;
    const auto pcm = audio::read_file(path, kLongest);
    if (!pcm) return fail_with_hint(Errc::Usage, "--wav: " + pcm.error().message, "a .wav, .flac, .ogg or .mp3 of at most half an hour");
    return audio::resample(audio::to_mono(*pcm), audio::kSpeechRateHz).samples;
}

/// A store for this call alone.
class ScratchStore {
 public:
    explicit ScratchStore(const std::string& path)
        : folder_(path.empty() ? (std::filesystem::temp_directory_path() / ("voicectl-console-" + random_id(10))).string() : std::string()),
          path_(path.empty() ? folder_ + "/store.db" : path) {}
    ~ScratchStore() {
        std::error_code ignored;
        if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
    }
    ScratchStore(const ScratchStore&) = delete;
    ScratchStore& operator=(const ScratchStore&) = delete;
    const std::string& path() const { return path_; }

 private:
    std::string folder_, path_;
};

class ConsoleTalk {
 public:
    ConsoleTalk(const AgentConsoleOptions& options, Env& env) : options_(options), env_(env), scratch_(options.store) {}

    Result<void> run() {
        VC_TRY_ASSIGN(auto loaded, load_agent_config(options_.config));
        agent::ConsoleOptions options;
        VC_TRY_ASSIGN(options.metadata, read_payload(options_.metadata));
        if (!options_.wav.empty()) {
            VC_TRY_ASSIGN(options.audio, speech_in(options_.wav));
        }
        options.speaks = !options_.out.empty();
        VC_TRY_ASSIGN(stages_, build_agent_stages(loaded, workers_, env_));
        warn_of_password(options_.store, env_);
        VC_TRY_ASSIGN(auto opened, store::Store::open(scratch_.path()));
        store_ = std::make_unique<store::AsyncStore>(std::move(opened), loop_);
        const Signals signals(loop_, [this](int number, int) { on_signal(number); });
        console_ = agent::Console::create(loop_, loaded.config, stages_, *store_, std::move(options), handlers());
        if (!options_.out.empty()) {
            VC_TRY_ASSIGN(voice_, VoiceFile::create(options_.out, console_->rate_hz()));
        }
        if (options_.wav.empty()) lines_ = std::make_unique<LineReader>(loop_, STDIN_FILENO);
        loop_.run();
        lines_.reset();
        console_.reset();
        store_.reset();
        if (voice_) VC_TRY(voice_->close());
        return result_;
    }

 private:
    agent::ConsoleHandlers handlers() {
        agent::ConsoleHandlers out;
        out.on_turn = [this](const store::Turn& turn) { show(turn); };
        out.on_audio = [this](audio::SampleView samples) {
            if (voice_) voice_->add(samples);
        };
        out.on_tool = [this](const std::string& tool, const std::string& outcome, std::chrono::milliseconds took) {
            if (env_.out.json()) return event({{"event", "tool"}, {"tool", tool}, {"outcome", outcome}, {"tookMs", took.count()}});
            env_.out.note(fmt::format("(tool {}: {} in {} ms)", tool, outcome, took.count()));
        };
        out.on_ready = [this] {
            if (lines_) ask();
            else console_->hang_up();
        };
        out.on_ended = [this](const agent::CallOutcome& outcome) { on_ended(outcome); };
        return out;
    }

    void ask() {
        if (env_.out.talk_is_terminal() && isatty(STDIN_FILENO) == 1) env_.out.question("> ");
        lines_->next([this](const std::optional<std::string>& line) {
            if (!line || env_.out.reader_gone()) return console_->hang_up();
            const auto text = valid_utf8(trim(*line));
            if (text.empty()) return ask();
            console_->type(text);
        });
    }

    void show(const store::Turn& turn) {
        const bool agent = turn.speaker == store::Speaker::Agent;
        const auto detail = Json::parse(turn.detail_json, nullptr, false);
        if (env_.out.json()) return event({{"event", agent ? "agent" : "user"}, {"text", turn.text}, {"interrupted", turn.interrupted}, {"detail", detail.is_object() ? detail : Json::object()}});
        if (agent) (void)env_.out.emit_raw(terminal_safe(turn.text) + "\n");
        else if (!options_.wav.empty()) env_.out.note("caller: " + turn.text);
        if (agent && turn.interrupted) env_.out.note("(interrupted)");
        if (agent && env_.global.verbose > 0 && detail.is_object() && !spelled(detail).empty()) env_.out.trace(spelled(detail));
    }

    static std::string spelled(const Json& times) {
        std::string out;
        for (const auto& [name, value] : times.items())
            if (name.ends_with("Ms") && value.is_number()) out += fmt::format("{}{} {} ms", out.empty() ? "  " : ", ", name.substr(0, name.size() - 2), value.get<std::int64_t>());
        return out;
    }

    void event(const Json& what) { (void)env_.out.emit_raw(json_text(what) + "\n"); }

    void on_ended(const agent::CallOutcome& outcome) {
        if (env_.out.json()) event({{"event", "ended"}, {"ok", outcome.good}, {"reason", outcome.reason}, {"turns", outcome.turns}});
        else if (outcome.reason != "the caller hung up") env_.out.note(fmt::format("the call has ended: {}", outcome.reason));
        if (!outcome.good && result_) result_ = fail(Errc::Other, "the call failed: {}", outcome.reason);
        loop_.stop();
    }

    void on_signal(int number) {
        result_ = fail(number == SIGTERM ? Errc::Terminated : Errc::Cancelled, "ended by a signal");
        console_->hang_up();
    }

    const AgentConsoleOptions& options_;
    Env& env_;
    AsioLoop loop_;
    Workers workers_{2, "vc-speech"};
    ScratchStore scratch_;
    agent::Stages stages_;
    std::unique_ptr<store::AsyncStore> store_;
    std::unique_ptr<VoiceFile> voice_;
    std::unique_ptr<LineReader> lines_;
    std::unique_ptr<agent::Console> console_;
    Result<void> result_;
};

}  // namespace

void add_agent_console(Command agent, Env& env, Run<AgentConsoleOptions> run) {
    auto o = std::make_shared<AgentConsoleOptions>();
    auto cmd = agent.add_subcommand("console", "Talk to an agent in the terminal, without LiveKit").footer(kAgentConsoleHelp);
    cmd.add_option("config", o->config, "The agent's YAML file").required().type_name("FILE");
    cmd.add_option("--wav", o->wav, "This recording is the caller, instead of standard input").type_name("FILE");
    cmd.add_option("--out", o->out, "Keep the agent's voice: a .wav, .flac, .ogg or .mp3").type_name("FILE");
    cmd.add_option("--metadata", o->metadata, "As a dispatch would carry: text, @FILE or -").type_name("TEXT|@FILE|-");
    cmd.add_option("--store", o->store, "Store the transcript here [nowhere]").type_name("PATH");
    on_run(cmd, std::move(o), env, std::move(run));
}

Result<void> run_agent_console(const AgentConsoleOptions& options, Env& env) {
    if (options.metadata == "-" && options.wav.empty()) return fail(Errc::Usage, "--metadata -: standard input is what the caller says");
    log::configure(env.out.quiet ? log::Level::Error : env.global.verbose >= 2 ? log::Level::Debug : log::Level::Warn, log::Format::Pretty);
    return ConsoleTalk(options, env).run();
}

}  // namespace voicectl::commands
