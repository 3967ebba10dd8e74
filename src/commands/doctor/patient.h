// What the checks of the doctor share: where the server is, what was learnt of it, and rooms that go again.
// Main thread.
#pragma once

#include <memory>
#include <optional>

#include "commands/doctor/doctor.h"
#include "commands/interrupt.h"
#include "voicectl/livekit/api.h"
#include "voicectl/livekit/probe.h"
#include "voicectl/net/url.h"

namespace voicectl::commands {

class Patient {
 public:
    Patient(Env& given, const DoctorOptions& wanted) : env(given), options(wanted) {}

    Env& env;
    const DoctorOptions& options;
    Interrupt interrupt;
    std::vector<std::string> addresses;
    std::optional<livekit::ServerSign> sign;

    /// Where the URL comes from ("--url", "LIVEKIT_URL"), and the URL; empty when there is none.
    std::pair<std::string, std::string> given_url() const;
    Result<net::Url> url() const;
    /// For one look: the global --timeout, but no longer than anyone wants to wait for a diagnosis.
    std::chrono::milliseconds limit() const;
    Result<livekit::TwirpClient> twirp();
    /// Before rooms are made: a protected profile asks for its name, once. Why not, else.
    Result<void> consent();

 private:
    std::optional<Result<void>> consent_;
};

/// A room with a name of our own, deleted when this goes. Should we be killed, the server ends it soon after.
class ThrowawayRoom {
 public:
    static Result<std::unique_ptr<ThrowawayRoom>> create(Patient& patient);
    ~ThrowawayRoom();
    const std::string& name() const { return name_; }

 private:
    ThrowawayRoom(Patient& patient, std::string name) : patient_(patient), name_(std::move(name)) {}
    Patient& patient_;
    std::string name_;
};

/// The checks, by what they look at, in the order in which they are run.
void plan_configuration(Checkup& checkup, Patient& patient);
void plan_way(Checkup& checkup, Patient& patient);
void plan_keys(Checkup& checkup, Patient& patient);
void plan_calls(Checkup& checkup, Patient& patient);
void plan_machine(Checkup& checkup, Patient& patient);

}  // namespace voicectl::commands
