// Closes gaps in the events of rooms by asking LiveKit's API: what was missed while nobody listened. Lives on a loop; the
// API is asked on a thread of its own.
//
// Each gap becomes an event of ours with an id that follows from what is missing ("GAP_…"), so that it is filled once; its
// body says "source": "voicectl". When something happened is not known any more: such an event has the time at which it
// was noticed.
#pragma once

#include <functional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "voicectl/base/loop.h"
#include "voicectl/base/workers.h"
#include "voicectl/livekit/twirp.h"
#include "voicectl/store/store.h"
#include "voicectl/store/webhooks.h"

namespace voicectl::webhook {

class GapFiller {
 public:
    GapFiller(Loop& loop, store::AsyncStore& store, livekit::Server server) : loop_(loop), store_(store), server_(std::move(server)) {}
    ~GapFiller() { stop_.request_stop(); }  // an end does not wait for the server

    /// Compares what the store believes with what the server says; one look at a time. The first look gives all that is
    /// missing, later ones what was missing at the look before too: the rest may be on its way.
    void look();
    std::function<void(Result<std::vector<store::WebhookEvent>>)> on_found;

    struct Believed {
        std::vector<std::string> calls;  // Webhooks::call_state() of those that are not over
        std::vector<store::Recording> recordings;  // that are not over
    };

 private:
    void ask(Believed believed);
    void tell(Result<std::vector<store::WebhookEvent>> found);
    Loop& loop_;
    store::AsyncStore& store_;
    livekit::Server server_;
    bool looking_ = false, looked_ = false;
    std::set<std::string> missing_;  // at the last look
    std::stop_source stop_;
    Workers workers_{1, "vc-gaps"};
    Lifeline lifeline_;
};

}  // namespace voicectl::webhook
