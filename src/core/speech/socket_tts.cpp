#include "core/speech/socket_tts.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstring>
#include <map>
#include <mutex>

#include "voicectl/base/log.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto kWarm = 3min;          // a connection is kept for the next text
constexpr auto kSpare = 60s;          // one of several
constexpr auto kShortest = 5s;        // what breaks sooner is not opened again unasked
constexpr auto kLookAround = 1s;
constexpr auto kClearing = 2s;        // for the answer to a cancel
constexpr std::size_t kLongestText = 20'000;  // characters

struct VoiceService {
    Remote remote;
    TtsDialect dialect;
    net::WebSocketOpener open_socket;
};

/// Letters or digits, for without any a voice may well say nothing. Of other scripts all counts but general punctuation,
/// symbols (U+2000 to U+2FFF) and emoji.
bool has_words(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return std::isalnum(byte) != 0 || (byte >= 0xC3 && byte < 0xF0 && byte != 0xE2);
    });
}

class Utterance;

/// A text's place on a connection. Held on after the stream was dropped until the server has let go of it, too.
struct Slot {
    std::weak_ptr<Utterance> utterance;
    std::optional<TimePoint> cancelled;
};

class VoicePool;

/// One connection and who speaks on it.
class VoiceSocket : public std::enable_shared_from_this<VoiceSocket> {
 public:
    VoiceSocket(Loop& loop, std::shared_ptr<const VoiceService> service) : loop_(loop), service_(std::move(service)), began_(loop.now()), used_(began_) {}
    void connect(std::function<void(const VoiceSocket& socket, const SocketFailure& failure)> on_end);

    bool ended() const { return !link_; }
    bool takes() const { return link_ && !leaving_ && !worn() && slots_.size() < service_->dialect.contexts; }
    bool empty() const { return slots_.empty(); }
    bool worn() const { return service_->dialect.max_age.count() > 0 && loop_.now() - began_ >= service_->dialect.max_age; }
    bool leaving() const { return leaving_; }
    /// It stood for a while, and so may another.
    bool proved() const { return opened_ && loop_.now() - began_ >= kShortest; }
    TimePoint used() const { return used_; }
    void leave() { leaving_ = true; }
    void take(const std::string& context, const std::shared_ptr<Utterance>& utterance);
    void cancel(const std::string& context);
    void look_around();
    void let_go() { SocketLink::let_go(std::move(link_), service_->dialect.farewell); }

 private:
    void on_open();
    void on_message(std::string_view message, bool binary);
    void on_end(const SocketFailure& failure);
    void say(const std::string& context);
    std::map<std::string, Slot>::iterator slot_of(const TtsNews& news);
    void drop_all(const SocketFailure& failure);

    Loop& loop_;
    std::shared_ptr<const VoiceService> service_;
    std::map<std::string, Slot> slots_;
    std::function<void(const VoiceSocket&, const SocketFailure&)> on_end_;
    TimePoint began_, used_;
    bool opened_ = false, leaving_ = false;
    std::unique_ptr<SocketLink> link_;
};

/// The connections of one provider on one loop. The loop owns it by the task of its next look around.
class VoicePool : public std::enable_shared_from_this<VoicePool> {
 public:
    VoicePool(Loop& loop, std::shared_ptr<const VoiceService> service, std::weak_ptr<const void> provider)
        : loop_(loop), service_(std::move(service)), provider_(std::move(provider)) {}

    /// One that takes another text; opened if need be.
    std::shared_ptr<VoiceSocket> socket();

 private:
    void look_around_later();
    void look_around();
    bool goes(const VoiceSocket& socket, bool first) const;
    std::shared_ptr<VoiceSocket> add();

    Loop& loop_;
    std::shared_ptr<const VoiceService> service_;
    std::weak_ptr<const void> provider_;
    TimePoint used_{};
    bool looking_ = false, another_ = false;
    std::vector<std::shared_ptr<VoiceSocket>> sockets_;
};

