#include "voicectl/livekit/agent_session.h"

#include <map>
#include <nlohmann/json.hpp>

#include "agent/livekit_agent_session.pb.h"
#include "voicectl/base/text.h"

namespace voicectl::livekit {
namespace {

namespace session = ::livekit::agent;
using Json = nlohmann::json;
using Request = session::SessionRequest;
using What = SessionQuestion::What;

std::string text(const Json& json, const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? valid_utf8(found->get_ref<const std::string&>()) : std::string();
}

void set_time(google::protobuf::Timestamp& out, std::chrono::nanoseconds since_epoch) {
    constexpr std::int64_t kNanoseconds = 1'000'000'000;
    out.set_seconds(since_epoch.count() / kNanoseconds);
    out.set_nanos(static_cast<std::int32_t>(since_epoch.count() % kNanoseconds));
}

void set_time(google::protobuf::Timestamp& out, const Json& json, const char* key) {
    set_time(out, std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(json.value(key, 0.0))));
}

session::AgentState to_state(const std::string& name) {
    static const std::map<std::string, session::AgentState> kStates{{"initializing", session::AS_INITIALIZING},
                                                                    {"listening", session::AS_LISTENING},
                                                                    {"thinking", session::AS_THINKING},
                                                                    {"speaking", session::AS_SPEAKING}};
    const auto found = kStates.find(name);
    return found == kStates.end() ? session::AS_IDLE : found->second;
}

session::UserState to_user_state(const std::string& name) {
    return name == "speaking" ? session::US_SPEAKING : name == "away" ? session::US_AWAY : session::US_LISTENING;
}

void fill_item(session::ChatContext::ChatItem& out, const Json& item) {
    auto& message = *out.mutable_message();
    message.set_id(text(item, "id"));
    message.set_role(text(item, "role") == "assistant" ? session::ASSISTANT : session::USER);
    message.set_interrupted(item.value("interrupted", false));
    set_time(*message.mutable_created_at(), item, "created_at");
    for (const auto& one : item.value("content", Json::array()))
        if (one.is_string()) message.add_content()->set_text(valid_utf8(one.get_ref<const std::string&>()));
}

template<class Items>
void fill_items(Items& out, const Json& answer) {
    for (const auto& item : answer.value("items", Json::array())) fill_item(*out.add_items(), item);
}

session::AgentSessionMessage event_at(std::chrono::system_clock::time_point at) {
    session::AgentSessionMessage message;
    set_time(*message.mutable_event()->mutable_created_at(), at.time_since_epoch());
    return message;
}

What what_of(const Request& request) {
    switch (request.request_case()) {
        case Request::kPing: return What::Ping;
        case Request::kGetChatHistory: return What::History;
        case Request::kGetAgentInfo: return What::Info;
        case Request::kGetSessionState: return What::State;
        case Request::kGetFrameworkInfo: return What::Framework;
        case Request::kRunInput: return What::Run;
        default: return What::Other;
    }
}

}  // namespace

Result<SessionQuestion> parse_session_question(const std::string& bytes) {
    session::AgentSessionMessage message;
    if (!message.ParseFromString(bytes) || !message.has_request()) return fail(Errc::Protocol, "no question to an agent");
    const auto& request = message.request();
    return SessionQuestion{what_of(request), request.request_id(), request.run_input().text()};
}

std::string to_session_answer(const SessionQuestion& question, const Json& answer) {
    session::AgentSessionMessage message;
    auto& response = *message.mutable_response();
    response.set_request_id(question.id);
    switch (question.what) {
        case What::Ping: response.mutable_pong(); break;
        case What::History: fill_items(*response.mutable_get_chat_history(), answer); break;
        case What::Run: fill_items(*response.mutable_run_input(), answer); break;
        case What::Info: response.mutable_get_agent_info()->set_id(text(answer, "id")); break;
        case What::Framework:
            response.mutable_get_framework_info()->set_sdk(text(answer, "sdk"));
            response.mutable_get_framework_info()->set_sdk_version(text(answer, "sdk_version"));
            break;
        case What::State: {
            auto& state = *response.mutable_get_session_state();
            state.set_agent_state(to_state(text(answer, "agent_state")));
            state.set_user_state(to_user_state(text(answer, "user_state")));
            state.set_agent_id(text(answer, "agent_id"));
            set_time(*state.mutable_created_at(), answer, "created_at");
            break;
        }
        case What::Other: response.set_error("not supported"); break;
    }
    return message.SerializeAsString();
}

std::string to_session_refusal(const SessionQuestion& question, const std::string& why) {
    session::AgentSessionMessage message;
    message.mutable_response()->set_request_id(question.id);
    message.mutable_response()->set_error(valid_utf8(why));
    return message.SerializeAsString();
}

std::string to_state_event(const std::string& before, const std::string& now, std::chrono::system_clock::time_point at) {
    auto message = event_at(at);
    message.mutable_event()->mutable_agent_state_changed()->set_old_state(to_state(before));
    message.mutable_event()->mutable_agent_state_changed()->set_new_state(to_state(now));
    return message.SerializeAsString();
}

std::string to_item_event(const Json& item, std::chrono::system_clock::time_point at) {
    auto message = event_at(at);
    fill_item(*message.mutable_event()->mutable_conversation_item_added()->mutable_item(), item);
    return message.SerializeAsString();
}

std::string to_words_event(const std::string& words, bool final, std::chrono::system_clock::time_point at) {
    auto message = event_at(at);
    message.mutable_event()->mutable_user_input_transcribed()->set_transcript(valid_utf8(words));
    message.mutable_event()->mutable_user_input_transcribed()->set_is_final(final);
    return message.SerializeAsString();
}

}  // namespace voicectl::livekit
