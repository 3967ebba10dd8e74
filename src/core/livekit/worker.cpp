#include "voicectl/livekit/worker.h"

#include <algorithm>
#include <optional>
#include <random>

#include "livekit_agent.pb.h"
#include "worker_message.h"
#include "voicectl/base/log.h"
#include "voicectl/net/url.h"
#include "voicectl/net/websocket.h"
#include "voicectl/livekit/api.h"

namespace voicectl::livekit {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kUpgradeTokenLife{600};  // needed for the upgrade only
constexpr std::chrono::seconds kRegisterTime{10};
constexpr milliseconds kFirstDelay{500};
constexpr milliseconds kLongestDelay{30'000};
constexpr int kDoublings = 6;  // 0.5 s · 2⁶ is past the longest

proto::JobStatus to_proto(JobStatus status) {
    switch (status) {
        case JobStatus::Running: return proto::JS_RUNNING;
        case JobStatus::Success: return proto::JS_SUCCESS;
        case JobStatus::Failed: return proto::JS_FAILED;
    }
    return proto::JS_FAILED;
}

Result<std::string> worker_url(std::string_view server) {
    VC_TRY_ASSIGN(const auto base, http_base(server));
    VC_TRY_ASSIGN(auto url, net::parse_url(base));
    url.scheme = url.secure() ? "wss" : "ws";
    url.path = (url.path == "/" ? "" : url.path) + "/agent?protocol=1";
    return url.to_string();
}

class LiveWorker final : public Worker {
 public:
    LiveWorker(AsioLoop& loop, WorkerOptions options, WorkerHandlers handlers)
        : loop_(loop), options_(std::move(options)), handlers_(std::move(handlers)), retry_(loop), patience_(loop) {
        loop_.post(lifeline_.guard([this] { connect(); }));
    }

    void accept(const std::string& job_id, const Accept& accept) override {
        proto::WorkerMessage message;
        auto& answer = *message.mutable_availability();
        answer.set_job_id(job_id);
        answer.set_available(true);
        answer.set_participant_identity(accept.identity);
        answer.set_participant_name(accept.name);
        answer.set_participant_metadata(accept.metadata);
        for (const auto& [name, value] : accept.attributes) (*answer.mutable_participant_attributes())[name] = value;
        send(message);
    }

    void refuse(const std::string& job_id) override {
        proto::WorkerMessage message;
        message.mutable_availability()->set_job_id(job_id);
        message.mutable_availability()->set_available(false);
        send(message);
    }

    void report_job(const std::string& job_id, JobStatus status, const std::string& error) override {
        proto::WorkerMessage message;
        auto& update = *message.mutable_update_job();
        update.set_job_id(job_id);
        update.set_status(to_proto(status));
        update.set_error(error);
        send(message);
    }

    void report_load(bool available, float load, int jobs) override {
        load_ = Load{available, std::clamp(load, 0.0F, 1.0F), std::max(jobs, 0)};
        send_load();
    }

    bool registered() const override { return registered_; }
    std::string server_version() const override { return server_version_; }

 private:
    struct Load {
        bool available = true;
        float load = 0;
        int jobs = 0;
    };

    /// Always the last thing done: the handler may destroy us, so it runs as a copy.
    template<class Handler, class... Values>
    static void tell(const Handler& handler, Values&&... values) {
        const auto copy = handler;
        if (copy) copy(std::forward<Values>(values)...);
    }

    void connect() {
        registered_ = false;
        const auto url = worker_url(options_.server.url);
        if (!url) return stop_for_good(url.error());
        Claims claims;
        claims.video.agent = true;
        net::WebSocketOptions options;
        options.url = *url;
        options.headers = {{"Authorization", "Bearer " + mint(options_.server.key, claims, kUpgradeTokenLife)}};
        patience_.after(options.connect_timeout + kRegisterTime, [this] {
            lost({Errc::Timeout, fmt::format("no answer to our registration within {} s", kRegisterTime.count()), {}});
        });
        socket_ = net::WebSocket::open(loop_, std::move(options),
                                       {[this] { register_worker(); },
                                        [this](std::string message, bool) { handle(message); },
                                        [this](Error why) { lost(std::move(why)); }});
    }

    void register_worker() {
        proto::WorkerMessage message;
        auto& request = *message.mutable_register_();
        request.set_type(proto::JT_ROOM);
        request.set_agent_name(options_.agent_name);
        request.set_version(options_.version);
        request.set_deployment(options_.deployment);
        auto& may = *request.mutable_allowed_permissions();
        may.set_can_publish(true);
        may.set_can_subscribe(true);
        may.set_can_publish_data(true);
        may.set_can_update_metadata(true);
        transmit(message);
    }

    void handle(const std::string& bytes) {
        const auto message = parse_worker_message(bytes);
        if (!message) return lost(message.error());
        using Kind = WorkerMessage::Kind;
        switch (message->kind) {
            case Kind::Registered: return handle_registered(*message);
            case Kind::Offer: return tell(handlers_.on_offer, message->job);
            case Kind::Assigned: return tell(handlers_.on_assigned, message->job, message->token);
            case Kind::Terminated: return tell(handlers_.on_terminated, message->job_id);
            case Kind::Other: return;
        }
    }

    void handle_registered(const WorkerMessage& reply) {
        patience_.cancel();
        failures_ = 0;
        registered_ = true;
        server_version_ = reply.server_version;
        send_load();
        log::info("worker", "registered", {{"agent", options_.agent_name}, {"worker", reply.worker_id}, {"server", reply.server_version}});
        tell(handlers_.on_registered, reply.worker_id);
    }

    void lost(Error why) {
        socket_.reset();
        patience_.cancel();
        if (why.code == Errc::Auth || why.code == Errc::Usage) return stop_for_good(std::move(why));
        registered_ = false;
        retry_.after(next_delay(), [this] { connect(); });
        tell(handlers_.on_lost, std::move(why).while_doing("worker connection"));
    }

    void stop_for_good(Error why) {
        registered_ = false;
        if (why.code == Errc::Auth) why.hint = "check LIVEKIT_API_KEY and LIVEKIT_API_SECRET against the server's configuration";
        tell(handlers_.on_lost, std::move(why).while_doing("worker connection"));
    }

    // Half of it fixed and half by chance, so that the workers of a restarted server do not come as one.
    milliseconds next_delay() {
        const auto full = std::min(kLongestDelay, kFirstDelay * (1 << std::min(failures_, kDoublings)));
        ++failures_;
        return std::chrono::duration_cast<milliseconds>(full * std::uniform_real_distribution(0.5, 1.0)(chance_));
    }

    void send_load() {
        if (!load_) return;
        proto::WorkerMessage message;
        auto& update = *message.mutable_update_worker();
        update.set_status(load_->available ? proto::WS_AVAILABLE : proto::WS_FULL);
        update.set_load(load_->load);
        update.set_job_count(static_cast<std::uint32_t>(load_->jobs));
        send(message);
    }

    // Before the registration is confirmed the server takes nothing else; offers of a lost connection are
    // void, so nothing is kept for the next one but the load.
    void send(const proto::WorkerMessage& message) {
        if (registered_) transmit(message);
    }
    void transmit(const proto::WorkerMessage& message) {
        if (socket_) socket_->send(message.SerializeAsString(), true);
    }

    AsioLoop& loop_;
    WorkerOptions options_;
    WorkerHandlers handlers_;
    std::unique_ptr<net::WebSocket> socket_;
    std::optional<Load> load_;
    bool registered_ = false;
    std::string server_version_;
    int failures_ = 0;
    std::minstd_rand chance_{std::random_device{}()};
    Timer retry_;
    Timer patience_;
    Lifeline lifeline_;  // last: dies first, on loop_
};

}  // namespace

std::unique_ptr<Worker> Worker::create(AsioLoop& loop, WorkerOptions options, WorkerHandlers handlers) {
    return std::make_unique<LiveWorker>(loop, std::move(options), std::move(handlers));
}

}  // namespace voicectl::livekit