/// One text on its way into sound. Held by whoever calls the sink, for a call may drop the stream.
class Utterance : public std::enable_shared_from_this<Utterance> {
 public:
    Utterance(Loop& loop, std::shared_ptr<const VoiceService> service, std::shared_ptr<VoicePool> pool, std::string text, TtsSink sink)
        : service_(std::move(service)), text_(std::move(text)), loop_(loop), pool_(std::move(pool)), sink_(std::move(sink)), began_(loop.now()), pause_(loop), deadline_(loop) {}

    const std::string& text() const { return text_; }

    void begin() {
        watch(service_->remote.first);
        attempt();
    }
    void end_soon() {
        loop_.post([weak = weak_from_this()] {
            if (const auto self = weak.lock(); self && !self->over_) self->finish();
        });
    }
    /// The stream is dropped: nothing is called any more.
    void close() {
        over_ = true;
        pause_.cancel();
        deadline_.cancel();
        if (const auto socket = std::exchange(socket_, nullptr)) socket->cancel(context_);
    }

    void on_audio(const std::string& bytes) {
        if (over_ || bytes.empty()) return;
        const auto self = shared_from_this();
        odd_ += bytes;
        audio::Samples samples(odd_.size() / 2);
        static_assert(std::endian::native == std::endian::little, "samples lie in memory as they come");
        if (!samples.empty()) std::memcpy(samples.data(), odd_.data(), samples.size() * 2);
        odd_.erase(0, samples.size() * 2);
        if (samples.empty()) return;
        given_ = true;
        watch(service_->remote.stall);
        if (sink_.on_audio) sink_.on_audio(std::move(samples));
    }
    void on_done() {
        if (over_) return;
        socket_.reset();
        if (!given_) return fail({Errc::Protocol, service_->remote.provider + " made no sound of a text", "does this voice know the language?"});
        finish();
    }
    /// The connection is gone, or refuses this text.
    void on_failure(const SocketFailure& failure, bool was_warm) {
        if (over_) return;
        socket_.reset();
        // That one which was kept open has gone meanwhile says nothing about the server.
        const bool stale = was_warm && retries_ == 0;
        const auto wait = stale ? milliseconds(0) : back_off(retries_);
        const bool in_time = loop_.now() - began_ + wait < service_->remote.first;
        if (!failure.again || given_ || (!stale && retries_ >= service_->remote.retries) || !in_time) return fail(failure.error);
        ++retries_;
        odd_.clear();
        pause_.after(wait, [this] { attempt(); });
    }

 private:
    void attempt() {
        context_ = random_id(16);
        socket_ = pool_->socket();
        socket_->take(context_, shared_from_this());
    }
    void watch(milliseconds time) {
        deadline_.after(time, [this, time] {
            if (socket_) socket_->leave();  // a connection that says nothing is none to speak on
            fail({Errc::Timeout, fmt::format("{} {} for {} ms", service_->remote.provider, given_ ? "sent nothing more" : "sent no sound", time.count()), {}});
        });
    }
    void finish() {
        const auto self = shared_from_this();
        close();
        if (sink_.on_done) sink_.on_done();
    }
    void fail(const Error& error) {
        const auto self = shared_from_this();
        close();
        if (sink_.on_error) sink_.on_error(error);
    }

    std::shared_ptr<const VoiceService> service_;
    std::string text_;
    Loop& loop_;
    std::shared_ptr<VoicePool> pool_;
    TtsSink sink_;
    TimePoint began_;
    std::string context_, odd_;
    bool given_ = false, over_ = false;
    int retries_ = 0;
    Timer pause_, deadline_;
    std::shared_ptr<VoiceSocket> socket_;
};

// ---- one connection ----

