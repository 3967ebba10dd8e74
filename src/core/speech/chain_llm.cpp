#include <optional>

#include "voicectl/speech/chain.h"

namespace voicectl::speech {
namespace {

// Who takes over in mid-answer is shown what was said, and asked for the rest: a model cannot be given its own first words.
constexpr const char* kGoOn = "Your connection broke after these words, which the caller has heard. Go on exactly where they end. Repeat none of them, and do not mention the break.";

/// Lives on its loop.
class ChainedAnswer final : public LlmStream {
 public:
    ChainedAnswer(Loop& loop, const std::vector<LanguageModel*>& engines, std::shared_ptr<Standing> standing, Chat chat, LlmSink sink)
        : loop_(loop), engines_(engines), standing_(std::move(standing)), chat_(std::move(chat)), sink_(std::make_shared<LlmSink>(std::move(sink))) {
        ask(standing_->next(0, loop_.now()));
    }
    ~ChainedAnswer() override {
        if (!told_) standing_->unknown(at_);
        if (next_) standing_->unknown(*next_);
    }

 private:
    void ask(std::size_t which) {
        at_ = which;
        next_.reset();
        told_ = false;
        asked_ = loop_.now();
        LlmSink sink;
        sink.on_text = [this](const std::string& piece) {
            note_success();
            said_ += piece;
            const auto to = sink_;  // the call may drop us
            to->on_text(piece);
        };
        sink.on_done = [this](const LlmEnd& end) {
            note_success();  // an answer without a word, or of tools alone, is one
            const auto to = sink_;
            to->on_done(end);
        };
        sink.on_error = [this](const Error& error) { on_error(error); };
        sink.on_usage = sink_->on_usage;
        stream_ = engines_[which]->generate(loop_, what_is_left(), std::move(sink));
    }

    Chat what_is_left() const {
        auto chat = chat_;
        if (said_.empty()) return chat;
        chat.messages.push_back({ChatMessage::Role::Assistant, said_});
        chat.messages.push_back({ChatMessage::Role::User, kGoOn});
        return chat;
    }

    void note_success() {
        if (!std::exchange(told_, true)) standing_->succeeded(at_, asked_, loop_.now());
    }

    void on_error(const Error& error) {
        const auto now = loop_.now();
        told_ = true;
        const auto to = standing_->next(at_ + 1, now);
        standing_->failed(at_, error, now, to);
        if (to == standing_->size()) {
            const auto sink = sink_;
            return sink->on_error(error);
        }
        // The stream that calls us is replaced once it has returned.
        next_ = to;
        loop_.post(lifeline_.guard([this, to] { ask(to); }));
    }

    Loop& loop_;
    const std::vector<LanguageModel*>& engines_;
    std::shared_ptr<Standing> standing_;
    Chat chat_;
    std::shared_ptr<LlmSink> sink_;
    std::string said_;
    std::size_t at_ = 0;
    std::optional<std::size_t> next_;  // who is about to be asked
    bool told_ = false;  // how it went with this one
    TimePoint asked_;
    std::unique_ptr<LlmStream> stream_;
    Lifeline lifeline_;
};

class ChainLlm final : public LanguageModel {
 public:
    ChainLlm(std::vector<LanguageModel*> engines, std::shared_ptr<Standing> standing) : engines_(std::move(engines)), standing_(std::move(standing)) {}
    std::unique_ptr<LlmStream> generate(Loop& loop, const Chat& chat, LlmSink sink) override {
        return std::make_unique<ChainedAnswer>(loop, engines_, standing_, chat, std::move(sink));
    }
    std::unique_ptr<LlmStream> warm_up(Loop& loop) override { return engines_.front()->warm_up(loop); }

 private:
    std::vector<LanguageModel*> engines_;
    std::shared_ptr<Standing> standing_;
};

}  // namespace

std::unique_ptr<LanguageModel> chain_llm(std::vector<LanguageModel*> engines, std::shared_ptr<Standing> standing) {
    return std::make_unique<ChainLlm>(std::move(engines), std::move(standing));
}

}  // namespace voicectl::speech
