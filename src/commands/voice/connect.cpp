#include "commands/voice/connect.h"

#include <unistd.h>

#include <csignal>
#include <optional>

#include "commands/agent/line_reader.h"
#include "commands/voice/ear.h"
#include "voicectl/audio/file.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/base/json.h"
#include "voicectl/base/log.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/signals.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"
#include "voicectl/serve/voice_client.h"

namespace voicectl::commands {
namespace {

constexpr const char* kVoiceConnectHelp = R"(Calls the agent behind a voice server (voicectl serve --agent) over a WebSocket: what --say and --text give is said in
their order, each once the agent has finished what it says, --record keeps what is heard, and with the last answer the
call ends. With --type each line of standard input is what the caller types. What both sides say goes to standard
output, with -o jsonl every message of the server. A call that is cut is gone on with as long as the server keeps it.

The token of a user comes from VOICECTL_VOICE_TOKEN or --token-file (- is standard input). --timeout is the longest
wait for the connection and for each answer. A call that fails is exit 1, one that ends before all is said as well.

Examples:
  voicectl voice connect http://127.0.0.1:8080 --say question.wav --record answer.wav
  voicectl voice connect wss://voice.example/v1/voice --text "When are you open?" --token-file token.txt -o jsonl
  echo "When are you open?" | voicectl voice connect http://127.0.0.1:8080 --type)";

constexpr std::chrono::milliseconds kPiece{100};
constexpr std::size_t kPieceSamples = audio::kSpeechRateHz / 10;
constexpr std::chrono::milliseconds kQuiet{500};      // so long nothing happens: the agent has finished
constexpr std::chrono::milliseconds kGreeting{1500};  // … or has no greeting
constexpr std::chrono::milliseconds kFarewell{5000};  // for the end that was asked for

Result<audio::Samples> recording(const std::string& path) {
    constexpr int kLongest = 1800;
    const auto pcm = audio::read_file(path, kLongest);
    if (!pcm) return fail_with_hint(Errc::Usage, "--say: " + pcm.error().message, "a .wav, .flac, .ogg or .mp3 of at most half an hour");
    return audio::resample(audio::to_mono(*pcm), audio::kSpeechRateHz).samples;
}

Result<std::string> user_token(const VoiceConnectOptions& options, Env& env) {
    if (!options.token.empty()) env.out.warn("a secret on the command line can be read by every user of this machine; use VOICECTL_VOICE_TOKEN or --token-file");
    auto token = options.token.empty() ? env.get("VOICECTL_VOICE_TOKEN").value_or("") : options.token;
    if (!options.token_file.empty()) {
        VC_TRY_ASSIGN(token, options.token_file == "-" ? read_payload("-") : read_given_file(options.token_file, 64 * 1024));
    }
    token = trim(token);
    if (token.empty()) return fail_with_hint(Errc::Usage, "no token", "set VOICECTL_VOICE_TOKEN, or give --token-file");
    if (token.find_first_of(" \t\r\n") != std::string::npos) return fail(Errc::Usage, "what was given is no token: it has blanks in it");
    register_secret(token);
    return token;
}

struct Line {
    std::string name, text;
    audio::Samples audio;  // empty: typed
};

class VoiceTalk {
 public:
    VoiceTalk(const VoiceConnectOptions& options, Env& env) : options_(options), env_(env), ticker_(loop_), patience_(loop_), ear_(loop_.now()) {}

    Result<void> run() {
        serve::VoiceClientOptions client;
        client.url = options_.url;
        VC_TRY_ASSIGN(client.token, user_token(options_, env_));
        VC_TRY_ASSIGN(client.metadata, metadata());
        VC_TRY_ASSIGN(limit_, env_.timeout());
        client.connect_timeout = limit_;
        for (const auto& step : options_.steps) {
            Line line{step.what, step.spoken ? "" : step.what, {}};
            if (step.spoken) {
                VC_TRY_ASSIGN(line.audio, recording(step.what));
                if (line.audio.empty()) return fail(Errc::Usage, "--say: {} holds no audio", step.what);
                speaks_ = true;
            }
            lines_.push_back(std::move(line));
        }
        if (!options_.record.empty()) {
            auto file = audio::FileWriter::create(options_.record, audio::kSpeechRateHz, 1);
            if (!file) return fail(Errc::Usage, "--record: {}", file.error().message);
            file_ = std::move(*file);
        }
        const Signals signals(loop_, [this](int number, int) { on_signal(number); });
        client_ = serve::VoiceClient::open(loop_, std::move(client), handlers());
        loop_.run();
        typed_.reset();
        client_.reset();
        if (file_) {
            auto closed = file_->close();
            if (result_ && !closed) result_ = std::move(closed);
        }
        return result_;
    }

 private:
    Result<nlohmann::json> metadata() const {
        VC_TRY_ASSIGN(const auto text, read_payload(options_.metadata));
        auto out = nlohmann::json::object();
        if (!trim(text).empty()) {
            constexpr int kDeepest = 8;
            auto given = parse_object(text, kDeepest);
            if (!given) return fail(Errc::Usage, "--metadata {}", given.error());
            out = std::move(*given);
        }
        if (!options_.language.empty()) out["language"] = options_.language;
        return out;
    }

