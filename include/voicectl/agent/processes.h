// Calls carried by processes of their own (docs/design.md, "Processes of an agent"). LiveKit's core aborts its
// process when it panics; the supervisor holds the registration, never loads it, and outlives that.
//
//   supervisor: JobDesk → ProcessHost ──one socket each──▶ call process: CallHost → sessions
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "voicectl/agent/host.h"

namespace voicectl::agent {

/// What a call process is told first; everything that it needs besides its environment.
struct ProcessSetup {
    std::string file, yaml;        // the configuration as the supervisor read it
    std::string name, store;       // as flags changed them; empty: as configured
    bool log_json = false, debug = false, quiet = false;
    std::string supervisor;        // its identity (base/process.h)
    std::map<std::string, std::string> files{};  // the prompt files that the configuration names, as the supervisor read them
};

struct ProcessHostOptions {
    ProcessSetup setup;
    int calls_per_process = 12;
    int processes = 4;                            // at most
    int recycle_after = 0;                        // calls, then a process takes no more; 0: never
    std::vector<std::string> command;             // what is started; the socket is descriptor 3
    std::vector<std::pair<std::string, std::string>> environment;  // changes of ours
    std::vector<std::chrono::milliseconds> pauses{std::chrono::milliseconds{0}, std::chrono::seconds{1}, std::chrono::seconds{3}};
                                                  // before a call is taken up the first, second … time; then it has failed
    std::chrono::seconds forgiven_after{60};      // a call that went well for so long starts counting anew
    std::function<std::string(const CallTicket&)> fresh_token;  // for a call that is taken up after an hour; absent: its first one
    std::chrono::seconds idle_time{60};           // a process without calls that is not needed ends after this
};

/// One call process as `agent status` shows it.
struct ProcessState {
    int pid = 0;
    int calls = 0;
    bool ready = false, retiring = false;
    std::chrono::seconds age{0};
};

class ProcessHost : public CallHost {
 public:
    /// New calls go to new processes with this; the old ones end with their last call (SIGHUP).
    virtual void reload(ProcessSetup setup) = 0;
    virtual std::vector<ProcessState> processes() const = 0;
    /// The first process is ready, or why none can be (then the configuration is at fault).
    std::function<void(Result<void>)> on_ready;
    /// A call process died with `calls` on it.
    std::function<void(int pid, int calls)> on_died;
};

/// Starts the first process at once.
std::unique_ptr<ProcessHost> make_process_host(AsioLoop& loop, ProcessHostOptions options);

/// The other side: serves `host` over `descriptor` until the supervisor is gone and the last call is over.
/// Called with the setup once it came; what it gives back is told to the supervisor.
using HostFactory = std::function<Result<CallHost*>(const ProcessSetup&)>;
Result<void> serve_calls(AsioLoop& loop, int descriptor, HostFactory make_host);

}  // namespace voicectl::agent
