#include <algorithm>
#include <deque>
#include <optional>

#include "core/serve/wishes.h"
#include "voice_line.h"
#include "voicectl/agent/metadata.h"
#include "voicectl/agent/user_cap.h"
#include "voicectl/agent/voice_call.h"
#include "voicectl/base/digest.h"
#include "voicectl/base/json.h"
#include "voicectl/base/log.h"
#include "voicectl/base/text.h"

namespace voicectl::serve {
namespace {

using Json = nlohmann::json;
using voice::Line;

constexpr int kCloseTakenOver = 4000;  // RFC 6455 leaves 4000 to 4999 to applications
constexpr int kSocketsBeyondCalls = 50;  // of clients that have not begun, or come back
constexpr std::size_t kMostMissed = 100, kMostTokens = 16;
constexpr const char* kBearer = "bearer.";
constexpr const char* kProtocolHeader = "sec-websocket-protocol";

/// The authority of "https://example.org"; empty when it is no origin ("null").
std::string_view host_of(std::string_view origin) {
    const auto mark = origin.find("://");
    return mark == std::string_view::npos ? std::string_view{} : origin.substr(mark + 3);
}

bool origin_allowed(const net::ServedRequest& request, const std::vector<std::string>& allowed) {
    const auto origin = request.header("origin");
    if (origin.empty()) return true;  // no browser
    if (allowed.empty()) return !host_of(origin).empty() && to_lower_ascii(host_of(origin)) == to_lower_ascii(request.header("host"));
    return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& one) { return one == "*" || one == origin; });
}

/// Browsers cannot set headers on a WebSocket: there a token comes as a subprotocol.
net::ServedRequest with_token(const net::ServedRequest& request, const std::vector<std::string>& protocols) {
    auto out = request;
    if (!out.header("authorization").empty()) return out;
    for (const auto& one : protocols)
        if (one.starts_with(kBearer)) out.headers.emplace_back("authorization", "Bearer " + one.substr(std::string_view(kBearer).size()));
    return out;
}

/// A call, with its client or, for a while, without.
struct Talk {
    explicit Talk(Loop& loop) : resume_timer(loop) {}
    std::string id, room, state;
    std::vector<std::string> tokens;   // that the client may hold: the one it came back with, and those of each `ready` since, which may be lost
    Caller caller;
    agent::VoiceCall* call = nullptr;  // until it has ended
    Line* line = nullptr;
    std::deque<Json> missed;           // captions of what was said while the client was away
    bool cleared = false;              // … and what it has waiting is not said
    bool leaving = false;              // the call was told to end
    Timer resume_timer;
};

class LocalVoiceDesk final : public VoiceDesk {
 public:
    LocalVoiceDesk(Loop& loop, const VoiceParts& parts, Gate& gate, VoiceOptions options)
        : loop_(loop),
          gate_(gate),
          store_(parts.store),
          options_(std::move(options)),
          calls_(agent::VoiceCalls::create(loop, parts.config, parts.stages, parts.store, {options_.calls_per_user, options_.idle, options_.max_duration})),
          drain_timer_(loop) {
        calls_->on_report = [this](const Json& report) {
            if (on_report) on_report(report);
        };
    }
    ~LocalVoiceDesk() override { clients_.clear(); }

    bool wants(const net::ServedRequest& request) const override { return request.path == options_.path; }

    void take(const net::ServedRequest& request, std::unique_ptr<net::Upgrade> upgrade) override {
        const auto protocols = voice::offered_protocols(request.header(kProtocolHeader));
        const bool known = std::find(protocols.begin(), protocols.end(), voice::kProtocol) != protocols.end();
        if (draining_) return turn_away(*upgrade, 503, "going_away", "the server is going away");
        if (!origin_allowed(request, options_.origins)) return turn_away(*upgrade, 403, "origin", "pages of this origin may not call");
        if (!protocols.empty() && !known) return turn_away(*upgrade, 400, "bad_message", fmt::format("the subprotocol is {}", voice::kProtocol));
        gate_.identify(with_token(request, protocols), lifeline_.guard([this, waiting = std::make_shared<std::unique_ptr<net::Upgrade>>(std::move(upgrade)),
                                                                        protocol = known ? voice::kProtocol : ""](const Result<Caller>& caller) {
            if (const auto its = std::exchange(*waiting, nullptr)) on_identified(*its, protocol, caller);
        }));
    }

