#include "worker_message.h"

#include "livekit_agent.pb.h"

namespace voicectl::livekit {
namespace {

Job to_job(const proto::Job& job) {
    return {job.id(),
            job.dispatch_id(),
            job.agent_name(),
            job.room().name(),
            job.room().sid(),
            job.room().metadata(),
            job.metadata(),
            {job.attributes().begin(), job.attributes().end()}};
}

}  // namespace

Result<WorkerMessage> parse_worker_message(const std::string& bytes) {
    proto::ServerMessage message;
    if (!message.ParseFromString(bytes)) return fail(Errc::Protocol, "the server sent what is no worker message");
    WorkerMessage out;
    using Kind = WorkerMessage::Kind;
    switch (message.message_case()) {
        case proto::ServerMessage::kRegister:
            out.kind = Kind::Registered;
            out.worker_id = message.register_().worker_id();
            out.server_version = message.register_().server_info().version();
            break;
        case proto::ServerMessage::kAvailability:
            out.kind = Kind::Offer;
            out.job = to_job(message.availability().job());
            break;
        case proto::ServerMessage::kAssignment:
            out.kind = Kind::Assigned;
            out.job = to_job(message.assignment().job());
            out.token = message.assignment().token();
            break;
        case proto::ServerMessage::kTermination:
            out.kind = Kind::Terminated;
            out.job_id = message.termination().job_id();
            break;
        default: break;
    }
    return out;
}

}  // namespace voicectl::livekit
