// Methods that front-ends call, by LiveKit's RPC or (as livekit-agents 1.5 and later) by messages on lk.agent.session.
// The answers have the form that livekit-agents gave them; the system prompt is the operator's, and is given to nobody.
#include <algorithm>

#include "front_end.h"
#include "typed_text.h"
#include "voicectl/base/json.h"
#include "voicectl/base/log.h"
#include "voicectl/base/text.h"
#include "voicectl/livekit/agent_session.h"

namespace voicectl::agent {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kAnswerBytes = 15000;  // 15,360 go into one packet
constexpr std::size_t kCharacters = 4000;
constexpr std::size_t kWaiting = 8;
constexpr std::size_t kQuestionBytes = 64 * 1024;

// As HTTP has them; LiveKit keeps 1001 to 1999 to itself.
enum Code : std::uint32_t { kBadRequest = 400, kForbidden = 403, kConflict = 409, kTooMany = 429 };

std::unexpected<rtc::RpcFault> fault(Code code, std::string message) { return std::unexpected(rtc::RpcFault{code, std::move(message)}); }

std::string text_of(const Json& request) {
    const auto text = request.find("text");
    return text == request.end() || !text->is_string() ? std::string() : to_typed_text(text->get_ref<const std::string&>(), kCharacters);
}

double seconds(store::SystemTime at) { return std::chrono::duration_cast<std::chrono::duration<double>>(at.time_since_epoch()).count(); }

}  // namespace

void FrontEnd::serve(const char* name, Method method) {
    room_.serve(name, lifeline_.guard([this, method](const rtc::RpcCall& call, const rtc::RpcAnswer& answer) { perform(method, call, answer); }));
}

void FrontEnd::perform(Method method, const rtc::RpcCall& call, const rtc::RpcAnswer& answer) {
    if (!by_operator(call) && wait_for_caller([this, method, call, answer] { perform(method, call, answer); })) return;
    if (auto refused = refusal(call)) return answer(std::unexpected(std::move(*refused)));
    const auto request = call.payload.empty() ? Json::object() : Json::parse(call.payload, nullptr, /*allow_exceptions=*/false);
    if (!request.is_object()) return answer(fault(kBadRequest, "the payload must be a JSON object"));
    (this->*method)(request, call, answer);
}

void FrontEnd::on_bytes(const rtc::ByteMessage& message) {
    if (message.topic != livekit::kAgentSessionTopic || !config_.front_end.rpc || message.bytes.size() > kQuestionBytes) return;
    const auto question = livekit::parse_session_question(message.bytes);
    if (!question) return;  // an event or an answer of somebody else
    using What = livekit::SessionQuestion::What;
    const auto reply = [this, question = *question, to = message.sender_identity](const std::expected<std::string, rtc::RpcFault>& answer) {
        tell_session(answer ? livekit::to_session_answer(question, Json::parse(*answer, nullptr, /*allow_exceptions=*/false))
                            : livekit::to_session_refusal(question, answer.error().message), {to});
    };
    rtc::RpcCall call{"", "", message.sender_identity};
    switch (question->what) {
        case What::Ping: return reply("{}");
        case What::Framework: return reply(json_text({{"sdk", "voicectl"}, {"sdk_version", VOICECTL_VERSION}}));
        case What::History: return perform(&FrontEnd::get_history, call, reply);
        case What::Info: return perform(&FrontEnd::get_info, call, reply);
        case What::State: return perform(&FrontEnd::get_state, call, reply);
        case What::Run:
            call.payload = json_text({{"text", question->text}});
            return perform(&FrontEnd::send_message, call, lifeline_.guard(reply));
        case What::Other: return reply(fault(kBadRequest, "not supported"));
    }
}

void FrontEnd::tell_session(std::string bytes, std::vector<std::string> to) {
    rtc::StreamOptions options{.topic = livekit::kAgentSessionTopic, .to = std::move(to), .name = "AS_" + random_id(12)};
    session_queue_.add([this, bytes = std::move(bytes), options = std::move(options)](SendQueue::Done done) {
        room_.send_bytes(bytes, options, std::move(done));
    });
}

