// `voicectl call records`: a line about every call, for billing and reports.
#pragma once

#include "commands/transcript/source.h"

namespace voicectl::commands {

struct CallRecordsOptions {
    CallChoice choice;
    std::string store;
    int limit = 100;
    bool all = false, csv = false;
};
void add_call_records(Command call, Env& env, Run<CallRecordsOptions> run);
Result<void> run_call_records(const CallRecordsOptions& options, Env& env);

}  // namespace voicectl::commands
