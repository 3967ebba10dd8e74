// `voicectl e2e-call`: one command makes a whole call and proves it.
#pragma once

#include "commands/command.h"
#include "voicectl/e2e/call_test.h"

namespace voicectl::commands {

struct E2eCallOptions {
    bool local = false;
    std::string agent, room, config, script, metadata, store, record, record_egress, voice = "rms";
    std::vector<e2e::ScriptTurn> turns;  // --say and --expect, in the order given
    std::string greeting;
    bool no_greeting = false, keep_room = false;
    double tolerance = 0.65;
    std::string join_timeout = "30s", answer_timeout = "15s", max_latency = "5s";
};

void add_e2e_call(Command root, Env& env, Run<E2eCallOptions> run);
Result<void> run_e2e_call(const E2eCallOptions& options, Env& env);

}  // namespace voicectl::commands
