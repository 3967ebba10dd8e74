#include <map>

#include "call_session.h"
#include "voicectl/agent/host.h"
#include "voicectl/base/log.h"

namespace voicectl::agent {
namespace {

class LocalCallHost final : public CallHost {
 public:
    explicit LocalCallHost(HostParts parts) : parts_(parts) {}

    void start(const CallTicket& ticket) override {
        if (calls_.contains(ticket.job_id)) return;
        auto session = std::make_unique<CallSession>(
            parts_, ticket, lifeline_.guard([this](const CallOutcome& outcome) { on_session_ended(outcome); }));
        auto& started = *session;
        calls_.emplace(ticket.job_id, std::move(session));
        started.start();
    }

    void stop(const std::string& job_id, const std::string& reason) override {
        if (const auto found = calls_.find(job_id); found != calls_.end()) found->second->end(true, reason);
    }

    void stop_all(const std::string& reason) override {
        for (auto& [id, session] : calls_) session->end(true, reason);
    }

    int active() const override { return static_cast<int>(calls_.size()); }

 private:
    void on_session_ended(const CallOutcome& outcome) {
        // The session is our caller: it goes once it has returned.
        parts_.loop.post(lifeline_.guard([this, id = outcome.job_id] { calls_.erase(id); }));
        parts_.loop.post(lifeline_.guard([this, outcome] {
            if (on_ended) on_ended(outcome);
        }));
    }

    HostParts parts_;
    std::map<std::string, std::unique_ptr<CallSession>> calls_;
    Lifeline lifeline_;
};

template<class T>
void take(speech::Built<T> built, const char* stage, const LoadedConfig& loaded, std::unique_ptr<T>& out, ConfigFaults& faults) {
    if (built) {
        out = std::move(*built);
        return;
    }
    const auto& fault = built.error();
    const bool indexed = fault.key.starts_with('[');
    const auto key = fault.key.empty() ? std::string(stage) : fmt::format("{}{}{}", stage, indexed ? "" : ".", fault.key);
    faults.push_back(loaded.fault_at(key, fault.message, fault.hint));
}

}  // namespace

std::expected<Stages, ConfigFaults> build_stages(const LoadedConfig& loaded, const speech::ProviderContext& context) {
    Stages stages;
    ConfigFaults faults;
    take(speech::build_stt(loaded.config.stt, context), "stt", loaded, stages.stt, faults);
    take(speech::build_llm(loaded.config.llm, context), "llm", loaded, stages.llm, faults);
    take(speech::build_tts(loaded.config.tts, context), "tts", loaded, stages.tts, faults);
    if (!faults.empty()) return std::unexpected(std::move(faults));
    return stages;
}

std::unique_ptr<CallHost> make_call_host(HostParts parts) { return std::make_unique<LocalCallHost>(parts); }

}  // namespace voicectl::agent
