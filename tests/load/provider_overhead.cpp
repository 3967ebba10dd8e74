// What providers add to a message on its way from the socket to the sink: ten streams at once on one loop, over real sockets of
// 127.0.0.1, fifty messages a second each. The server notes CLOCK_MONOTONIC just before it sends, the sink when it is told. What the loopback,
// the scheduler and the loop's own wake-up take of it is measured in the same run by a reader on the same loop that only reads bytes of the
// same length at the same pace.
//
//   provider_overhead [MESSAGES]    of each stream [500]; a Markdown table; exit 1 when a p99 is 1 ms or more above the bare reader's
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/write.hpp>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

#include "contract/speech/fake_model_server.h"
#include "contract/speech/fake_socket_server.h"
#include "support/live_loop.h"
#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/speech/providers.h"

namespace {

using namespace voicectl;
using namespace std::chrono_literals;
using nlohmann::json;
using test::FakeModelServer;
using test::FakeSocketServer;

constexpr std::size_t kStreams = 10;
constexpr auto kPace = 20ms;
constexpr std::size_t kChunk = 480;  // samples of a message of sound: 20 ms
constexpr double kMostMs = 1;

/// When each message of each stream was sent and told. A stream's row belongs to its server until it was sent, then to the loop.
class Marks {
 public:
    explicit Marks(std::size_t messages) {
        for (auto& row : sent_) row = std::vector<std::atomic<Clock::rep>>(messages);
    }
    std::size_t messages() const { return sent_[0].size(); }
    void sent(std::size_t stream, std::size_t message) { sent_[stream][message] = Clock::now().time_since_epoch().count(); }
    /// On the loop. Up to the `count`th message of that stream have come.
    void told(std::size_t stream, std::size_t count) {
        const auto now = Clock::now().time_since_epoch().count();
        auto& told = told_[stream];
        for (; told < std::min(count, messages()); ++told) ms_.push_back(std::chrono::duration<double, std::milli>(Clock::duration(now - sent_[stream][told])).count());
        if (ms_.size() == kStreams * messages()) waiter_.change([this] { whole_ = true; });
    }
    std::size_t told(std::size_t stream) const { return told_[stream]; }
    bool wait() {
        return waiter_.wait([this] { return whole_; }, kPace * static_cast<int>(messages()) + 20s);
    }
    /// Sorted.
    std::vector<double> ms() const {
        auto out = ms_;
        std::sort(out.begin(), out.end());
        return out;
    }

 private:
    std::array<std::vector<std::atomic<Clock::rep>>, kStreams> sent_;
    std::array<std::size_t, kStreams> told_{};
    std::vector<double> ms_;
    test::Waiter waiter_;
    bool whole_ = false;
};

/// On a server's thread: sends at the pace, streams one after the other within it.
template<class Send>
void send_all(Marks& marks, std::size_t stream, Send send) {
    const auto first = Clock::now() + 200ms + kPace * stream / kStreams;
    for (std::size_t message = 0; message < marks.messages(); ++message) {
        std::this_thread::sleep_until(first + kPace * message);
        marks.sent(stream, message);
        send(message);
    }
}

std::string chat_event(std::size_t message) {
    return "data: " + json_text(json{{"id", "chatcmpl-1"}, {"object", "chat.completion.chunk"}, {"created", 1}, {"model", "m"},
                                     {"choices", {{{"index", 0}, {"delta", {{"content", fmt::format(" word{}", message)}}}, {"finish_reason", nullptr}}}}}) + "\n\n";
}

/// As long as Deepgram's are, with a sentence's words in it.
std::string deepgram_message(std::size_t message) {
    json words = json::array();
    for (int n = 0; n < 8; ++n) words.push_back({{"word", "word"}, {"start", n * 0.3}, {"end", n * 0.3 + 0.2}, {"confidence", 0.987654321}});
    return json_text(json{{"type", "Results"}, {"channel_index", {0, 1}}, {"start", 0.0}, {"duration", 2.5}, {"is_final", false}, {"speech_final", false},
                          {"channel", {{"alternatives", {{{"transcript", fmt::format("these are the words so far {}", message)}, {"confidence", 0.98}, {"words", words}}}}}},
                          {"metadata", {{"request_id", "r"}, {"model_uuid", "m"}}}});
}

std::string cartesia_message(const std::string& context) {
    std::string sound(kChunk * 2, '\0');
    for (std::size_t at = 0; at < sound.size(); ++at) sound[at] = static_cast<char>(at * 31);
    return json_text(json{{"type", "chunk"}, {"context_id", context}, {"data", base64_encode(sound)}, {"done", false}, {"status_code", 206}});
}

struct Figures {
    std::vector<double> ms;
    double cpu_us = 0;  // of the loop's thread, a message
    double at(double share) const { return ms.empty() ? NAN : ms[static_cast<std::size_t>(share * static_cast<double>(ms.size() - 1))]; }
};

double thread_cpu_us() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

class Bench {
 public:
    explicit Bench(std::size_t messages) : messages_(messages) {}

