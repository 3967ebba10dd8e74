#include "voicectl/e2e/call_test.h"

#include <algorithm>
#include <filesystem>
#include <future>
#include <thread>

#include "caller.h"
#include "checks.h"
#include "conversation.h"
#include "e2e_builtin.h"
#include "egress_check.h"
#include "lab.h"
#include "recorder.h"
#include "transcript_check.h"
#include "voicectl/audio/file.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/signals.h"
#include "voicectl/base/text.h"
#include "voicectl/base/workers.h"
#include "voicectl/speech/providers.h"
#include "voicectl/livekit/api.h"

namespace voicectl::e2e {
namespace {

constexpr const char* kCallerIdentity = "e2e-caller";
constexpr std::chrono::seconds kStorePatience{5};
constexpr std::chrono::minutes kTokenLife{30};

std::chrono::milliseconds since(TimePoint began) { return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began); }

class CallTest {
 public:
    CallTest(const CallTestOptions& options, net::HttpClient& http, const CallTestEvents& events)
        : options_(options), script_(options.script), http_(http), checks_(report_, events), loop_thread_([this] { loop_.run(); }),
          signals_(std::make_unique<Signals>(loop_, [this](int number, int) { meeting_.interrupt(number); })) {}

    ~CallTest() {
        caller_.reset();
        std::promise<void> gone;
        loop_.post([&] {
            signals_.reset();
            gone.set_value();
        });
        gone.get_future().wait();
        loop_.stop();
        loop_thread_.join();
    }

    Result<Report> run() {
        const auto began = Clock::now();
        VC_TRY(prepare());
        plan();
        steps();  // what it does not reach shows as not run
        clean_up();
        report_.room = room_;
        report_.agent = agent_name_;
        report_.elapsed = since(began);
        return std::move(report_);
    }

 private:
    bool local() const { return !options_.server.has_value(); }
    bool dispatches() const { return !agent_name_.empty(); }
    bool checks_transcript() const { return !store_path_.empty(); }

    Result<void> prepare() {
        if (local() && script_.turns.empty() && options_.agent_config.empty()) {
            VC_TRY_ASSIGN(script_, parse_script(kBuiltinScript, "examples/receptionist-call.yaml"));
        }
        if (script_.turns.empty())
            return fail_with_hint(Errc::Usage, "nothing to say", "pass --say TEXT (with --expect TEXT), or --script FILE");
        if (!script_.greets && script_.turns.front().over)
            return fail_with_hint(Errc::Usage, "the first turn is spoken over a greeting that is not expected", "leave --no-greeting out, or `over` in the first turn");
        if (!options_.record_folder.empty()) {
            std::error_code failed;
            std::filesystem::create_directories(options_.record_folder, failed);
            if (failed) return fail(Errc::Io, "cannot create {}: {}", options_.record_folder, failed.message());
        }
        for (const auto& turn : script_.turns) {
            if (turn.audio_file.empty()) continue;
            const auto readable = audio::read_file(turn.audio_file, kLongestClipSeconds);
            if (!readable) return fail_with_hint(Errc::Usage, readable.error().message, readable.error().hint);
        }
        VC_TRY(check_voice());
        VC_TRY_ASSIGN(core_, rtc::Core::load());
        coming_engines_ = std::async(std::launch::async, [this] { return build_engines(options_.voice, context_); });
        if (local()) {
            VC_TRY_ASSIGN(lab_, Lab::create());
        }
        agent_name_ = options_.agent_name;
        store_path_ = local() && options_.store.empty() ? lab_->store_path() : options_.store;
        room_ = options_.room.empty() ? fmt::format("e2e-{}", random_id(10)) : options_.room;
        return {};
    }

    /// A voice that does not exist is a mistake in the line; a flite that is not installed shows later.
    Result<void> check_voice() {
        const auto voice = speech::build_tts({{"provider", "flite"}, {"voice", options_.voice}}, context_);
        if (voice || voice.error().key.empty()) return {};
        return fail_with_hint(Errc::Usage, fmt::format("--voice '{}': {}", terminal_safe(options_.voice), voice.error().message), voice.error().hint);
    }