void VoiceSocket::connect(std::function<void(const VoiceSocket&, const SocketFailure&)> on_end) {
    on_end_ = std::move(on_end);
    const auto at = [weak = weak_from_this()](auto run) {
        return [weak, run](auto&&... what) {
            if (const auto self = weak.lock()) run(*self, std::forward<decltype(what)>(what)...);
        };
    };
    link_ = std::make_unique<SocketLink>(loop_, service_->open_socket, service_->remote, service_->dialect.ask,
                                         SocketLink::Handlers{at([](VoiceSocket& self) { self.on_open(); }),
                                                              at([](VoiceSocket& self, std::string_view message, bool binary) { self.on_message(message, binary); }),
                                                              at([](VoiceSocket& self, const SocketFailure& failure) { self.on_end(failure); })});
}

void VoiceSocket::take(const std::string& context, const std::shared_ptr<Utterance>& utterance) {
    used_ = loop_.now();
    slots_[context].utterance = utterance;
    if (link_->open()) say(context);
}

void VoiceSocket::say(const std::string& context) {
    const auto utterance = slots_[context].utterance.lock();
    if (utterance) link_->send(service_->dialect.say(context, utterance->text()));
}

void VoiceSocket::cancel(const std::string& context) {
    const auto slot = slots_.find(context);
    if (slot == slots_.end() || !link_) return;
    slot->second.utterance.reset();
    if (!link_->open()) {  // nothing was said yet
        slots_.erase(slot);
        return;
    }
    slot->second.cancelled = loop_.now();
    link_->send(service_->dialect.cancel(context));
}

void VoiceSocket::on_open() {
    opened_ = true;
    for (const auto& [context, slot] : slots_) say(context);
}

std::map<std::string, Slot>::iterator VoiceSocket::slot_of(const TtsNews& news) {
    return service_->dialect.contexts == 1 ? slots_.begin() : slots_.find(news.context);
}

void VoiceSocket::on_message(std::string_view message, bool binary) {
    const auto news = service_->dialect.read(message, binary);
    used_ = loop_.now();
    if (news.failure && (news.context.empty() || slot_of(news) == slots_.end())) {
        if (news.context.empty()) drop_all(*news.failure);
        return;
    }
    const auto slot = slot_of(news);
    if (slot == slots_.end()) return;
    const auto utterance = slot->second.utterance.lock();
    // Without contexts the server's "done" may be that of the text which was cancelled: only "cleared" ends it.
    const bool over = news.failure || (slot->second.cancelled && service_->dialect.contexts == 1 ? news.cleared : news.done || news.cleared);
    if (over) slots_.erase(slot);
    if (!utterance) return;
    utterance->on_audio(news.audio);
    if (news.failure) utterance->on_failure(*news.failure, false);
    else if (over) utterance->on_done();
}

void VoiceSocket::drop_all(const SocketFailure& failure) {
    const auto self = shared_from_this();
    link_.reset();
    on_end(failure);
}

void VoiceSocket::on_end(const SocketFailure& failure) {
    const auto self = shared_from_this();
    link_.reset();
    const auto slots = std::exchange(slots_, {});
    const auto told = std::exchange(on_end_, nullptr);
    if (told) told(*this, failure);
    for (const auto& [context, slot] : slots)
        if (const auto utterance = slot.utterance.lock()) utterance->on_failure(failure, opened_);
}

void VoiceSocket::look_around() {
    const auto late = [this](const auto& slot) { return slot.second.cancelled && loop_.now() - *slot.second.cancelled > kClearing; };
    if (std::erase_if(slots_, late) > 0 && service_->dialect.contexts == 1) leave();  // what it still sends is nobody's
}

// ---- all of them ----

std::shared_ptr<VoiceSocket> VoicePool::add() {
    auto socket = std::make_shared<VoiceSocket>(loop_, service_);
    sockets_.push_back(socket);
    socket->connect([weak = weak_from_this()](const VoiceSocket& ended, const SocketFailure& failure) {
        log::debug("speech", "a voice's connection ended", {{"reason", failure.error.message}});
        if (const auto self = weak.lock()) self->another_ = self->another_ || (failure.again && ended.proved());
    });
    if (!std::exchange(looking_, true)) look_around_later();
    return socket;
}