    void drain(std::chrono::milliseconds limit, std::function<void()> done) override {
        draining_ = true;
        drained_ = std::move(done);
        for (const auto& [line, client] : clients_)
            if (client.talk == nullptr) client.line->close(net::kCloseGoingAway, "the server is going away");
        for (const auto& [id, talk] : talks_) {
            if (talk->call == nullptr) continue;
            if (talk->line != nullptr) talk->call->say_goodbye(options_.goodbye, "the server is going away");
            else talk->call->hang_up("the server is going away");
        }
        drain_timer_.after(limit, [this] {
            for (const auto& [id, talk] : talks_)
                if (talk->call != nullptr) talk->call->hang_up("the server is going away");
        });
        loop_.post(lifeline_.guard([this] { tell_drained(); }));
    }

    VoiceCounts counts() const override {
        auto out = counts_;
        out.calls = static_cast<int>(talks_.size());
        out.sockets = static_cast<int>(clients_.size());
        return out;
    }

 private:
    struct Client {
        std::unique_ptr<Line> line;
        Talk* talk = nullptr;  // once it has one
    };

    // ---- sockets ----

    void turn_away(net::Upgrade& upgrade, int status, const char* code, const std::string& why) {
        ++counts_.refused[code];
        net::ServedResponse response{status, json_text(Json{{"error", {{"code", code}, {"message", why}}}}) + "\n", "application/json"};
        if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
        if (status == 503) response.headers.emplace_back("Retry-After", "5");
        upgrade.refuse(std::move(response));
    }

    void on_identified(net::Upgrade& upgrade, const std::string& protocol, const Result<Caller>& caller) {
        if (!caller && caller.error().code == Errc::Auth) return turn_away(upgrade, 401, "unauthorized", caller.error().message);
        if (!caller) return turn_away(upgrade, 503, "unavailable", "it cannot be told now who you are");
        if (caller->who == Who::Nobody) return turn_away(upgrade, 401, "unauthorized", "a token is needed: Authorization: Bearer, or subprotocol bearer.TOKEN");
        if (caller->who != Who::User && caller->who != Who::Service) return turn_away(upgrade, 403, "forbidden", "calls are for users");
        if (draining_) return turn_away(upgrade, 503, "going_away", "the server is going away");
        if (static_cast<int>(clients_.size()) >= options_.most_calls + kSocketsBeyondCalls) return turn_away(upgrade, 503, "busy", "too many connections");
        open_line(upgrade, protocol, *caller);
    }

    void open_line(net::Upgrade& upgrade, const std::string& protocol, const Caller& caller) {
        Line::Handlers handlers;
        handlers.on_message = [this](Line& line, const voice::ClientMessage& message) {
            std::visit([&](const auto& its) { on_message(line, its); }, message);
        };
        handlers.on_audio = [this](Line& line, audio::SampleView samples) { on_audio(line, samples); };
        handlers.on_refused = [this](const char* code) { ++counts_.refused[code]; };
        handlers.on_too_many_errors = [this](Line& line) {
            if (auto* talk = talk_of(line)) leave(*talk, "the client made too many errors");
        };
        handlers.on_close = [this](Line& line, const net::SocketEnd& end) { on_close(line, end); };
        auto line = std::make_unique<Line>(loop_, options_, caller, upgrade, protocol, std::move(handlers));
        const auto* key = line.get();
        clients_.emplace(key, Client{std::move(line)});
    }

