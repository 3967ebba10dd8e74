// The side of a call that front-ends see: captions, the agent's state, a packet for each turn; and what comes from
// them: typed text, keys of a telephone, calls of methods. Decides who may; what becomes of it is the session's. Lives
// on the loop; the room outlives it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "captions.h"
#include "conversation_record.h"
#include "key_pad.h"
#include "send_queue.h"
#include "voicectl/agent/config.h"
#include "voicectl/base/loop.h"
#include "voicectl/rtc/room.h"
#include "voicectl/store/store.h"

namespace voicectl::agent {

// LiveKit's own names (docs/front-ends.md).
inline constexpr const char* kStateAttribute = "lk.agent.state";
inline constexpr const char* kChatTopic = "lk.chat";

class FrontEnd {
 public:
    struct Handlers {
        /// The caller has typed, or a method has done it for them; `id` comes back with answered().
        std::function<void(const std::string& text, std::uint64_t id)> on_typed;
        std::function<void()> on_first_key;
        std::function<void(const std::string& keys, TimePoint began)> on_keys;
        /// False: not now.
        std::function<bool(const std::string& text)> on_say;
        /// False: there was nothing to interrupt.
        std::function<bool()> on_interrupt;
        std::function<const char*()> user_state;  // "speaking", "listening", "away"
    };
    FrontEnd(Loop& loop, const AgentConfig& config, rtc::Room& room, Handlers handlers);

    void set_caller(const rtc::Participant& caller);
    void caller_left();
    /// lk.agent.state: "initializing", "idle", "listening", "thinking" or "speaking".
    void show_state(const std::string& state);

    void on_text(const rtc::TextMessage& message);
    void on_dtmf(const rtc::Dtmf& dtmf);
    /// Questions of front-ends that speak livekit-agents' own protocol instead of calling methods.
    void on_bytes(const rtc::ByteMessage& message);

    void user_interim(const std::string& track_sid, const std::string& text);
    void user_final(const std::string& track_sid, const std::string& text);
    void agent_begins(const std::string& track_sid, std::function<std::string()> heard);
    void agent_ended(const std::string& heard);
    /// A turn as it is stored; `told`: front-ends have not seen it yet (they have, when it comes back from the store).
    void turn(const store::Turn& turn, bool told = true);
    /// What was typed under that id is a turn now, and was answered by that one (nothing, when no answer could be heard).
    void taken(std::uint64_t id, const store::Turn& user);
    void answered(std::uint64_t id, const std::optional<store::Turn>& agent);

 private:
    struct Message {  // of a method's caller, who waits for the answer
        std::string text;
        nlohmann::json items = nlohmann::json::array();
        std::vector<rtc::RpcAnswer> waiting;
    };
    using Method = void (FrontEnd::*)(const nlohmann::json&, const rtc::RpcCall&, const rtc::RpcAnswer&);
    void serve(const char* name, Method method);
    void perform(Method method, const rtc::RpcCall& call, const rtc::RpcAnswer& answer);
    void tell_session(std::string bytes, std::vector<std::string> to = {});
    bool wait_for_caller(std::function<void()> task);
    bool by_operator(const rtc::RpcCall& call) const;
    std::optional<rtc::RpcFault> refusal(const rtc::RpcCall& call) const;
    void get_state(const nlohmann::json& request, const rtc::RpcCall& call, const rtc::RpcAnswer& answer);
    void get_history(const nlohmann::json& request, const rtc::RpcCall& call, const rtc::RpcAnswer& answer);
    void get_info(const nlohmann::json& request, const rtc::RpcCall& call, const rtc::RpcAnswer& answer);
    void send_message(const nlohmann::json& request, const rtc::RpcCall& call, const rtc::RpcAnswer& answer);
    void say(const nlohmann::json& request, const rtc::RpcCall& call, const rtc::RpcAnswer& answer);
    void interrupt(const nlohmann::json& request, const rtc::RpcCall& call, const rtc::RpcAnswer& answer);

    const AgentConfig& config_;
    rtc::Room& room_;
    Handlers handlers_;
    std::string caller_, state_ = "initializing";
    bool tells_events_ = false;
    std::vector<std::function<void()>> early_;  // what came before we were told who is there
    store::SystemTime since_ = std::chrono::system_clock::now();
    ConversationRecord record_;
    std::map<std::uint64_t, Message> messages_;  // those that are not answered yet
    std::uint64_t next_message_ = 1;
    Captions captions_;
    KeyPad keys_;
    SendQueue state_queue_, turn_queue_, session_queue_;
    Lifeline lifeline_;
};

}  // namespace voicectl::agent
