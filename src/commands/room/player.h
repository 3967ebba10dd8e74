// Plays a source into a published track, a little ahead of the media thread and never more. On the loop.
#pragma once

#include <functional>
#include <memory>

#include "commands/room/play_source.h"
#include "voicectl/rtc/room.h"

namespace voicectl::commands {

class Player {
 public:
    /// `on_end` once: all was played, or why it broke off.
    Player(Loop& loop, std::unique_ptr<PlaySource> source, std::unique_ptr<rtc::AudioOutput> output, bool again,
           std::function<void(Result<void>)> on_end);
    ~Player();

    void start();
    bool started() const { return started_; }
    std::chrono::milliseconds played() const;

 private:
    void fill();
    Result<void> fill_queue();
    void end(Result<void> result);

    std::unique_ptr<PlaySource> source_;
    std::unique_ptr<rtc::AudioOutput> output_;
    bool again_, started_ = false, ended_ = false;
    std::function<void(Result<void>)> on_end_;
    Timer timer_;
};

}  // namespace voicectl::commands
