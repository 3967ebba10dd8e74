#include "call_session.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "history.h"
#include "voicectl/base/json.h"
#include "voicectl/base/log.h"
#include "voicectl/base/redact.h"
#include "voicectl/speech/compare.h"

namespace voicectl::agent {
namespace {

constexpr const char* kTrackName = "agent-voice";
// The caller is subscribed, but its player opens a moment later, and the first packets that a jitter buffer gets are
// stretched or dropped: without this one greeting in five had lost its first 10 ms (scripts/greetings).
constexpr std::chrono::milliseconds kGreetingLeadIn{150};
constexpr std::chrono::seconds kAnswersTheEnd{1};
// After a goodbye: its last sound and its last caption are still on their way.
constexpr std::chrono::milliseconds kLastWordsTravel{300};

std::string to_text(rtc::ConnectionState state) {
    switch (state) {
        case rtc::ConnectionState::Connecting: return "connecting";
        case rtc::ConnectionState::Connected: return "connected";
        case rtc::ConnectionState::Reconnecting: return "reconnecting";
        case rtc::ConnectionState::Closed: return "closed";
    }
    return "";
}

store::Call call_of(const HostParts& parts, const CallTicket& ticket) {
    store::Call call;
    call.room = ticket.room;
    call.agent_name = parts.config.name;
    call.job_id = ticket.job_id;
    call.dispatch_metadata = ticket.metadata;
    call.status = "active";
    call.started_at = std::chrono::system_clock::now();
    return call;
}

CallTrace::About about(const AgentConfig& config, const CallSettings& settings, const CallTicket& ticket, const TraceIds& ids) {
    const auto text = [](const nlohmann::json& stage, const char* key) {
        const auto found = stage.is_object() ? stage.find(key) : stage.end();
        return found != stage.end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    return {ticket.job_id, ticket.room, config.name, text(settings.stt_options(), "provider"), text(settings.llm_options(), "provider"), text(settings.llm_options(), "model"), text(settings.tts_options(), "provider"), ids};
}

bool is_caller(const rtc::Participant& participant) {
    return participant.kind == rtc::ParticipantKind::Standard || participant.kind == rtc::ParticipantKind::Sip;
}

// Our end of a closed room: everybody going home is how a call should end.
bool is_ordinary_end(Errc code) { return code == Errc::NotFound || code == Errc::Cancelled; }

}  // namespace

CallSession::CallSession(const HostParts& parts, CallTicket ticket, std::function<void(CallOutcome)> on_ended)
    : parts_(parts),
      ticket_(std::move(ticket)),
      on_ended_(std::move(on_ended)),
      metadata_(read_metadata(ticket_.metadata)),
      settings_(parts.config, parts.stages, metadata_.value),
      trace_ids_(trace_ids(ticket_.job_id, metadata_.value.traceparent)),
      log_("agent", {{"room", ticket_.room}, {"job", ticket_.job_id}, {"trace", trace_ids_.trace}}),
      transcript_(parts.store, call_of(parts, ticket_), log_),
      ledger_(Ledger::create(parts.config.prices, {payee_of(settings_.stt_options()), payee_of(settings_.llm_options()), payee_of(settings_.tts_options())})),
      record_(std::make_shared<CallRecord>(parts.config)),
      stages_({settings_.stt(), settings_.llm(), settings_.tts()}, parts.config, ledger_,
              {.on_cut =
                   [this] {
                       record_->event(ms(parts_.loop.now()), "answer_cut");
                       report("answer_cut");
                       log_.warn("an answer was too long and is cut");
                   },
               .on_moved = [this](Stage stage, const speech::Moved& moved) { on_moved(stage, moved); },
               .on_request = [this](Stage stage, const std::string& provider, const char* outcome) {
                   report("provider_request", {{"stage", to_text(stage)}, {"provider", provider}, {"outcome", outcome}});
               }}),
      budget_(parts.config.limits.budget),
      call_start_(std::chrono::system_clock::now()),
      steady_start_(parts.loop.now()),
      wall_start_(std::chrono::system_clock::now()),
      trace_(parts.spans, about(parts.config, settings_, ticket_, trace_ids_), [this](TimePoint at) { return wall(at); }, steady_start_),
      early_({.start = [this](const std::string& text) { return answer_early(text); },
              .on_decided = [this](bool used) { report("early_answer", {{"used", used}}); }}),
      watch_(parts.loop, {.should_sound =
                              [this] {
                                  return reply_ && reply_->times().first_text && !reply_->paused() && !reply_->uses_tools() &&
                                         room_->state() == rtc::ConnectionState::Connected;
                              },
                          .played_samples = [this] { return output_->played_samples(); },
                          .on_silent = [this] { on_silent_reply(); }}),
      caller_timer_(parts.loop),
      duration_timer_(parts.loop),
      resume_timer_(parts.loop),
      away_timer_(parts.loop),
      hang_up_timer_(parts.loop),
      unheard_timer_(parts.loop),
      idle_timer_(parts.loop),
      goodbye_timer_(parts.loop),
      filler_timer_(parts.loop) {
    watch_money();
}

void CallSession::start() {
    if (!good_metadata()) return;
    fetch_prompt();
    warm_ = settings_.llm()->warm_up(parts_.loop);
    voice_ = &stages_.tts();
    if (parts_.stages.apology) apology_ = speech::at_rate(*parts_.stages.apology, voice_->rate_hz());
    warm_voice_ = settings_.tts()->warm_up(parts_.loop);
    tools_ = std::make_unique<CallTools>(parts_.loop, parts_.stages.tools.get(), tool_handlers());
    if (!ticket_.resumed) return join();
    transcript_.recall(lifeline_.guard([this](const TranscriptLog::Recalled& recalled) {
        take_up(recalled);
        join();
    }));
}

void CallSession::take_up(const TranscriptLog::Recalled& recalled) {
    using Role = speech::ChatMessage::Role;
    const auto& turns = recalled.turns;
    resume_record(recalled);
    for (const auto& turn : turns) history_.push_back({turn.speaker == store::Speaker::Agent ? Role::Assistant : Role::User, turn.text});
    recalled_ = turns;
    report("taken_up");
    log_.info("call taken up again", {{"turns", turns.size()}});
    goes_on_ = !turns.empty();
}

// Whoever may create dispatches is not thereby somebody whom we trust: the call is served with what is good of it.
bool CallSession::good_metadata() {
    for (const auto& fault : metadata_.faults) log_.warn("the dispatch's metadata are wrong", {{"fault", fault}});
    if (const auto fault = strict_fault(metadata_); parts_.config.strict_metadata && !fault.empty()) {
        finish(false, "bad metadata: " + fault);
        return false;
    }
    for (const auto& wish : settings_.refused())
        log_.warn("the agent does not have what the dispatch asks for", {{"asked", wish}});
    return true;
}

// Beside joining the room. The greeting waits for it, for the backend may know a better one.
void CallSession::fetch_prompt() {
    const auto scenario = settings_.scenario_to_fetch();
    if (scenario.empty()) return;
    prompt_ = parts_.stages.prompts->fetch(parts_.loop, scenario, [this, scenario, began = parts_.loop.now()](Result<FetchedPrompt> prompt) {
        prompt_.reset();
        trace_.prompt(began, parts_.loop.now(), prompt ? std::string() : prompt.error().message);
        if (prompt) settings_.use(std::move(*prompt));
        else
            log_.error("no prompt from the backend, the file's own is used",
                       {{"scenario", scenario}, {"error", prompt.error().message}});
        greet_when_heard();
    });
}

/// Once it is known who calls and what the prompt is.
void CallSession::instruct() {
    if (std::exchange(instructed_, true)) return;
    if (auto text = settings_.instructions(); !text.empty()) history_.insert(history_.begin(), {speech::ChatMessage::Role::System, std::move(text)});
    for (const auto& name : settings_.take_missing()) log_.warn("a variable has no value", {{"variable", name}});
}

void CallSession::join() {
    if (ended_) return;
    rtc::RoomOptions options;
    options.url = ticket_.url;
    options.token = ticket_.token;
    room_ = parts_.core.room(parts_.loop, std::move(options), *this);
    open_front_end();
    caller_timer_.after(parts_.config.caller_timeout, [this] { end(true, "no caller came"); });
    limit_time();
    room_->join(lifeline_.guard([this](Result<void> joined) {
        if (!joined) return finish(false, joined.error().message);
        publish();
    }));
}

void CallSession::publish() {
    room_->publish_audio(kTrackName, stages_.tts().rate_hz(),
                         lifeline_.guard([this](Result<std::unique_ptr<rtc::AudioOutput>> output) {
                             if (!output) return end(false, output.error().message);
                             output_ = std::move(*output);
                             output_->on_late = [this](std::chrono::milliseconds gap) { on_gap("machine", gap); };
                             show_state("listening");
                             greet_when_heard();
                         }));
}

void CallSession::on_joined(const rtc::Participant& participant) {
    if (!is_caller(participant)) return;
    if (caller_ && *caller_ != participant.identity) return;  // the first one is who we serve
    caller_ = participant.identity;
    if (handover_) handover_->caller_left = false;
    settings_.set_caller(participant);
    trace_.set_caller(participant.identity);
    transcript_.set_caller(participant.identity);
    front_end_->set_caller(participant);
    if (output_ && !reply_) show_state("listening");
    caller_timer_.cancel();
    record_->event(ms(parts_.loop.now()), "caller_joined");
    expect_caller();
    greet_when_heard();
}

void CallSession::on_left(const rtc::Participant& participant) {
    if (!caller_ || participant.identity != *caller_) return;
    record_->event(ms(parts_.loop.now()), "caller_left");
    input_.reset();
    listening_to_.clear();
    front_end_->caller_left();
    if (handover_) handover_->caller_left = true;  // most likely transferred: the server will say so
    else on_caller_gone();
}

void CallSession::on_caller_gone() {
    if (leaving_) return end(leaves_well_, *leaving_);
    if (parts_.config.caller_return.count() == 0) return end(true, "caller left");
    caller_timer_.after(parts_.config.caller_return, [this] { end(true, "caller left"); });
}

void CallSession::on_track_subscribed(const rtc::TrackInfo& track) {
    if (track.audio && caller_ && track.participant_identity == *caller_ && !input_) hear(track);
}

void CallSession::on_track_unsubscribed(const rtc::TrackInfo& track) {
    if (track.sid != listening_to_) return;
    input_.reset();
    listening_to_.clear();
}

void CallSession::on_own_track_heard(const std::string&) {
    track_heard_ = true;
    greet_when_heard();
}

void CallSession::on_state(rtc::ConnectionState state) {
    record_->event(ms(parts_.loop.now()), "connection", to_text(state));
    log_.info("connection", {{"state", to_text(state)}});
}

void CallSession::on_closed(const rtc::Closed& closed) {
    if (handover_) {
        handover_->closed = closed;
        return;
    }
    if (handed_over_) return finish(true, *leaving_);
    const bool ordinary = is_ordinary_end(closed.error.code);
    finish(ordinary, closed.error.message);
}

// Never before the caller can hear it: the output is there, and somebody receives our track.
void CallSession::greet_when_heard() {
    if (greeted_ || ended_ || !output_ || !track_heard_ || !caller_ || prompt_) return;
    greeted_ = true;
    trace_.heard(parts_.loop.now());
    const auto words = goes_on_ ? settings_.back_again() : settings_.greeting();
    instruct();
    if (!words.empty()) return say(words, /*interruptible=*/false, kGreetingLeadIn);
    answer_held();
}

/// Of several each was told as it failed.
template<class T>
void CallSession::report_error(Stage stage, const Choices<T>& choices) const {
    if (choices.all().size() == 1) report("provider_error", {{"stage", to_text(stage)}, {"provider", choices.all().front().name()}});
}

void CallSession::hear(const rtc::TrackInfo& track) {
    if (!listener_) {
        Listener::Handlers handlers;
        handlers.agent_is_speaking = [this] { return reply_ != nullptr && reply_->interruptible() && !leaving_ && !handover_; };
        handlers.on_interrupted = [this] { on_interrupted(); };
        handlers.on_turn = [this](const UserTurn& turn) { on_user_turn(turn); };
        const bool captions = parts_.config.front_end.captions;
        const bool early = parts_.config.turn.preemptive != TurnSettings::Preemptive::Off;
        if (captions || early)
            handlers.on_partial = [this, captions](const std::string& text) {
                early_.on_words(text);
                if (captions) front_end_->user_interim(listening_to_, text);
            };
        if (early)
            handlers.on_pause = [this](const std::string& text, std::chrono::milliseconds spoken) { on_pause(text, spoken); };
        handlers.on_error = [this](const Error& error) {
            report_error(Stage::Stt, settings_.stt());
            record_->error(ms(parts_.loop.now()), "stt", error.message);
            log_.error("recogniser failed", {{"error", error.message}});
            if (++errors_in_a_row_ >= kErrorsToGiveUp) leave_failed("recogniser failed: " + error.message, settings_.filled(parts_.config.trouble.goodbye));
        };
        const Listener::Engines engines{stages_.stt(), parts_.stages.vad.get(), parts_.stages.judge.get()};
        listener_ = std::make_unique<Listener>(parts_.loop, engines, parts_.config.turn, std::move(handlers));
    }
    listening_to_ = track.sid;
    input_ = room_->listen(track.sid, audio::kSpeechRateHz, [this](const rtc::AudioFrame& frame) {
        if (listener_) listener_->hear(frame);
    });
}

void CallSession::on_user_turn(const UserTurn& turn) {
    log_.info("caller said", {{"text", cut_speech(turn.text)}});
    front_end_->user_final(listening_to_, turn.text);
    asked_if_there_ = 0;
    hang_up_next_ = false;
    expect_caller();
    if (!leaving_) take_turn(turn);
    else if (!turn.text.empty()) save_user_turn(turn);  // nobody answers any more
    early_.end_turn();
}

void CallSession::take_turn(const UserTurn& turn) {
    if (reply_ && reply_->paused()) {
        if (!takes_over(turn)) return on_agreement(turn);
        give_way();
    }
    if (turn.text.empty()) {
        if (const auto words = settings_.not_understood(); !reply_ && !prompt_ && !words.empty()) say(words, true);
        else if (!reply_) wait_for_caller();
        return;
    }
    save_user_turn(turn);
    // Over the greeting, and before we know what we are, it waits; a short word over an answer is agreement, not a question.
    if (prompt_ || handover_ || (reply_ && !reply_->interruptible())) return hold(turn);
    remember(turn);
    if (!reply_) answer(turn);
}

// While an answer is on, what is said about it may be agreement: it is waited for.
void CallSession::on_pause(const std::string& text, std::chrono::milliseconds spoken) {
    if (reply_ || !output_ || !instructed_ || ended_ || hang_up_timer_.pending() || leaving_) return;
    early_.on_pause(text, spoken, history_.size());
}

std::unique_ptr<Reply> CallSession::answer_early(const std::string& text) {
    auto messages = history_;
    messages.push_back({speech::ChatMessage::Role::User, text});
    trim_history(messages, parts_.config.history);
    auto reply = new_reply(/*interruptible=*/true);
    reply->hold(parts_.config.turn.preemptive == TurnSettings::Preemptive::Tts ? Reply::Ahead::FirstSentence : Reply::Ahead::Text);
    reply->generate(stages_.llm(), std::move(messages), tools_.get());
    return reply;
}

void CallSession::fill() {
    const auto& words = parts_.config.filler.say;
    if (!reply_ || leaving_ || (listener_ && listener_->caller_is_speaking())) return;
    if (!reply_->fill(settings_.filled(words[fillers_said_ % words.size()]))) return;
    ++fillers_said_;
    report("filler");
}

void CallSession::answer(const UserTurn& turn) {
    if (!output_ || ended_ || hang_up_timer_.pending() || leaving_) return front_end_->answered(turn.message, {});
    // What the turn itself has added is not what its answer is based on.
    auto early = early_.take(turn.text, history_.size() - 1);
    instruct();
    trim_history(history_, parts_.config.history);
    show_state("thinking");
    away_timer_.cancel();
    answering_ = turn;
    if (early) {
        begin(std::move(early));
        reply_->release();
    } else {
        begin(new_reply(/*interruptible=*/true));
        reply_->generate(stages_.llm(), history_, tools_.get());
    }
    if (const auto& filler = parts_.config.filler; !filler.say.empty()) filler_timer_.after(filler.after, [this] { fill(); });
}

void CallSession::say(const std::string& text, bool interruptible, std::chrono::milliseconds lead_in) {
    if (!output_ || ended_) return;
    answering_.reset();
    away_timer_.cancel();
    begin(new_reply(interruptible));
    reply_->say(text, lead_in);
}

void CallSession::begin(std::unique_ptr<Reply> reply) {
    reply_ = std::move(reply);
    front_end_->agent_begins(output_->track_sid(), [this] { return reply_ ? reply_->heard() : std::string(); });
    watch_.start();
}

std::unique_ptr<Reply> CallSession::new_reply(bool interruptible) {
    early_.drop();  // first: only one at a time may listen to the output
    filler_timer_.cancel();
    Reply::Handlers handlers;
    // The reply is the caller of this: it is let go of on the next turn of the loop.
    handlers.on_ended = [this](std::optional<Error> error) {
        parts_.loop.post(lifeline_.guard([this, which = reply_.get(), error = std::move(error)] {
            if (reply_.get() == which) on_reply_ended(error);
        }));
    };
    handlers.on_speaking = [this] { show_state("speaking"); };
    handlers.on_gap = [this](const char* waited_for, std::chrono::milliseconds gap) { on_gap(waited_for, gap); };
    return std::make_unique<Reply>(parts_.loop, *voice_, *output_, interruptible, std::move(handlers));
}

void CallSession::on_reply_ended(std::optional<Error> error) {
    const bool stand_in = voice_ != &stages_.tts();
    const bool apology = stand_in || apologising_;
    voice_ = &stages_.tts();
    apologising_ = false;
    const bool voice_failed = error && reply_->times().first_text;
    if (error) {
        const auto* stage = voice_failed ? "tts" : "llm";
        if (voice_failed) report_error(Stage::Tts, settings_.tts());
        else report_error(Stage::Llm, settings_.llm());
        record_->error(ms(parts_.loop.now()), stage, error->message);
        log_.error("answer failed", {{"error", error->message}});
        ++errors_in_a_row_;
    } else if (!apology) {
        errors_in_a_row_ = 0;
    }
    const bool goodbye = reply_->end_call();
    const bool unsaid = voice_failed && !stand_in && apology_ && (leaving_ || apology) && reply_->heard().find(last_words_) == std::string::npos;
    save_reply(/*interrupted=*/false, error ? error->message : std::string());
    reply_.reset();
    if (!farewell_.empty()) return say(std::exchange(farewell_, {}), /*interruptible=*/false);
    if (unsaid) return say_by_stand_in();
    if (leaving_) return hang_up(*leaving_);
    if (error && !apology) return apologise(*error, voice_failed);
    if (goodbye) return hang_up("agent said goodbye");
    if (hang_up_next_) return hang_up("the caller was silent");
    after_reply();
}

void CallSession::after_reply() {
    watch_.stop();
    show_state("listening");
    if (say_warning()) return;
    wait_for_caller();
    answer_held();
}

void CallSession::answer_held() {
    if (auto held = std::exchange(held_, std::nullopt)) {
        remember(*held);
        answer(*held);
    }
}

// Silent at once, but not yet convinced: a cough or an "mhm" is no turn. What the recogniser makes of it decides.
void CallSession::on_interrupted() {
    if (!reply_ || reply_->paused()) return;
    reply_->pause();
    show_state("listening");
    resume_timer_.after(parts_.config.turn.false_interruption, [this] {
        if (!listener_ || !listener_->caller_is_speaking()) go_on_speaking();
    });
}

bool CallSession::takes_over(const UserTurn& turn) const {
    const auto words = speech::to_words(turn.text);
    const auto& agreeing = parts_.config.turn.backchannels;
    const bool agrees = std::all_of(words.begin(), words.end(), [&](const auto& word) { return std::find(agreeing.begin(), agreeing.end(), word) != agreeing.end(); });
    return !agrees && words.size() >= static_cast<std::size_t>(parts_.config.turn.interrupt_words);
}

void CallSession::on_agreement(const UserTurn& turn) {
    if (!turn.text.empty()) {
        save_user_turn(turn);
        if (reply_->ends_within(kAnswersTheEnd)) hold(turn);  // "yes" to the question at the end of it
        else remember(turn);
    }
    go_on_speaking();
}

void CallSession::remember(const UserTurn& turn) { history_.push_back({speech::ChatMessage::Role::User, turn.text}); }

// Answered once we have said what we are saying, and after it in the conversation.
void CallSession::hold(const UserTurn& turn) {
    if (held_) {
        remember(*held_);
        front_end_->answered(held_->message, {});
    }
    held_ = turn;
}

void CallSession::go_on_speaking() {
    resume_timer_.cancel();
    if (!reply_ || !reply_->paused()) return;
    reply_->resume();
    show_state("speaking");
    record_->count_false_interruption();
    report("resumed_speaking");
}

void CallSession::give_way() {
    resume_timer_.cancel();
    reply_->cut();
    save_reply(/*interrupted=*/true);
    reply_.reset();
    record_->count_interruption();
    report("interrupted");
}

void CallSession::wait_for_caller() {
    if (leaving_) return;
    const auto& away = parts_.config.away;
    if (away.after.count() > 0 && caller_) away_timer_.after(away.after, [this] { on_silent_caller(); });
}

void CallSession::on_silent_caller() {
    if (reply_ || ended_) return;
    if (listener_ && listener_->caller_is_speaking()) return wait_for_caller();
    const auto& away = parts_.config.away;
    if (asked_if_there_++ < away.times) return say(settings_.away_say(), /*interruptible=*/true);
    hang_up_next_ = true;
    const auto goodbye = settings_.away_goodbye();
    if (goodbye.empty()) return end(true, "the caller was silent");
    say(goodbye, /*interruptible=*/true);
}

void CallSession::save_reply(bool interrupted, const std::string& error) {
    remember_tools();
    const auto heard = reply_->heard();
    const auto& times = reply_->times();
    const auto message = answering_ ? answering_->message : 0;
    front_end_->agent_ended(heard);
    trace_.agent_turn({.times = times, .answers = answering_, .interrupted = interrupted, .text = heard, .error = error});
    if (heard.empty() || !times.first_audio) return front_end_->answered(message, {});
    log_.info("agent said", {{"text", cut_speech(heard)}});
    store::Turn turn;
    turn.speaker = store::Speaker::Agent;
    turn.identity = room_->identity();
    turn.text = heard;
    turn.started_at = wall(*times.first_audio);
    turn.ended_at = wall(times.last_audio.value_or(parts_.loop.now()));
    turn.interrupted = interrupted;
    const auto took = answer_times();
    auto detail = took.is_null() ? nlohmann::json::object() : took;
    detail["stages"] = reply_stages();
    if (!tools_used_.empty()) detail["tools"] = std::exchange(tools_used_, nlohmann::json::array());
    detail["usage"] = ledger_->take({Stage::Llm, Stage::Tts});
    turn.detail_json = json_text(detail);
    turn.sequence = transcript_.turns();
    front_end_->turn(turn);
    front_end_->answered(message, turn);
    if (parts_.on_turn) parts_.on_turn(turn);
    transcript_.add(std::move(turn));
    save_record();
    report("turn", {{"speaker", "agent"}, {"times", took.is_null() ? nlohmann::json::object() : took}});
    history_.push_back({speech::ChatMessage::Role::Assistant, heard});
}

void CallSession::save_user_turn(const UserTurn& user) {
    store::Turn turn;
    trace_.user_turn(user);
    turn.speaker = store::Speaker::User;
    turn.identity = caller_.value_or("");
    turn.text = user.text;
    turn.started_at = wall(user.began);
    turn.ended_at = wall(user.ended);
    turn.detail_json = user_detail(user);
    turn.sequence = transcript_.turns();
    front_end_->turn(turn);
    front_end_->taken(user.message, turn);
    if (parts_.on_turn) parts_.on_turn(turn);
    transcript_.add(std::move(turn));
    save_record();
    report("turn", {{"speaker", "user"}});
}

// Where the time between the caller's last sound and our first went, stage by stage, in milliseconds.
nlohmann::json CallSession::answer_times() const {
    if (!answering_) return nullptr;
    const auto& times = reply_->times();
    nlohmann::json detail = nlohmann::json::object();
    const auto note = [&detail](const char* name, std::optional<TimePoint> from, std::optional<TimePoint> to) {
        if (from && to) detail[name] = std::chrono::duration_cast<std::chrono::milliseconds>(*to - *from).count();
    };
    if (answering_->detail.empty()) {  // spoken
        note("endOfTurnMs", answering_->ended, answering_->decided);
        note("sttMs", answering_->decided, answering_->recognised);
    }
    note("llmMs", times.asked, times.first_text);
    note("ttsMs", times.first_text, times.first_synthesis);
    note("outputMs", times.first_synthesis, times.first_audio);
    note("answerLatencyMs", answering_->ended, times.first_audio);
    if (reply_->was_held()) detail["preemptive"] = true;
    if (!reply_->filler().empty()) detail["filler"] = reply_->filler();
    return detail;
}

bool CallSession::idle() const {
    const bool hears = listener_ && (listener_->caller_is_speaking() || listener_->waits_for_words());
    return greeted_ && !ended_ && !leaving_ && !reply_ && !held_ && !hears && !hang_up_timer_.pending();
}

void CallSession::show_state(const char* state) {
    if (front_end_) front_end_->show_state(state);
}

void CallSession::report(const char* kind, nlohmann::json more) const {
    if (!parts_.on_report) return;
    more["type"] = "report";
    more["kind"] = kind;
    more["job"] = ticket_.job_id;
    parts_.on_report(more);
}

store::SystemTime CallSession::wall(TimePoint at) const {
    return wall_start_ + std::chrono::duration_cast<store::SystemTime::duration>(at - steady_start_);
}

void CallSession::hang_up(const std::string& reason) {
    hang_up_timer_.after(kLastWordsTravel, [this, reason] { end(leaves_well_, reason); });
}

void CallSession::end(bool good, const std::string& reason) {
    if (ended_) return;
    if (reply_) {
        reply_->cut();
        save_reply(/*interrupted=*/true);
        reply_.reset();
    }
    if (room_) room_->leave();
    finish(good, reason);
}

void CallSession::finish(bool good, const std::string& reason) {
    if (std::exchange(ended_, true)) return;
    prompt_.reset();
    caller_timer_.cancel();
    duration_timer_.cancel();
    resume_timer_.cancel();
    away_timer_.cancel();
    hang_up_timer_.cancel();
    unheard_timer_.cancel();
    idle_timer_.cancel();
    goodbye_timer_.cancel();
    filler_timer_.cancel();
    watch_.stop();
    early_.drop();
    if (reply_) {
        reply_->cut();
        save_reply(/*interrupted=*/true);
        reply_.reset();
    }
    trace_.end(good, redact(reason), parts_.loop.now());
    transcript_.end(good ? "completed" : "failed", redact(reason));
    // Whoever hosts us drops us for this; never inside a call from the room.
    parts_.loop.post(lifeline_.guard([this, good, reason] {
        close_record();
        on_ended_({ticket_.job_id, good, reason, transcript_.turns()});
    }));
}

}  // namespace voicectl::agent