// By the server API: its key is the operator's. A participant may give a call an id like its own identity, so who is in
// the room is not believed.
bool FrontEnd::by_operator(const rtc::RpcCall& call) const {
    const auto people = room_.participants();
    return call.by_server && std::none_of(people.begin(), people.end(), [&](const auto& who) { return who.identity == call.caller_identity; });
}

// Who is in the room and is not the caller has no say in the call.
std::optional<rtc::RpcFault> FrontEnd::refusal(const rtc::RpcCall& call) const {
    if (by_operator(call) || (!caller_.empty() && call.caller_identity == caller_)) return std::nullopt;
    log::debug("agent", "a method was called by somebody who is not the caller",
               {{"room", room_.name()}, {"from", call.caller_identity}, {"method", call.method}});
    return rtc::RpcFault{kForbidden, "only the caller whom the agent serves, and the server API, may call this"};
}

void FrontEnd::get_state(const Json&, const rtc::RpcCall&, const rtc::RpcAnswer& answer) {
    answer(json_text({{"agent_state", state_},
                 {"user_state", handlers_.user_state()},
                 {"agent_id", config_.name},
                 {"options", Json::object()},
                 {"created_at", seconds(since_)}}));
}

void FrontEnd::get_history(const Json&, const rtc::RpcCall&, const rtc::RpcAnswer& answer) { answer(json_text(record_.items(kAnswerBytes))); }

void FrontEnd::get_info(const Json&, const rtc::RpcCall&, const rtc::RpcAnswer& answer) {
    answer(json_text({{"id", config_.name}, {"instructions", nullptr}, {"tools", Json::array()}, {"chat_ctx", Json::array()}}));
}

// Answered once the agent's answer was spoken. The server calls a method that takes 3 s once more: the same text
// under way is the same message.
void FrontEnd::send_message(const Json& request, const rtc::RpcCall&, const rtc::RpcAnswer& answer) {
    const auto text = text_of(request);
    if (text.empty()) return answer(fault(kBadRequest, "\"text\" is missing or empty"));
    const auto same = std::find_if(messages_.begin(), messages_.end(), [&](const auto& one) { return one.second.text == text; });
    if (same != messages_.end()) {
        if (same->second.waiting.size() >= kWaiting) return answer(fault(kTooMany, "too many wait for this answer"));
        return same->second.waiting.push_back(answer);
    }
    const auto id = next_message_++;
    messages_[id] = {text, Json::array(), {answer}};
    handlers_.on_typed(text, id);
}

void FrontEnd::taken(std::uint64_t id, const store::Turn& user) {
    if (const auto found = messages_.find(id); found != messages_.end()) found->second.items.push_back(to_chat_item(user));
}

void FrontEnd::answered(std::uint64_t id, const std::optional<store::Turn>& agent) {
    auto node = messages_.extract(id);
    if (node.empty()) return;
    auto& message = node.mapped();
    if (agent) message.items.push_back(to_chat_item(*agent));
    const auto answer = json_text({{"items", message.items}});
    for (const auto& one : message.waiting) one(answer);
}

void FrontEnd::say(const Json& request, const rtc::RpcCall& call, const rtc::RpcAnswer& answer) {
    if (!by_operator(call)) return answer(fault(kForbidden, "only the server API may put words into the agent's mouth"));
    const auto text = text_of(request);
    if (text.empty()) return answer(fault(kBadRequest, "\"text\" is missing or empty"));
    if (!handlers_.on_say(text)) return answer(fault(kConflict, "the agent cannot be interrupted now"));
    answer("{}");
}

void FrontEnd::interrupt(const Json&, const rtc::RpcCall&, const rtc::RpcAnswer& answer) {
    answer(json_text({{"interrupted", handlers_.on_interrupt()}}));
}

}  // namespace voicectl::agent
