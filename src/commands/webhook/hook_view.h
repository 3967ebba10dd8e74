// Webhook events as JSON and as lines for people. Pure; any thread.
#pragma once

#include <string>

#include "commands/output.h"
#include "voicectl/store/webhooks.h"
#include "voicectl/webhook/intake.h"

namespace voicectl::commands {

/// With the body as `payload`, its secrets masked; without the token that signed it.
Json hook_json(const store::WebhookEvent& event);
/// The same with what became of the delivery.
Json handled_json(const webhook::Handled& handled);
/// "participant_left  demo  ann, CLIENT_INITIATED": event, room and what matters of the body. Safe to print.
std::string hook_line(const Json& event);
/// As -o, --fields and --get want it, with its end of line; `people`: as a line to read.
std::string hook_text(const Output& out, bool people, const Json& event);
Json delivery_json(const store::Delivery& delivery);

}  // namespace voicectl::commands
