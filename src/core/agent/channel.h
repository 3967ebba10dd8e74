// One JSON object a line over a connected socket: how the supervisor and its call processes talk. Lives on the
// loop; handlers run there, and none after destruction.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "voicectl/base/loop.h"
#include "voicectl/base/result.h"

namespace voicectl::agent {

class Channel {
 public:
    struct Handlers {
        std::function<void(const nlohmann::json& message)> on_message;
        /// Once: the other side is gone, or sent what is no message.
        std::function<void(const Error& why)> on_closed;
    };

    /// Takes over `descriptor`.
    static std::unique_ptr<Channel> open(AsioLoop& loop, int descriptor, Handlers handlers);
    virtual ~Channel() = default;
    /// In order; what a gone peer does not take is dropped.
    virtual void send(const nlohmann::json& message) = 0;
};

}  // namespace voicectl::agent