    void plan() {
        if (local()) {
            checks_.plan("server", records() ? "server, recorder started" : "livekit-server started");
            checks_.plan("agent_registered", "agent registered");
        }
        checks_.plan("room", "room created");
        if (records()) checks_.plan("egress_started", "recording asked for");
        if (dispatches() || local()) checks_.plan("dispatch", "agent dispatched");
        checks_.plan("token", "caller token");
        checks_.plan("joined", "caller joined");
        checks_.plan("agent_joined", "agent joined");
        Conversation::plan(script_, checks_);
        if (checks_transcript()) checks_.plan("transcript", "transcript stored");
        if (records()) EgressCheck::plan(checks_);
        if (!options_.record_folder.empty()) checks_.plan("recording", "both sides recorded");
        if (!options_.keep_room) checks_.plan("room_deleted", "room deleted");
        if (local()) checks_.plan("stopped", "agent and server stopped");
    }

    void steps() {
        if (local() && !start_lab()) return;
        if (!local()) server_ = *options_.server;
        twirp_ = std::make_unique<livekit::TwirpClient>(http_, server_);
        if (!make_room() || !start_recording() || !dispatch() || !join() || !meet_agent()) return;
        if (!converse()) return;
        if (checks_transcript()) transcript();
        if (egress_) egress_->run(checks_, store_path_);
    }

    bool start_lab() {
        const bool started = checks_.on_the_way("server", [&]() -> Result<Seen> {
            if (records()) VC_TRY(lab_->start_recorded_server(options_.executable, recordings(), options_.record_to == CallTestOptions::RecordTo::S3, store_path_, meeting_));
            else VC_TRY(lab_->start_server());
            server_ = lab_->server();
            return Seen{server_.url};
        });
        return started && checks_.on_the_way("agent_registered", [&]() -> Result<Seen> {
            VC_TRY_ASSIGN(const auto name, lab_->start_agent(options_.executable, options_.agent_config, store_path_, meeting_));
            if (agent_name_.empty()) agent_name_ = name;
            report_.agent = agent_name_;
            return Seen{fmt::format("'{}' with {}", agent_name_, options_.agent_config.empty() ? "examples/receptionist.yaml" : options_.agent_config)};
        });
    }

    bool make_room() {
        return checks_.on_the_way("room", [&]() -> Result<Seen> {
            livekit::RoomApi rooms(*twirp_);
            VC_TRY_ASSIGN(const auto there, rooms.list({room_}));
            if (!there.empty()) {
                checks_.drop("room_deleted");  // not ours to delete
                return Seen{room_ + " (was there already)"};
            }
            livekit::proto::CreateRoomRequest request;
            request.set_name(room_);
            request.set_empty_timeout(300);
            VC_TRY_ASSIGN(const auto room, rooms.create(request));
            made_room_ = true;
            return Seen{room_, {{"sid", room.sid()}}};
        });
    }

    bool records() const { return options_.record_to != CallTestOptions::RecordTo::Nowhere; }
    std::string recordings() const { return options_.record_folder.empty() ? lab_->folder() : options_.record_folder; }

    bool start_recording() {
        if (!records()) return true;
        return checks_.on_the_way("egress_started", [&]() -> Result<Seen> {
            egress_ = std::make_unique<EgressCheck>(*twirp_, http_, lab_->storage(), recordings());
            return egress_->start(room_);
        });
    }

    bool dispatch() {
        if (!dispatches()) return true;
        return checks_.on_the_way("dispatch", [&]() -> Result<Seen> {
            livekit::proto::CreateAgentDispatchRequest request;
            request.set_room(room_);
            request.set_agent_name(agent_name_);
            request.set_metadata(options_.metadata);
            VC_TRY_ASSIGN(const auto made, livekit::DispatchApi(*twirp_).create(request));
            return Seen{fmt::format("'{}'", agent_name_), {{"dispatchId", made.id()}}};
        });
    }

