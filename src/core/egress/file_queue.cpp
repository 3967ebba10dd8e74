#include "file_queue.h"

#include <atomic>
#include <mutex>
#include <vector>

namespace voicectl::egress {

struct FileQueue::File {
    std::atomic<std::int64_t> bytes{0}, waiting{0};
    std::mutex mutex;
    std::vector<audio::Samples> spare;  // under mutex

    // The queue's thread.
    std::unique_ptr<audio::FileWriter> writer;
    std::function<void(const Error&)> on_error;
    bool failed = false;
    std::int64_t frames = 0;

    void note(const Result<void>& result) {
        if (writer) bytes = writer->bytes();
        if (!result && !std::exchange(failed, true)) on_error(result.error());
    }
    audio::Samples buffer() {
        std::lock_guard lock(mutex);
        if (spare.empty()) return {};
        auto out = std::move(spare.back());
        spare.pop_back();
        return out;
    }
};

FileQueue::FileQueue(Loop& loop, Workers& workers, std::string path, Form form, std::function<void(const Error&)> on_error)
    : loop_(loop), channels_(static_cast<std::size_t>(form.channels)), file_(std::make_shared<File>()), queue_(workers) {
    file_->on_error = [&loop, tell = lifeline_.guard(std::move(on_error))](const Error& error) mutable {
        loop.post([tell, error]() mutable { tell(error); });
    };
    queue_.post([file = file_, path = std::move(path), form] {
        auto made = audio::FileWriter::create(path, form.rate_hz, form.channels, form.options);
        if (!made) return file->note(std::unexpected(made.error()));
        file->writer = std::move(*made);
        file->note({});
    });
}

std::int64_t FileQueue::bytes() const { return file_->bytes; }
std::int64_t FileQueue::waiting() const { return file_->waiting; }

void FileQueue::write(audio::SampleView interleaved) {
    if (interleaved.empty()) return;
    auto samples = file_->buffer();
    samples.assign(interleaved.begin(), interleaved.end());
    const auto frames = static_cast<std::int64_t>(samples.size() / channels_);
    file_->waiting += frames;
    queue_.post([file = file_, frames, samples = std::move(samples)]() mutable {
        if (file->writer && !file->failed) {
            const auto written = file->writer->write(samples);
            if (written) file->frames += frames;
            file->note(written);
        }
        file->waiting -= frames;
        std::lock_guard lock(file->mutex);
        file->spare.push_back(std::move(samples));
    });
}

void FileQueue::close(std::function<void(const Closed&)> done) {
    queue_.post([file = file_, loop = &loop_, done = lifeline_.guard(std::move(done))] {
        Closed closed{.result = {}, .bytes = 0, .frames = file->frames};
        if (file->writer) {
            closed.result = file->writer->close();
            closed.bytes = file->writer->bytes();
            file->bytes = closed.bytes;
            file->writer.reset();
        }
        loop->post([done, closed]() mutable { done(closed); });
    });
}

}  // namespace voicectl::egress