    serve::VoiceClientHandlers handlers() {
        serve::VoiceClientHandlers out;
        out.on_message = [this](const nlohmann::json& message) { on_message(message); };
        out.on_audio = [this](audio::SampleView samples) {
            ear_.add(samples);
            touch();
        };
        out.on_cut = [this](const Error& why) {
            if (env_.out.json()) event({{"event", "cut"}, {"message", why.message}});
            else env_.out.note(fmt::format("the connection is cut ({}), trying to come back", why.message));
        };
        out.on_end = [this](Result<void> result) {
            if (result_ && !result) result_ = std::move(result);
            if (result_ && !leaving_ && (next_ < lines_.size() || step_on_)) result_ = fail(Errc::Other, "the call ended before all was said: {}", end_reason_);
            if (result_ && failed_) result_ = fail(Errc::Other, "the call failed: {}", end_reason_);
            write_heard();
            loop_.stop();
        };
        return out;
    }

    void on_message(const nlohmann::json& message) {
        const auto type = text_at(message, "type");
        if (env_.out.json()) {
            nlohmann::json shown{{"event", type}};
            for (const auto& [key, value] : message.items())
                if (key != "type") shown[key] = value;
            event(shown);
        }
        touch();
        if (type == "ready") on_ready(message);
        else if (type == "state") on_state(text_at(message, "state"));
        else if (type == "clear") ear_.clear();
        else if (type == "caption") on_caption(message);
        else if (type == "error" && !env_.out.json()) env_.out.warn(text_at(message, "message"));
        else if (type == "ended") on_ended(message);
        if (env_.out.reader_gone()) leave();
    }

    void on_ready(const nlohmann::json& message) {
        if (message.value("resumed", false)) return env_.out.json() ? void() : env_.out.note("connected again");
        if (!env_.out.json()) env_.out.note(fmt::format("in a call: {}", text_at(message, "room")));
        ear_ = Ear(loop_.now());
        touch();
        ticker_.every(kPiece, [this] { tick(); });
        expect("the greeting");
    }

    void on_state(const std::string& state) {
        state_ = state;
        if (state == "speaking") answered_ = true;
    }

    void on_caption(const nlohmann::json& message) {
        if (env_.out.json() || !message.value("final", false)) return;
        const auto text = text_at(message, "text");
        if (!text.empty()) (void)env_.out.emit_raw(terminal_safe(text_at(message, "who") + ": " + text) + "\n");
    }

    void on_ended(const nlohmann::json& message) {
        end_reason_ = terminal_safe(redact(text_at(message, "reason")));
        failed_ = text_at(message, "status") == "failed";
        if (!env_.out.json() && !leaving_) env_.out.note("the call has ended: " + end_reason_);
    }

    void tick() {
        write_heard();
        if (!client_->there()) return;  // what is said now would be lost
        if (speaks_) speak();
        if (!step_on_ || position_ < current().audio.size()) return look_for_turn();
        look_for_answer();
    }

    /// A microphone is never off.
    void speak() {
        audio::Samples piece(kPieceSamples);
        if (step_on_) {
            const auto& said = current().audio;
            const auto count = std::min(kPieceSamples, said.size() - std::min(position_, said.size()));
            std::copy_n(said.begin() + static_cast<std::ptrdiff_t>(position_), count, piece.begin());
            position_ += count;
            if (count > 0) touch();
            if (count > 0 && position_ == said.size()) begin_waiting();
        }
        client_->speak(piece);
    }

    bool quiet(std::chrono::milliseconds time) const {
        return ear_.silent() && state_ != "speaking" && state_ != "thinking" && loop_.now() - touched_ >= time;
    }
    void look_for_turn() {
        if (step_on_ || !quiet(answered_ ? kQuiet : kGreeting)) return;
        patience_.cancel();
        next_step();
    }
    void look_for_answer() {
        if (!answered_ || !quiet(kQuiet)) return;
        step_on_ = false;
        ++next_;
        patience_.cancel();
        next_step();
    }

    void next_step() {
        if (leaving_ || asking_) return;
        if (next_ < lines_.size()) {
            step_on_ = true;
            position_ = 0;
            if (!current().audio.empty()) return;
            begin_waiting();
            return client_->type(current().text);
        }
        if (!options_.type) return leave();
        if (!typed_) typed_ = std::make_unique<LineReader>(loop_, STDIN_FILENO);
        ask();
    }

    void ask() {
        asking_ = true;
        if (env_.out.talk_is_terminal() && isatty(STDIN_FILENO) == 1) env_.out.question("> ");
        typed_->next([this](const std::optional<std::string>& given) {
            asking_ = false;
            if (!given) return leave();
            const auto text = valid_utf8(trim(*given));
            if (text.empty()) return ask();
            lines_.push_back({"what was typed", text, {}});
            next_step();
        });
    }