    Talk*& talk_of(const Line& line) { return clients_.at(&line).talk; }

    void on_close(Line& line, const net::SocketEnd& end) {
        auto* talk = std::exchange(talk_of(line), nullptr);
        loop_.post(lifeline_.guard([this, gone = &line] { clients_.erase(gone); }));  // it is our caller
        if (talk == nullptr) return;
        talk->line = nullptr;
        const bool meant = end.code == net::kCloseNormal || end.code == net::kCloseNoCode;
        if (talk->leaving) return;
        if (meant || talk->call == nullptr) return leave(*talk, "the caller hung up");
        ++counts_.cut;
        log::info("voice", "a caller is cut off", {{"call", talk->id}, {"code", end.code}});
        talk->call->lose();
        talk->resume_timer.after(options_.resume_within, [this, talk] { leave(*talk, "the caller was cut off and did not come back"); });
    }

    // ---- calls ----

    void on_message(Line& line, const voice::Start& start) {
        if (talk_of(line) != nullptr) return line.refuse("already_started", "this connection has its call already");
        if (draining_) return close_with(line, net::kCloseGoingAway, "going_away", "the server is going away");
        if (static_cast<int>(talks_.size()) >= options_.most_calls) return close_with(line, net::kCloseTryLater, "busy", "as many calls as there may be are on");
        auto metadata = start.metadata;
        if (line.caller().who == Who::User) {
            if (const auto name = not_a_users(metadata)) return line.refuse("bad_message", fmt::format("start: metadata.{}: is not a user's to choose", plain_text(*name, 40)));
            metadata["userId"] = line.caller().user_id;  // whatever the client says
        }
        auto text = json_text(metadata);
        if (const auto read = agent::read_metadata(text); !read.faults.empty()) return line.refuse("bad_message", "start: metadata: " + read.faults.front());
        auto talk = std::make_unique<Talk>(loop_);
        const auto user = agent::user_of(text);
        talk->id = "VC_" + random_id(12);
        talk->room = voice::room_name(user, talk->id);
        talk->caller = line.caller();
        attach(*talk, line);
        const agent::VoiceTicket ticket{talk->id, talk->room, user.empty() ? "caller" : user, std::move(text)};
        talks_.emplace(talk->id, std::move(talk));
        const store::Assignment claimed{text_at(metadata, "assignmentId"), user};
        if (claimed.id.empty()) return begin(ticket);
        store_.run<void>([claimed](store::Store& store) { return store.check_assignment(claimed); }, lifeline_.guard([this, ticket](const Result<void>& own) {
            if (own) return begin(ticket);
            const bool known = own.error().code == Errc::Conflict || own.error().code == Errc::NotFound;
            if (known) give_up(ticket.id, net::kClosePolicy, "assignment_refused", "the user has no such assignment");
            else give_up(ticket.id, net::kCloseTryLater, "unavailable", "it cannot be told now whose the assignment is");
        }));
    }

    void begin(const agent::VoiceTicket& ticket) {
        calls_->begin(ticket, handlers_of(*talks_.at(ticket.id)), lifeline_.guard([this, id = ticket.id](const Result<agent::VoiceCall*>& begun) { on_begun(id, begun); }));
    }

    /// There will be no call.
    void give_up(const std::string& id, int status, const char* code, const std::string& why) {
        const auto found = talks_.find(id);
        if (auto* line = found->second->line) {
            talk_of(*line) = nullptr;
            close_with(*line, status, code, why);
        }
        talks_.erase(found);
        tell_drained();
    }

    void on_begun(const std::string& id, const Result<agent::VoiceCall*>& begun) {
        if (!begun) return give_up(id, net::kCloseTryLater, "user_limit", begun.error().message);
        auto& talk = *talks_.at(id);
        talk.call = *begun;
        ++counts_.begun;
        log::info("voice", "call begun", {{"call", id}, {"room", talk.room}});
        if (talk.line != nullptr && !draining_) return tell_ready(talk, talk.call->position(), false);
        loop_.post(lifeline_.guard([this, id] {  // it starts once we have returned
            if (const auto its = talks_.find(id); its != talks_.end()) leave(*its->second, draining_ ? "the server is going away" : "the caller hung up");
        }));
    }

