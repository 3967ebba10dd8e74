#include "commands/room/player.h"

namespace voicectl::commands {
namespace {

using namespace std::chrono_literals;

// Enough for a loop that is held up for a moment; what a live pipe brings is late by no more.
constexpr auto kAhead = 300ms;
constexpr auto kTick = 50ms;

}  // namespace

Player::Player(Loop& loop, std::unique_ptr<PlaySource> source, std::unique_ptr<rtc::AudioOutput> output, bool again,
               std::function<void(Result<void>)> on_end)
    : source_(std::move(source)), output_(std::move(output)), again_(again), on_end_(std::move(on_end)), timer_(loop) {}

Player::~Player() = default;

void Player::start() {
    if (std::exchange(started_, true)) return;
    timer_.every(kTick, [this] { fill(); });
}

std::chrono::milliseconds Player::played() const {
    return std::chrono::milliseconds(output_->played_samples() * 1000 / static_cast<std::uint64_t>(output_->rate_hz()));
}

void Player::fill() {
    if (auto filled = fill_queue(); !filled) return end(std::move(filled));
    if (source_->ended() && output_->queued() == 0ms) end({});
}

Result<void> Player::fill_queue() {
    const auto block = static_cast<std::size_t>(output_->rate_hz()) / 10;
    bool rewound = false;
    while (output_->queued() < kAhead) {
        VC_TRY_ASSIGN(const auto samples, source_->read(block));
        output_->play(samples);
        if (source_->ended() && again_) {
            if (std::exchange(rewound, true)) return {};  // an empty file would go round for ever
            VC_TRY(source_->rewind());
        } else if (samples.empty()) {
            return {};
        }
    }
    return {};
}

void Player::end(Result<void> result) {
    timer_.cancel();
    if (!std::exchange(ended_, true)) on_end_(std::move(result));
}

}  // namespace voicectl::commands