    void begin_waiting() {
        answered_ = false;
        touch();
        expect(fmt::format("an answer to {}", current().audio.empty() ? "what was typed" : current().name));
    }
    void expect(const std::string& what) {
        patience_.after(limit_, [this, what] {
            result_ = fail(Errc::Timeout, "no end of {} within {}; the agent was last {}", what, format_duration(limit_), state_.empty() ? "silent" : state_);
            leave();
        });
    }
    void touch() { touched_ = loop_.now(); }

    void leave() {
        if (std::exchange(leaving_, true)) return;
        client_->hang_up();
        patience_.after(kFarewell, [this] { loop_.stop(); });
    }

    void write_heard() {
        const auto heard = ear_.play(loop_.now());
        if (!file_ || heard.empty()) return;
        if (auto written = file_->write(heard); !written && result_) {
            result_ = std::move(written);
            leave();
        }
    }

    Line& current() { return lines_[next_]; }
    void event(const nlohmann::json& what) { (void)env_.out.emit_raw(json_text(what) + "\n"); }

    void on_signal(int number) {
        result_ = fail(number == SIGTERM ? Errc::Terminated : Errc::Cancelled, "ended by a signal");
        leave();
    }

    const VoiceConnectOptions& options_;
    Env& env_;
    AsioLoop loop_;
    Timer ticker_, patience_;
    Ear ear_;
    std::chrono::milliseconds limit_{};
    std::vector<Line> lines_;
    std::size_t next_ = 0, position_ = 0;  // of lines_; in its audio
    bool speaks_ = false;
    bool step_on_ = false;                 // the next line is being said, or its answer waited for
    bool answered_ = false;                // the agent has begun to speak since
    bool asking_ = false, leaving_ = false, failed_ = false;
    TimePoint touched_{};                  // something happened
    std::string state_, end_reason_;
    std::unique_ptr<audio::FileWriter> file_;
    std::unique_ptr<LineReader> typed_;
    std::unique_ptr<serve::VoiceClient> client_;
    Result<void> result_;
};

}  // namespace

void add_voice_connect(Command voice, Env& env, Run<VoiceConnectOptions> run) {
    auto o = std::make_shared<VoiceConnectOptions>();
    auto cmd = voice.add_subcommand("connect", "Call an agent over a WebSocket").footer(kVoiceConnectHelp).no_dry_run();
    cmd.add_option("url", o->url, "The server of `voicectl serve`: http://HOST:PORT, or its WebSocket whole").required().type_name("URL");
    auto say = cmd.add_option("--say", "A recording that the caller says (repeat)").keep_order().one_value().group("What is said").type_name("FILE");
    auto text = cmd.add_option("--text", "What the caller types (repeat)").keep_order().one_value().group("What is said").type_name("TEXT");
    cmd.add_flag("--type", o->type, "Then each line of standard input is typed").group("What is said");
    cmd.add_option("--record", o->record, "Keep what is heard: a .wav, .flac, .ogg or .mp3").type_name("FILE");
    cmd.add_option("--metadata", o->metadata, "As a dispatch would carry: a JSON object, @FILE or -").type_name("TEXT|@FILE|-");
    cmd.add_option("--language", o->language, "That the agent shall speak").type_name("TAG");
    auto token = cmd.add_option("--token", o->token, "The user's token (better: VOICECTL_VOICE_TOKEN)").type_name("TOKEN");
    cmd.add_option("--token-file", o->token_file, "A file that holds the user's token; - is standard input").type_name("FILE").excludes(token);
    cmd.callback([o, cmd, say, text, &env, run = std::move(run)] {
        o->steps.clear();
        for (const auto& [flag, value] : cmd.in_order())
            if (flag == say || flag == text) o->steps.push_back({flag == say, value});
        env.selected = [o, &env, run] { return run(*o, env); };
    });
}

Result<std::string> voice_url(const std::string& text) {
    auto url = net::parse_url(text);
    if (!url) return fail_with_hint(Errc::Usage, fmt::format("'{}' is no URL", redact(text)), "for example http://127.0.0.1:8080, or ws://127.0.0.1:8080/v1/voice");
    url->scheme = url->secure() ? "wss" : "ws";
    if (url->path == "/") url->path = "/v1/voice";
    return url->to_string();
}

Result<void> run_voice_connect(const VoiceConnectOptions& options, Env& env) {
    if (options.steps.empty() && !options.type) return fail_with_hint(Errc::Usage, "nothing to say", "give --say FILE, --text TEXT, or --type for standard input");
    if (static_cast<int>(options.type) + (options.metadata == "-") + (options.token_file == "-") > 1)
        return fail(Errc::Usage, "--type, --metadata - and --token-file - all read standard input");
    auto given = options;
    VC_TRY_ASSIGN(given.url, voice_url(options.url));
    log::configure(env.out.quiet ? log::Level::Error : env.global.verbose >= 2 ? log::Level::Debug : log::Level::Warn, log::Format::Pretty);
    return VoiceTalk(given, env).run();
}

}  // namespace voicectl::commands