    /// `open` begins stream number n on the loop; what it gives is dropped there.
    template<class Open>
    Figures measure(Marks& marks, Open open) {
        std::vector<std::shared_ptr<void>> streams;
        const auto before = loop_.on_loop([] { return thread_cpu_us(); });
        for (std::size_t n = 0; n < kStreams; ++n) loop_.on_loop([&] { streams.push_back(open(n)); });
        const bool whole = marks.wait();
        const auto after = loop_.on_loop([] { return thread_cpu_us(); });
        loop_.on_loop([&] { streams.clear(); });
        if (!whole) std::fprintf(stderr, "provider_overhead: not all of the messages came\n"), std::exit(1);
        return {marks.ms(), (after - before) / static_cast<double>(kStreams * messages_)};
    }

    Figures bare(std::size_t bytes) {
        Marks marks(messages_);
        FakeModelServer server([&](FakeModelServer::Connection& connection, int number) {
            send_all(marks, static_cast<std::size_t>(number - 1), [&](std::size_t) { connection.send(std::string(bytes, 'x')); });
            connection.wait_for_hang_up();
        });
        const auto port = std::stoi(server.url().substr(std::string("http://127.0.0.1:").size()));
        return measure(marks, [&](std::size_t n) { return std::make_shared<Bare>(loop_.get().context(), port, marks, n, bytes); });
    }

    Figures chat() {
        Marks marks(messages_);
        FakeModelServer server([&](FakeModelServer::Connection& connection, int) {
            const auto name = connection.request().find("\"model\":\"");
            const auto stream = static_cast<std::size_t>(connection.request().at(name + 9) - '0');
            connection.head("200 OK");
            send_all(marks, stream, [&](std::size_t message) { connection.send(chat_event(message)); });
            connection.wait_for_hang_up();
        });
        std::vector<std::unique_ptr<speech::LanguageModel>> models;
        for (std::size_t n = 0; n < kStreams; ++n) models.push_back(built(speech::build_llm({{"provider", "openai"}, {"model", std::to_string(n)}, {"base_url", server.url()}}, context_)));
        return measure(marks, [&](std::size_t n) {
            return std::shared_ptr<void>(models[n]->generate(loop_.get(), {.messages = {{speech::ChatMessage::Role::User, "Hello."}}},
                                                             {.on_text = [&marks, n](const std::string&) { marks.told(n, marks.told(n) + 1); },
                                                              .on_done = [](const speech::LlmEnd&) {},
                                                              .on_error = [](const Error& error) { failed(error); }}));
        });
    }

    Figures deepgram() {
        Marks marks(messages_);
        FakeSocketServer server([&](FakeSocketServer::Session& session) {
            session.accept();
            session.read();
            send_all(marks, stream_of(session.target(), "tag="), [&](std::size_t message) { session.send(deepgram_message(message)); });
            session.wait_for_end();
        });
        std::vector<std::unique_ptr<speech::SpeechToText>> engines;
        for (std::size_t n = 0; n < kStreams; ++n) engines.push_back(built(speech::build_stt({{"provider", "deepgram"}, {"tag", std::to_string(n)}, {"base_url", server.url()}}, context_)));
        return measure(marks, [&](std::size_t n) {
            auto stream = engines[n]->open(loop_.get(), {.on_partial = [&marks, n](const std::string&) { marks.told(n, marks.told(n) + 1); },
                                                         .on_final = [](const std::string&) {},
                                                         .on_error = [](const Error& error) { failed(error); }});
            stream->push(audio::Samples(1600, 3000));
            return std::shared_ptr<void>(std::move(stream));
        });
    }

