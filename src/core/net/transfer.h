// One HTTP exchange on one curl handle: how the handle is set up, what its callbacks gather, and what its
// failures are called. Belongs to the engine's thread once submitted (engine.h).
#pragma once

#include <array>
#include <memory>
#include <optional>

#include "curl_library.h"
#include "voicectl/net/http.h"
#include "voicectl/net/url.h"

namespace voicectl::net {

/// Who hears of a transfer. Called on the engine's thread.
class TransferSink {
 public:
    virtual ~TransferSink() = default;
    virtual void on_head(HttpResponse head) = 0;
    /// False refuses more (then fail_with() has said why).
    virtual Result<void> on_chunk(std::string_view chunk) = 0;
    virtual void on_done(Result<void> result) = 0;
};

class Transfer {
 public:
    /// Usage when the request cannot be sent as it stands.
    static Result<std::shared_ptr<Transfer>> create(const CurlLibrary& curl, HttpRequest request,
                                                    std::shared_ptr<TransferSink> sink);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    /// Makes `handle` (fresh or reset) carry this request.
    void set_up(CURL* handle);
    CURL* handle() const { return handle_; }
    /// When the other side has been silent for too long.
    TimePoint silent_until() const;
    /// Tells the sink how it ended, once.
    void finish(CURLcode code);
    void finish_silent();
    void finish_cancelled();

 private:
    Transfer(const CurlLibrary& curl, HttpRequest request, Url url, std::shared_ptr<TransferSink> sink)
        : curl_(curl), request_(std::move(request)), url_(std::move(url)), sink_(std::move(sink)) {}

    template<class Value>
    void set(CURLoption option, Value value) { curl_.easy_setopt(handle_, option, value); }
    void set_method();
    void set_headers();
    void set_limits();
    void set_proxy();
    void deliver_head();
    void heard(curl_off_t bytes);
    Error describe(CURLcode code);
    Error describe_connect();
    Error describe_timeout() const;

    static std::size_t on_header_line(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
    static int on_progress(void* self, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up);
    static int on_connected(void* self, char* address, char*, int, int);
    static curl_socket_t on_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
    bool refuses(const std::string& address);

    const CurlLibrary& curl_;
    HttpRequest request_;
    Url url_;
    std::shared_ptr<TransferSink> sink_;
    CURL* handle_ = nullptr;
    curl_slist* header_list_ = nullptr;
    std::array<char, CURL_ERROR_SIZE> reason_{};
    HttpResponse head_;
    bool head_delivered_ = false;
    bool connected_ = false;  // the request is on its way: what times out now is the answer
    std::optional<Error> refused_;
    TimePoint begun_ = Clock::now();
    TimePoint last_heard_ = begun_;
    curl_off_t bytes_ = 0;
};

}  // namespace voicectl::net
