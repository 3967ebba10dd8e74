// `agent check --probe`: asks the providers of an agent once each, and shows what came back.
#pragma once

#include "commands/env.h"
#include "voicectl/agent/probe.h"

namespace voicectl::commands {

/// Asks; tells on a terminal whom it waits for. Cancelled or Terminated when a signal came.
Result<std::vector<agent::ProbeReport>> probe_providers(const agent::AgentConfig& config, const agent::Stages& stages, const speech::ProviderContext& context, Env& env);

Json to_json(const std::vector<agent::ProbeReport>& reports);
/// A line or two for each, and one for all.
std::string probe_lines(const std::vector<agent::ProbeReport>& reports, const Output& out);
std::vector<Column> probe_columns();

}  // namespace voicectl::commands
