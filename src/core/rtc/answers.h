// What the core answers to requests that carry nothing back but an error text.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "core/rtc/errors.h"
#include "core/rtc/ffi.h"

namespace voicectl::rtc {

/// Ends such a request. `error_of` finds the text in the answer; empty: all went well.
template<class Answer>
std::function<void(Result<EventPtr>)> finish(std::string what, std::function<void(Result<void>)> done,
                                             Answer error_of) {
    return [what = std::move(what), done = std::move(done), error_of](Result<EventPtr> answer) {
        if (!done) return;
        if (!answer) return done(std::unexpected(std::move(answer).error()));
        const std::string error = error_of((*answer)->message());
        if (!error.empty()) return done(std::unexpected(request_error(what, error)));
        done({});
    };
}

}  // namespace voicectl::rtc
