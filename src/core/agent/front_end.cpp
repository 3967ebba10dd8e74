#include "front_end.h"

#include "typed_text.h"
#include "voicectl/base/log.h"
#include "voicectl/livekit/agent_session.h"

namespace voicectl::agent {
namespace {

constexpr const char* kTranscriptTopic = "transcript";
constexpr std::size_t kPacketBytes = 15000;
constexpr std::size_t kTypedCharacters = 4000;
constexpr std::size_t kEarly = 8;

}  // namespace

FrontEnd::FrontEnd(Loop& loop, const AgentConfig& config, rtc::Room& room, Handlers handlers)
    : config_(config),
      room_(room),
      handlers_(std::move(handlers)),
      captions_(loop, room),
      keys_(loop, config.dtmf, {[this] { handlers_.on_first_key(); },
                                [this](const std::string& keys, TimePoint began) { handlers_.on_keys(keys, began); }}) {
    if (!config_.front_end.rpc) return;
    serve("lk.agent.get_session_state", &FrontEnd::get_state);
    serve("lk.agent.get_chat_history", &FrontEnd::get_history);
    serve("lk.agent.get_agent_info", &FrontEnd::get_info);
    serve("lk.agent.send_message", &FrontEnd::send_message);
    serve("voicectl.say", &FrontEnd::say);
    serve("voicectl.interrupt", &FrontEnd::interrupt);
}

void FrontEnd::set_caller(const rtc::Participant& caller) {
    caller_ = caller.identity;
    tells_events_ = config_.front_end.rpc && caller.kind == rtc::ParticipantKind::Standard;  // a telephone asks for none
    for (const auto& task : std::exchange(early_, {})) task();
}

// The server tells of participants without tracks only every 3 s: whoever is first to write may be the caller.
bool FrontEnd::wait_for_caller(std::function<void()> task) {
    if (!caller_.empty() || early_.size() >= kEarly) return false;
    early_.push_back(std::move(task));
    return true;
}

void FrontEnd::caller_left() {
    keys_.forget();
    if (state_ != "speaking" && state_ != "thinking") show_state("idle");
}

void FrontEnd::show_state(const std::string& state) {
    const auto before = std::exchange(state_, state);
    if (before == state) return;
    if (tells_events_) tell_session(livekit::to_state_event(before, state, std::chrono::system_clock::now()));
    state_queue_.add([this, state](SendQueue::Done done) { room_.set_attributes({{kStateAttribute, state}}, std::move(done)); }, "state");
}

void FrontEnd::on_text(const rtc::TextMessage& message) {
    if (message.topic != kChatTopic || !config_.front_end.chat) return;
    const rtc::TextMessage kept{message.text.substr(0, 4 * kTypedCharacters), message.topic, message.sender_identity, {}};
    if (wait_for_caller([this, kept] { on_text(kept); })) return;
    if (message.sender_identity != caller_)
        return log::debug("agent", "typed text of somebody who is not the caller", {{"room", room_.name()}, {"from", message.sender_identity}});
    if (const auto text = to_typed_text(message.text, kTypedCharacters); !text.empty()) handlers_.on_typed(text, 0);
}

void FrontEnd::on_dtmf(const rtc::Dtmf& dtmf) {
    if (!config_.dtmf.enabled || caller_.empty() || dtmf.sender_identity != caller_) return;
    keys_.press(dtmf.digit);
}

void FrontEnd::user_interim(const std::string& track_sid, const std::string& text) {
    if (config_.front_end.captions) captions_.user_interim(caller_, track_sid, text);
    if (tells_events_) tell_session(livekit::to_words_event(text, /*final=*/false, std::chrono::system_clock::now()));
}

void FrontEnd::user_final(const std::string& track_sid, const std::string& text) {
    if (config_.front_end.captions) captions_.user_final(caller_, track_sid, text);
    if (tells_events_ && !text.empty()) tell_session(livekit::to_words_event(text, /*final=*/true, std::chrono::system_clock::now()));
}

void FrontEnd::agent_begins(const std::string& track_sid, std::function<std::string()> heard) {
    if (config_.front_end.captions) captions_.agent_begins(track_sid, std::move(heard));
}

void FrontEnd::agent_ended(const std::string& heard) { captions_.agent_ended(heard); }

void FrontEnd::turn(const store::Turn& turn, bool told) {
    record_.add(turn);
    if (!told) return;
    if (tells_events_) tell_session(livekit::to_item_event(to_chat_item(turn), std::chrono::system_clock::now()));
    if (!config_.front_end.transcript_packets) return;
    turn_queue_.add([this, packet = to_transcript_packet(turn, kPacketBytes)](SendQueue::Done done) {
        room_.send_data(packet, kTranscriptTopic, {}, std::move(done));
    });
}

}  // namespace voicectl::agent
