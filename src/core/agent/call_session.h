// One call of an agent, from joining the room to leaving it. Lives on the loop; nothing of it outlives it.
//
//   caller's track → Listener (voice activity, recogniser) → Reply (model → sentences → speech) → our track
//                        └ interruption: the Reply falls silent, what was heard is kept
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "budget.h"
#include "call_record.h"
#include "call_settings.h"
#include "call_trace.h"
#include "early_answer.h"
#include "front_end.h"
#include "listener.h"
#include "metering.h"
#include "reply.h"
#include "speech_watch.h"
#include "core/agent/tools/call_tools.h"
#include "transcript_log.h"
#include "voicectl/agent/host.h"
#include "voicectl/base/log_context.h"
#include "voicectl/rtc/room.h"

namespace voicectl::agent {

class CallSession final : public rtc::RoomObserver {
 public:
    CallSession(const HostParts& parts, CallTicket ticket, std::function<void(CallOutcome)> on_ended);
    ~CallSession() { parts_.on_report = nullptr; }  // what ends with us is reported to nobody: he may be gone, too

    void start();
    /// Leaves the room; on_ended follows.
    void end(bool good, const std::string& reason);
    /// Says `words` after the sentence that is being said, then ends; at once when nobody can hear it.
    void say_goodbye(const std::string& words, const std::string& reason);
    /// Greeted, and nothing is being said, recognised or answered: the caller's turn.
    bool idle() const;
    int voice_rate_hz() { return stages_.tts().rate_hz(); }

 private:
    void on_joined(const rtc::Participant& participant) override;
    void on_left(const rtc::Participant& participant) override;
    void on_track_subscribed(const rtc::TrackInfo& track) override;
    void on_track_unsubscribed(const rtc::TrackInfo& track) override;
    void on_own_track_heard(const std::string& track_name) override;
    void on_text(const rtc::TextMessage& message) override;
    void on_bytes(const rtc::ByteMessage& message) override;
    void on_dtmf(const rtc::Dtmf& dtmf) override;
    void on_state(rtc::ConnectionState state) override;
    void on_closed(const rtc::Closed& closed) override;

    bool good_metadata();
    void fetch_prompt();
    void instruct();
    void join();
    void take_up(const TranscriptLog::Recalled& recalled);
    void publish();
    void greet_when_heard();
    void hear(const rtc::TrackInfo& track);
    void on_user_turn(const UserTurn& turn);
    void open_front_end();
    void on_sure_turn(UserTurn turn);
    void on_first_key();
    bool on_say(const std::string& text);
    bool on_interrupt();
    void take_turn(const UserTurn& turn);
    void on_pause(const std::string& text, std::chrono::milliseconds spoken);
    std::unique_ptr<Reply> answer_early(const std::string& text);
    void fill();
    void answer(const UserTurn& turn);
    void say(const std::string& text, bool interruptible, std::chrono::milliseconds lead_in = {});
    std::unique_ptr<Reply> new_reply(bool interruptible);
    void begin(std::unique_ptr<Reply> reply);
    void on_reply_ended(std::optional<Error> error);
    void on_gap(const char* cause, std::chrono::milliseconds gap);
    void after_reply();
    void on_interrupted();
    bool takes_over(const UserTurn& turn) const;
    void remember(const UserTurn& turn);
    void hold(const UserTurn& turn);
    void answer_held();
    void on_agreement(const UserTurn& turn);
    void go_on_speaking();
    void give_way();
    void wait_for_caller();
    void on_silent_caller();
    void save_reply(bool interrupted, const std::string& error = {});
    void save_user_turn(const UserTurn& turn);
    void hang_up(const std::string& reason);
    nlohmann::json answer_times() const;
    // Limits, money and the report: call_session_limits.cpp.
    void watch_money();
    void on_cost();
    bool say_warning();
    void limit_time();
    void expect_caller();
    void limit_reached(const char* which, const std::string& words, const std::string& reason);
    void resume_record(const TranscriptLog::Recalled& recalled);
    nlohmann::json reply_stages() const;
    std::string user_detail(const UserTurn& turn);
    std::int64_t ms(TimePoint at) const;
    void save_record();
    void close_record();
    void show_state(const char* state);
    // Failing providers: call_session_trouble.cpp.
    static constexpr int kErrorsToGiveUp = 3;  // in a row
    void on_moved(Stage stage, const speech::Moved& moved);
    void apologise(const Error& error, bool voice_failed);
    void say_by_stand_in();
    void leave_failed(const std::string& reason, const std::string& words);
    void on_silent_reply();
    void report(const char* kind, nlohmann::json more = nlohmann::json::object()) const;
    template<class T>
    void report_error(Stage stage, const Choices<T>& choices) const;
    // Tools: call_session_tools.cpp.
    CallTools::Handlers tool_handlers();
    void on_tool_used(const ToolUse& use);
    bool all_heard() const;
    void hand_over(const std::string& name, const std::string& address, std::function<void(Result<void>)> done);
    void on_handed_over(const Result<void>& result);
    void remember_tools();
    store::SystemTime wall(TimePoint at) const;
    void on_caller_gone();
    void finish(bool good, const std::string& reason);