    Figures cartesia() {
        Marks marks(messages_);
        FakeSocketServer server([&](FakeSocketServer::Session& session) {
            session.accept();
            const auto asked = json::parse(session.read().bytes);
            const auto message = cartesia_message(asked.at("context_id"));
            send_all(marks, static_cast<std::size_t>(std::stoi(asked.at("transcript").get<std::string>().substr(7))), [&](std::size_t) { session.send(message); });
            session.wait_for_end();
        });
        std::vector<std::unique_ptr<speech::TextToSpeech>> voices;  // each has connections of its own
        for (std::size_t n = 0; n < kStreams; ++n) voices.push_back(built(speech::build_tts({{"provider", "cartesia"}, {"voice", "v"}, {"base_url", server.url()}}, context_)));
        return measure(marks, [&](std::size_t n) {
            const auto samples = std::make_shared<std::size_t>(0);
            return std::shared_ptr<void>(voices[n]->speak(loop_.get(), fmt::format("Number {}", n),
                                                          {.on_audio = [&marks, n, samples](const audio::Samples& chunk) { marks.told(n, (*samples += chunk.size()) / kChunk); },
                                                           .on_done = [] {},
                                                           .on_error = [](const Error& error) { failed(error); }}));
        });
    }

 private:
    /// Reads bytes and knows how many make a message.
    struct Bare {
        Bare(boost::asio::io_context& loop, int port, Marks& to, std::size_t which, std::size_t length) : socket(loop), marks(to), number(which), bytes(length) {
            socket.connect({boost::asio::ip::address_v4::loopback(), static_cast<unsigned short>(port)});
            boost::asio::write(socket, boost::asio::buffer(std::string("GET / HTTP/1.1\r\n\r\n")));
            read();
        }
        void read() {
            socket.async_read_some(boost::asio::buffer(buffer), [this](boost::system::error_code failed, std::size_t got) {
                if (failed) return;
                marks.told(number, (count += got) / bytes);
                read();
            });
        }
        boost::asio::ip::tcp::socket socket;
        Marks& marks;
        std::size_t number, bytes, count = 0;
        std::array<char, 65536> buffer{};
    };

    template<class T>
    static std::unique_ptr<T> built(speech::Built<T> made) {
        if (!made) std::fprintf(stderr, "%s: %s\n", made.error().key.c_str(), made.error().message.c_str()), std::exit(1);
        return std::move(*made);
    }
    static void failed(const Error& error) { std::fprintf(stderr, "%s\n", error.message.c_str()), std::exit(1); }
    static std::size_t stream_of(const std::string& target, const std::string& key) { return static_cast<std::size_t>(target.at(target.find(key) + key.size()) - '0'); }

    std::size_t messages_;
    Workers workers_{1, "bench"};
    net::HttpClient http_;
    speech::ProviderContext context_{workers_, http_, [](const std::string&) { return std::nullopt; }, "."};
    test::LiveLoop loop_;
};

bool row(const char* name, std::size_t bytes, const Figures& ours, const Figures& bare) {
    const auto more = ours.at(0.99) - bare.at(0.99);
    fmt::print("| {} | {} | {:.3f} | {:.3f} | {:.3f} | {:.3f} | {:.3f} | {:.3f} | {:.3f} | {:.1f} | {:.0f} | {:.0f} |\n", name, bytes, ours.at(0.5), ours.at(0.99), ours.at(1), bare.at(0.5), bare.at(0.99),
               bare.at(1), more, ours.at(0.99) / bare.at(0.99), ours.cpu_us, bare.cpu_us);
    std::fflush(stdout);
    return more < kMostMs;
}

}  // namespace

int main(int count, char** arguments) {
    const auto messages = count > 1 ? std::atoi(arguments[1]) : 500;
    if (messages < 1 || messages > 1000) return std::fprintf(stderr, "usage: provider_overhead [MESSAGES, at most 1000]\n"), 2;
    Bench bench(static_cast<std::size_t>(messages));
    fmt::print("| Stream | bytes a message | p50, ms | p99, ms | worst, ms | bare p50 | bare p99 | bare worst | p99 above bare, ms | p99, of bare | CPU of the loop, µs a message | bare |\n");
    fmt::print("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    const auto chat = chat_event(100).size(), heard = deepgram_message(100).size(), sound = cartesia_message(std::string(36, 'c')).size();
    auto bare = bench.bare(chat);
    bool good = row("OpenAI, chat (server-sent events)", chat, bench.chat(), bare);
    bare = bench.bare(heard);
    good = row("Deepgram, recogniser (WebSocket)", heard, bench.deepgram(), bare) && good;
    bare = bench.bare(sound);
    good = row("Cartesia, voice (WebSocket, base64)", sound, bench.cartesia(), bare) && good;
    return good ? 0 : 1;
}
