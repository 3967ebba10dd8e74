// The running `webhook listen`: server, intake, forwarder, printer, commands, and how all of it ends. Lives on its loop,
// which main runs.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>

#include "commands/env.h"
#include "commands/webhook/egress_note.h"
#include "commands/webhook/event_runner.h"
#include "commands/webhook/line_printer.h"
#include "commands/webhook/listen.h"
#include "voicectl/net/http_server.h"
#include "voicectl/store/store.h"
#include "voicectl/webhook/forwarder.h"
#include "voicectl/webhook/gap_filler.h"
#include "voicectl/webhook/intake.h"

namespace voicectl::commands {

class Listener {
 public:
    Listener(const WebhookListenOptions& options, Env& env) : options_(options), env_(env) {}
    ~Listener();
    Result<void> run();

 private:
    struct Times {
        std::chrono::milliseconds keep{0}, exec_limit{0}, limit{0};
    };
    Result<void> prepare();
    Result<void> read_options();
    Result<void> open_store();
    Result<void> open_server();
    Result<void> announce();
    void start_forwarder();
    void start_runner();
    Result<void> start_asking();
    void forget_old();

    bool wanted(const store::WebhookEvent& event) const;
    void on_handled(const webhook::Handled& handled);
    void on_refused(const webhook::Handled& handled);
    void pass_on(const webhook::Handled& handled);
    void save(const webhook::Handled& handled);
    void count(const store::WebhookEvent& event);
    void warn_now_and_then(const std::string& text);

    void on_signal(int number, int count);
    void on_limit();
    /// Takes no more, finishes what was taken, then ends with `result`.
    void finish(Result<void> result);
    void next_step();
    void end();

    const WebhookListenOptions& options_;
    Env& env_;
    AsioLoop loop_;
    Times times_;
    std::vector<int> answers_;
    std::vector<std::string> targets_;
    livekit::WebhookKeys keys_;
    livekit::ApiKey key_;
    std::FILE* saved_ = nullptr;
    bool save_failed_ = false, people_ = false;
    int seen_ = 0;  // of those that --count counts
    int warned_ = 0;
    TimePoint warned_since_;
    std::unique_ptr<store::AsyncStore> store_;
    std::unique_ptr<webhook::Intake> intake_;
    std::unique_ptr<net::HttpServer> server_;
    std::unique_ptr<webhook::Forwarder> forwarder_;
    std::unique_ptr<EventRunner> runner_;
    std::unique_ptr<EgressNotes> notes_;
    std::unique_ptr<webhook::GapFiller> gaps_;
    LinePrinter printer_{loop_, env_.out};
    int step_ = 0;  // of finish()
    bool finishing_ = false;
    Timer limit_timer_{loop_}, forget_timer_{loop_}, gaps_timer_{loop_}, step_timer_{loop_};
    Result<void> result_;
    Lifeline lifeline_;
};

}  // namespace voicectl::commands