    bool join() {
        std::string token;
        const bool minted = checks_.on_the_way("token", [&]() -> Result<Seen> {
            livekit::Claims claims;
            claims.identity = kCallerIdentity;
            claims.video.room_join = true;
            claims.video.room = room_;
            claims.video.can_publish = true;
            claims.video.can_publish_sources = {"microphone"};
            claims.video.can_publish_data = false;
            token = livekit::mint(server_.key, claims, kTokenLife);
            return Seen{"join this room, publish a microphone, hear others; nothing else"};
        });
        return minted && checks_.on_the_way("joined", [&]() -> Result<Seen> {
            caller_ = std::make_unique<Caller>(loop_, *core_, meeting_, agent_name_);
            VC_TRY(caller_->join(server_.url, token, std::chrono::seconds{10}));
            VC_TRY_ASSIGN(auto engines, coming_engines_.get());
            engines_ = std::move(engines);
            VC_TRY(caller_->open_microphone(engines_.voice->rate_hz()));
            return Seen{fmt::format("as {}", kCallerIdentity)};
        });
    }

    bool meet_agent() {
        return checks_.in_the_call("agent_joined", [&]() -> Result<Seen> {
            VC_TRY_ASSIGN(const auto agent, caller_->wait_for_agent(options_.join_timeout));
            VC_TRY(caller_->wait_for_agent_audio(options_.join_timeout));
            return Seen{fmt::format("{}, kind AGENT", terminal_safe(agent.identity)), {{"identity", agent.identity}}};
        });
    }

    bool converse() {
        Conversation conversation(script_, options_, *caller_, engines_, recorder_, checks_,
                                  [this] { return checks_transcript() ? stored_greeting(store_path_, room_) : std::string(); });
        const bool held = conversation.run();
        spoken_ = conversation.take_spoken();
        return held;
    }

    void transcript() {
        checks_.in_the_call("transcript", [&] {
            return check_transcript(store_path_, room_, spoken_, options_.transcript_tolerance, kStorePatience, engines_.pronunciations);
        });
    }

    void clean_up() {
        if (caller_ && !options_.record_folder.empty())
            checks_.run("recording", [&] { return recorder_.write(options_.record_folder, caller_->ears()); });
        if (caller_) caller_->leave();
        if (made_room_ && !options_.keep_room) delete_room();
        if (lab_ && report_.held() > 0) {
            checks_.run("stopped", [&]() -> Result<Seen> {
                VC_TRY(lab_->stop_agent());
                VC_TRY(lab_->stop_recorder());
                VC_TRY(lab_->stop_server());
                return Seen{"both ended"};
            });
        }
        lab_.reset();
    }

    void delete_room() {
        checks_.run("room_deleted", [&]() -> Result<Seen> {
            livekit::RoomApi rooms(*twirp_);
            const auto removed = rooms.remove(room_);
            if (!removed && removed.error().code != Errc::NotFound) return std::unexpected(removed.error());
            VC_TRY_ASSIGN(const auto left, rooms.list({room_}));
            if (!left.empty()) return fail(Errc::CheckFailed, "{} is still there", room_);
            return Seen{room_};
        });
    }

    const CallTestOptions& options_;
    Script script_;
    net::HttpClient& http_;
    Report report_;
    Checks checks_;
    Workers workers_{2, "vc-speech"};
    speech::ProviderContext context_{workers_, http_, [](const std::string&) { return std::nullopt; }, {}};
    Rendezvous meeting_;
    AsioLoop loop_;
    std::thread loop_thread_;
    std::unique_ptr<Signals> signals_;
    std::unique_ptr<rtc::Core> core_;
    Engines engines_;
    std::future<Result<Engines>> coming_engines_;
    std::unique_ptr<Lab> lab_;
    livekit::Server server_;
    std::unique_ptr<livekit::TwirpClient> twirp_;
    std::unique_ptr<EgressCheck> egress_;
    std::unique_ptr<Caller> caller_;
    Recorder recorder_;
    std::vector<Spoken> spoken_;
    std::string agent_name_, room_, store_path_;
    bool made_room_ = false;
};

}  // namespace

Result<Report> run_call_test(const CallTestOptions& options, net::HttpClient& http, const CallTestEvents& events) {
    return CallTest(options, http, events).run();
}

}  // namespace voicectl::e2e