    void on_message(Line& line, const voice::Resume& resume) {
        if (talk_of(line) != nullptr) return line.refuse("already_started", "this connection has its call already");
        const auto found = talks_.find(resume.call_id);
        // One answer for all that may be wrong: it tells nobody which calls there are.
        if (found == talks_.end() || !may_resume(*found->second, line, resume.token))
            return close_with(line, net::kClosePolicy, "resume_refused", "there is no such call to go on with");
        auto& talk = *found->second;
        talk.tokens.erase(talk.tokens.begin(), find_token(talk, resume.token));
        if (talk.line != nullptr) {  // half open: its end has not been noticed yet
            talk_of(*talk.line) = nullptr;
            talk.line->close(kCloseTakenOver, "taken over by a newer connection");
            talk.call->lose();
        }
        talk.resume_timer.cancel();
        attach(talk, line);
        ++counts_.resumed;
        log::info("voice", "a caller is back", {{"call", talk.id}});
        tell_ready(talk, talk.call->resume(resume.received), true);
        if (std::exchange(talk.cleared, false)) line.tell({{"type", "clear"}});
        for (const auto& caption : std::exchange(talk.missed, {})) line.tell(caption);
        if (!talk.state.empty()) line.tell({{"type", "state"}, {"state", talk.state}});
    }

    static bool may_resume(const Talk& talk, const Line& line, const std::string& token) {
        const auto& who = line.caller();
        return talk.call != nullptr && who.who == talk.caller.who && who.user_id == talk.caller.user_id && find_token(talk, token) != talk.tokens.end();
    }

    static std::vector<std::string>::const_iterator find_token(const Talk& talk, const std::string& token) {
        return std::find_if(talk.tokens.begin(), talk.tokens.end(), [&](const std::string& one) { return same_secret(token, one); });
    }

    void on_message(Line& line, const voice::Text& text) {
        if (auto* call = call_of(line)) call->type(text.text);
    }
    void on_message(Line& line, const voice::Key& key) {
        if (auto* call = call_of(line)) call->press(key.key);
    }
    void on_message(Line& line, const voice::End&) {
        if (call_of(line) != nullptr) leave(*talk_of(line), "the caller hung up");
    }
    void on_message(Line& line, const voice::Ping& ping) {
        Json pong{{"type", "pong"}};
        if (ping.id) pong["id"] = *ping.id;
        line.tell(pong);
    }
    void on_audio(Line& line, audio::SampleView samples) {
        if (auto* call = call_of(line)) {
            counts_.bytes_in += samples.size_bytes();
            call->hear(samples);
        }
    }

    agent::VoiceCall* call_of(Line& line) {
        const auto* talk = talk_of(line);
        if (talk != nullptr && talk->call != nullptr) return talk->call;
        if (talk == nullptr) line.refuse("no_call", "start, or resume, comes first");
        else line.refuse("no_call", "the call is not ready");
        return nullptr;
    }

    void attach(Talk& talk, Line& line) {
        talk.line = &line;
        talk_of(line) = &talk;
        line.settled();
    }

