#include "core/speech/piecewise.h"

namespace voicectl::speech {
namespace {

struct Speech : std::enable_shared_from_this<Speech> {
    std::vector<std::string> pieces;
    SayPiece say;
    std::shared_ptr<Outlet<TtsSink>> outlet;
    std::weak_ptr<SerialQueue> queue;  // the provider's; gone with it
    std::size_t next = 0;

    void step() {
        if (outlet->closed()) return;
        if (next == pieces.size()) {
            outlet->send([](TtsSink& sink) { sink.on_done(); });
            return;
        }
        if (auto said = say(pieces[next++], *outlet); !said) {
            outlet->send([error = std::move(said).error()](TtsSink& sink) { sink.on_error(error); });
            return;
        }
        if (const auto line = queue.lock()) line->post([self = shared_from_this()] { self->step(); });
    }
};

class Stream final : public TtsStream {
 public:
    explicit Stream(std::shared_ptr<Outlet<TtsSink>> outlet) : outlet_(std::move(outlet)) {}
    ~Stream() override { outlet_->close(); }

 private:
    std::shared_ptr<Outlet<TtsSink>> outlet_;
};

}  // namespace

std::unique_ptr<TtsStream> speak_piecewise(const std::shared_ptr<SerialQueue>& queue, Loop& loop,
                                           std::vector<std::string> pieces, SayPiece say, TtsSink sink) {
    auto speech = std::make_shared<Speech>();
    speech->pieces = std::move(pieces);
    speech->say = std::move(say);
    speech->outlet = std::make_shared<Outlet<TtsSink>>(loop, std::move(sink));
    speech->queue = queue;
    auto stream = std::make_unique<Stream>(speech->outlet);
    queue->post([speech = std::move(speech)] { speech->step(); });
    return stream;
}

}  // namespace voicectl::speech