std::shared_ptr<VoiceSocket> VoicePool::socket() {
    used_ = loop_.now();
    for (const auto& one : sockets_)
        if (one->takes()) return one;
    return add();
}

void VoicePool::look_around_later() {
    loop_.call_at(loop_.now() + kLookAround, [self = shared_from_this()] { self->look_around(); });
}

bool VoicePool::goes(const VoiceSocket& socket, bool first) const {
    if (socket.ended()) return true;
    if (!socket.empty()) return false;
    const auto unused = first ? loop_.now() - used_ : loop_.now() - socket.used();
    return socket.leaving() || socket.worn() || provider_.expired() || unused > (first ? Duration(kWarm) : Duration(kSpare));
}

void VoicePool::look_around() {
    bool first = true;
    std::erase_if(sockets_, [&](const auto& one) {
        one->look_around();
        const bool went = goes(*one, first);
        if (!went) first = false;
        else if (!one->ended()) another_ = another_ || one->proved(), one->let_go();
        return went;
    });
    // The next text shall not wait for a handshake because the last one is a minute ago.
    const bool wanted = std::exchange(another_, false) && !provider_.expired() && loop_.now() - used_ < kWarm;
    if (sockets_.empty() && wanted) add();
    looking_ = !sockets_.empty();
    if (looking_) look_around_later();
}

// ---- the provider ----

class SocketTtsStream final : public TtsStream {
 public:
    explicit SocketTtsStream(std::shared_ptr<Utterance> utterance) : utterance_(std::move(utterance)) {}
    ~SocketTtsStream() override { utterance_->close(); }

 private:
    std::shared_ptr<Utterance> utterance_;
};

/// A connection opened ahead.
class WarmVoice final : public TtsStream {
 public:
    explicit WarmVoice(std::shared_ptr<VoicePool> pool) : pool_(std::move(pool)) { pool_->socket(); }

 private:
    std::shared_ptr<VoicePool> pool_;
};

class SocketTts final : public TextToSpeech {
 public:
    explicit SocketTts(VoiceService service) : service_(std::make_shared<const VoiceService>(std::move(service))) {}

    int rate_hz() const override { return service_->dialect.rate_hz; }
    std::unique_ptr<TtsStream> speak(Loop& loop, const std::string& text, TtsSink sink) override {
        auto plain = std::string(trim(plain_text(text, kLongestText)));
        const auto utterance = std::make_shared<Utterance>(loop, service_, pool_on(loop), std::move(plain), std::move(sink));
        if (has_words(utterance->text())) utterance->begin();
        else utterance->end_soon();
        return std::make_unique<SocketTtsStream>(utterance);
    }
    std::unique_ptr<TtsStream> warm_up(Loop& loop) override { return std::make_unique<WarmVoice>(pool_on(loop)); }

 private:
    std::shared_ptr<VoicePool> pool_on(Loop& loop) {
        std::lock_guard lock(mutex_);
        std::erase_if(pools_, [](const auto& entry) { return entry.second.expired(); });
        auto& known = pools_[&loop];
        auto pool = known.lock();
        if (!pool) known = pool = std::make_shared<VoicePool>(loop, service_, alive_);
        return pool;
    }

    std::shared_ptr<const VoiceService> service_;
    std::shared_ptr<const void> alive_ = std::make_shared<char>();
    std::mutex mutex_;
    std::map<Loop*, std::weak_ptr<VoicePool>> pools_;  // under mutex_; each is used on its own loop only
};

}  // namespace

RemoteDefaults voice_at(std::string_view provider, std::string_view base, std::string_view key_variable) {
    return {.provider = provider, .base = base, .key_variable = key_variable, .first_key = "first_audio_timeout"};
}

std::unique_ptr<TextToSpeech> make_socket_tts(Remote remote, TtsDialect dialect, const ProviderContext& context) {
    return std::make_unique<SocketTts>(VoiceService{std::move(remote), std::move(dialect), context.open_socket});
}

}  // namespace voicectl::speech
