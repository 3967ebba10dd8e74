// Transfers that a call process has asked its supervisor for, until each is answered, its time is up, or nobody is left
// to answer. One per call process; lives on the loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "voicectl/agent/host.h"
#include "voicectl/base/loop.h"

namespace voicectl::agent {

class TransferLine {
 public:
    TransferLine(Loop& loop, std::function<void(const nlohmann::json& message)> send) : loop_(loop), send_(std::move(send)) {}

    void ask(const Transfer& wanted, TransferDone done);
    /// A message "transferred"; one that nobody waits for any more is nothing.
    void answered(const nlohmann::json& message);
    /// The supervisor is gone: all fail, also those that are asked for later.
    void close();

 private:
    struct Asked {
        Asked(Loop& loop, TransferDone tell) : done(std::move(tell)), patience(loop) {}
        TransferDone done;
        Timer patience;
    };
    void end(int id, const Result<void>& result);

    Loop& loop_;
    std::function<void(const nlohmann::json& message)> send_;
    std::map<int, std::unique_ptr<Asked>> asked_;
    int last_id_ = 0;
    bool closed_ = false;
};

}  // namespace voicectl::agent