    void tell_ready(Talk& talk, std::uint64_t position, bool resumed) {
        if (talk.tokens.size() == kMostTokens) talk.tokens.erase(talk.tokens.begin() + 1);  // the first is the one that the client is known to hold
        talk.tokens.push_back(random_id(32));
        const auto ms = [](std::chrono::milliseconds time) { return time.count(); };
        const auto& limits = calls_->limits();
        talk.line->tell({{"type", "ready"},
                         {"callId", talk.id},
                         {"room", talk.room},
                         {"resumed", resumed},
                         {"sampleRate", audio::kSpeechRateHz},
                         {"chunkMs", 100},
                         {"position", position},
                         {"resumeToken", talk.tokens.back()},
                         {"limits",
                          {{"minChunkBytes", options_.min_chunk},
                           {"maxChunkBytes", options_.max_chunk},
                           {"maxTextBytes", options_.max_text},
                           {"aheadMs", ms(options_.ahead)},
                           {"idleMs", ms(limits.idle)},
                           {"maxDurationMs", ms(limits.max_duration)},
                           {"resumeMs", ms(options_.resume_within)}}}});
    }

    agent::VoiceHandlers handlers_of(Talk& talk) {
        agent::VoiceHandlers out;
        out.on_audio = [this, &talk](audio::SampleView samples) {
            if (talk.line == nullptr) return;
            counts_.bytes_out += samples.size_bytes();
            talk.line->play(samples);
        };
        out.on_clear = [&talk] {
            if (talk.line != nullptr) talk.line->tell({{"type", "clear"}});
            else talk.cleared = true;
        };
        out.on_caption = [&talk](const agent::VoiceCaption& caption) {
            const Json message{{"type", "caption"}, {"who", caption.agent ? "agent" : "user"}, {"id", caption.id}, {"text", caption.text}, {"final", caption.final}};
            if (talk.line != nullptr) return talk.line->tell(message);
            if (caption.final && talk.missed.size() < kMostMissed) talk.missed.push_back(message);
        };
        out.on_state = [&talk](const std::string& state) {
            talk.state = state;
            if (talk.line != nullptr) talk.line->tell({{"type", "state"}, {"state", state}});
        };
        out.on_ended = [this, &talk](const agent::CallOutcome& outcome) { on_ended(talk, outcome); };
        return out;
    }

    /// on_ended follows.
    static void leave(Talk& talk, const std::string& reason) {
        talk.leaving = true;
        talk.resume_timer.cancel();
        if (talk.call != nullptr) talk.call->hang_up(reason);
    }

    void on_ended(Talk& talk, const agent::CallOutcome& outcome) {
        ++counts_.ended;
        log::info("voice", "call ended", {{"call", talk.id}, {"reason", outcome.reason}, {"good", outcome.good}, {"turns", outcome.turns}});
        talk.call = nullptr;
        if (talk.line != nullptr) {
            talk_of(*talk.line) = nullptr;
            talk.line->tell({{"type", "ended"}, {"reason", outcome.reason}, {"status", outcome.good ? "completed" : "failed"}, {"turns", outcome.turns}});
            talk.line->close(draining_ ? net::kCloseGoingAway : net::kCloseNormal, draining_ ? "the server is going away" : "the call is over");
        }
        talks_.erase(talk.id);
        tell_drained();
    }

    static void close_with(Line& line, int status, const char* code, const std::string& why) {
        line.refuse(code, why);
        line.close(status, code);
    }

    void tell_drained() {
        if (!draining_ || !talks_.empty() || !drained_) return;
        drain_timer_.cancel();
        std::exchange(drained_, nullptr)();
    }

    Loop& loop_;
    Gate& gate_;
    store::AsyncStore& store_;
    VoiceOptions options_;
    VoiceCounts counts_;
    std::map<const Line*, Client> clients_;
    std::map<std::string, std::unique_ptr<Talk>> talks_;
    std::unique_ptr<agent::VoiceCalls> calls_;  // before the talks that it tells
    bool draining_ = false;
    std::function<void()> drained_;
    Timer drain_timer_;
    Lifeline lifeline_;
};

}  // namespace

std::unique_ptr<VoiceDesk> VoiceDesk::create(Loop& loop, VoiceParts parts, Gate& gate, VoiceOptions options) {
    return std::make_unique<LocalVoiceDesk>(loop, parts, gate, std::move(options));
}

}  // namespace voicectl::serve
