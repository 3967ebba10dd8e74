#include "checks.h"

#include <algorithm>
#include <cassert>

#include "voicectl/base/redact.h"

namespace voicectl::e2e {

void Checks::plan(std::string id, std::string title) {
    Check check;
    check.id = std::move(id);
    check.title = std::move(title);
    report_.checks.push_back(std::move(check));
}

void Checks::drop(const std::string& id) {
    std::erase_if(report_.checks, [&](const Check& one) { return one.id == id; });
}

bool Checks::run(const std::string& id, const std::function<Result<Seen>()>& check) {
    const auto found = std::find_if(report_.checks.begin(), report_.checks.end(), [&](const Check& one) { return one.id == id; });
    assert(found != report_.checks.end() && "a check that was not planned");
    if (events_.on_start) events_.on_start(found->title);
    const auto began = Clock::now();
    auto seen = check();
    found->elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
    if (seen) {
        found->state = Check::State::Held;
        found->detail = redact(seen->detail);
        found->evidence = std::move(seen->evidence);
        if (seen->measured) found->elapsed = *seen->measured;
    } else {
        last_ = seen.error();
        found->state = Check::State::Failed;
        found->detail = redact(last_.message);
        if (!last_.hint.empty()) found->evidence["hint"] = redact(last_.hint);
    }
    if (events_.on_check) events_.on_check(*found);
    return seen.has_value();
}

bool Checks::on_the_way(const std::string& id, const std::function<Result<Seen>()>& check) {
    if (run(id, check)) return true;
    if (last_.code != Errc::CheckFailed && last_.code != Errc::NotFound) report_.stopped = last_;
    return false;
}

bool Checks::in_the_call(const std::string& id, const std::function<Result<Seen>()>& check) {
    if (run(id, check)) return true;
    if (last_.code == Errc::Cancelled || last_.code == Errc::Terminated) report_.stopped = last_;
    return false;
}

}  // namespace voicectl::e2e
