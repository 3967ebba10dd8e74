#include "core/rtc/pacer.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace voicectl::rtc {

int Grid::due(TimePoint now) {
    if (now < next_) return 0;
    const auto missed = (now - next_) / kFrameTime + 1;
    if (missed > kMaxBurst) {
        next_ = now + kFrameTime;
        return kMaxBurst;
    }
    next_ += missed * kFrameTime;
    return static_cast<int>(missed);
}

PacedSource::PacedSource(int rate_hz, std::unique_ptr<FrameSink> sink, std::function<void(Told)> tell)
    : sink_(std::move(sink)),
      tell_(std::move(tell)),
      frame_size_(static_cast<std::size_t>(rate_hz / kFramesPerSecond)),
      rate_hz_(rate_hz) {}

void PacedSource::tick(int frames, TimePoint now) {
    if (queue_.size() == 0) {
        if (std::exchange(playing_, false)) {
            note(Told::What::Drained, end_);
            silent_left_ = kSilentFrames;
        }
        for (int i = 0; i < frames && silent_left_ > 0; ++i) send_silence();
        return;
    }
    if (playing_ && now - end_ > kGap) note(Told::What::Late, now, std::chrono::duration_cast<std::chrono::milliseconds>(now - end_));
    // A burst plays on from where the last frame ended; its frames are not all of one moment.
    for (int i = 0; i < frames && send_one(now + i * kFrameTime); ++i) {
    }
}

bool PacedSource::send_one(TimePoint now) {
    const auto queued = queue_.size();
    if (queued == 0) return false;
    if (queued < frame_size_ && patience_ > 0) {
        // The next chunk may be a moment away: silence in the middle of a word would click.
        if (patience_-- == kPatience) note(Told::What::Low, now);
        return false;
    }
    patience_ = kPatience;
    const auto count = queue_.take(std::span(frame_).first(frame_size_));
    if (count == 0) return false;  // cleared since we looked
    std::fill(frame_.begin() + static_cast<std::ptrdiff_t>(count),
              frame_.begin() + static_cast<std::ptrdiff_t>(frame_size_), 0);
    if (!std::exchange(playing_, true)) note(Told::What::Started, now);
    silent_left_ = 0;
    taken_ += count;
    sink_->send(audio::SampleView(frame_).first(frame_size_));
    end_ = now + std::chrono::microseconds(count * 1'000'000 / static_cast<std::size_t>(rate_hz_));
    return true;
}

void PacedSource::send_silence() {
    --silent_left_;
    frame_.fill(0);
    sink_->send(audio::SampleView(frame_).first(frame_size_));
}

void PacedSource::note(Told::What what, TimePoint at, std::chrono::milliseconds gap) { told_[told_count_++] = {what, at, taken_, gap}; }

void PacedSource::tell() {
    for (std::size_t i = 0; i < told_count_; ++i) tell_(told_[i]);
    told_count_ = 0;
}

Pacer::Pacer() : thread_([this] { run(); }) { pthread_setname_np(thread_.native_handle(), "vc-media"); }

Pacer::~Pacer() {
    stopping_ = true;
    wake();
    thread_.join();
}

void Pacer::add(std::shared_ptr<PacedSource> source) {
    {
        std::lock_guard lock(mutex_);
        wanted_.push_back(std::move(source));
        publish();
    }
    wake();
}

void Pacer::remove(const std::shared_ptr<PacedSource>& source) {
    {
        std::lock_guard lock(mutex_);
        std::erase(wanted_, source);
        publish();
    }
    wake();
}

void Pacer::publish() {
    fresh_ = wanted_;
    changed_ = true;
}

void Pacer::wake() {
    wakes_.fetch_add(1, std::memory_order_release);
    wakes_.notify_one();
}

void Pacer::adopt() {
    // Busy only while somebody adds or removes a source: then it is adopted 10 ms later.
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock || !changed_) return;
    retired_.swap(current_);
    current_.swap(fresh_);
    changed_ = false;
}

bool Pacer::idle() const {
    return std::all_of(current_.begin(), current_.end(), [](const auto& source) { return source->idle(); });
}

void Pacer::run() {
    grid_.restart(Clock::now());
    while (!stopping_) {
        const auto seen = wakes_.load(std::memory_order_acquire);
        adopt();
        if (idle()) {
            retired_.clear();
            wakes_.wait(seen, std::memory_order_acquire);
            grid_.restart(Clock::now());
            continue;
        }
        const auto now = Clock::now();
        if (const int frames = grid_.due(now); frames > 0) {
            for (const auto& source : current_) source->tick(frames, now);
            for (const auto& source : current_) source->tell();
        }
        retired_.clear();
        std::this_thread::sleep_until(grid_.next());
    }
}

}  // namespace voicectl::rtc