    HostParts parts_;
    CallTicket ticket_;
    std::function<void(CallOutcome)> on_ended_;
    ReadMetadata metadata_;
    CallSettings settings_;
    TraceIds trace_ids_;
    log::Context log_;
    TranscriptLog transcript_;
    std::shared_ptr<Ledger> ledger_;
    std::shared_ptr<CallRecord> record_;
    MeteredStages stages_;
    Budget budget_;
    bool cost_noted_ = false;            // on_cost() is on its way
    std::string warn_;                   // of the budget, yet to be said
    store::SystemTime call_start_;       // also when another process had it first
    bool goes_on_ = false;     // the conversation had begun before our process took it up
    bool instructed_ = false;  // the model's instructions stand in the history
    TimePoint steady_start_;
    store::SystemTime wall_start_;
    CallTrace trace_;

    std::optional<std::string> caller_;  // identity of whom we serve
    bool track_heard_ = false, greeted_ = false, ended_ = false;
    int errors_in_a_row_ = 0;
    bool apologising_ = false;    // what is being said is our apology for a failure
    speech::TextToSpeech* voice_ = nullptr;           // who says the next thing: ours, or apology_
    std::unique_ptr<speech::TextToSpeech> apology_;   // null: nobody can speak for our voice
    std::vector<speech::ChatMessage> history_;
    std::optional<UserTurn> answering_;  // the turn that the current reply answers
    std::optional<UserTurn> held_;       // said while the greeting could not be interrupted
    std::vector<store::Turn> recalled_;  // of the process before ours, until front-ends may ask for them

    nlohmann::json tools_used_ = nlohmann::json::array();  // since the last turn of ours that was noted
    struct Handover {
        std::string name;
        bool caller_left = false;
        std::optional<rtc::Closed> closed = {};  // the room, before the server has said how it went
    };
    std::optional<Handover> handover_;  // the server was asked to transfer the caller: it cannot be taken back
    bool handed_over_ = false;
    std::unique_ptr<CallTools> tools_;  // before the replies that use them

    std::unique_ptr<speech::LlmStream> warm_;  // the model's connection, opened ahead
    std::unique_ptr<speech::TtsStream> warm_voice_;
    std::unique_ptr<PromptFetch> prompt_;  // while the instructions are on their way
    std::unique_ptr<rtc::Room> room_;
    std::unique_ptr<FrontEnd> front_end_;
    std::unique_ptr<rtc::AudioOutput> output_;
    std::unique_ptr<Listener> listener_;
    std::string listening_to_;           // track sid
    std::unique_ptr<rtc::AudioInput> input_;
    std::unique_ptr<Reply> reply_;
    EarlyAnswer early_;
    SpeechWatch watch_;
    std::size_t fillers_said_ = 0;
    int asked_if_there_ = 0;
    bool hang_up_next_ = false;          // once what is being said was said
    bool leaves_well_ = true;            // false: nobody could answer any more
    std::optional<std::string> leaving_; // why: the goodbye is being said, and nothing else will be
    std::string farewell_;               // yet to be said
    std::string last_words_;  // what is told in trouble, or as the call ends
    Timer caller_timer_, duration_timer_, resume_timer_, away_timer_, hang_up_timer_, unheard_timer_, idle_timer_, goodbye_timer_;
    Timer filler_timer_;
    Lifeline lifeline_;
};

}  // namespace voicectl::agent
