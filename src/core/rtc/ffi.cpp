#include "core/rtc/ffi.h"

#include <cstdlib>
#include <future>
#include <thread>

#include "voicectl/base/log.h"
#include "voicectl/base/shared_library.h"

namespace voicectl::rtc {
namespace {

using namespace std::chrono_literals;

// The schema carries no version, so a library of another release would misread us without a word. This is
// what the one in the pinned wheel calls itself.
constexpr std::string_view kBuild = VC_LIVEKIT_CORE_BUILD;
constexpr auto kPoliteness = 2s;
constexpr auto kDisposeTime = 3s;

// The core calls back without a context pointer: the one place where its events find us. Never destroyed,
// since threads of the core may outlive main().
struct Current {
    std::mutex mutex;
    std::shared_ptr<Ffi> ffi;
};

Current& current() {
    static auto* instance = new Current;
    return *instance;
}

// UniFFI's calling convention, as far as the one function needs it that tells the build.
struct RustBuffer {
    std::uint64_t capacity, size;
    std::uint8_t* data;
};
struct RustStatus {
    std::int8_t code;
    RustBuffer error;
};
using BuildVersion = RustBuffer (*)(RustStatus*);
using FreeBuffer = void (*)(RustBuffer, RustStatus*);

Result<std::string> build_version(const SharedLibrary& library) {
    VC_TRY_ASSIGN(auto version, library.symbol<BuildVersion>("uniffi_livekit_ffi_fn_func_build_version"));
    VC_TRY_ASSIGN(auto free_buffer, library.symbol<FreeBuffer>("ffi_livekit_ffi_rustbuffer_free"));
    RustStatus status{};
    const auto buffer = version(&status);
    if (status.code != 0) return fail(Errc::Missing, "{} does not tell its version", library.name());
    std::string text(reinterpret_cast<const char*>(buffer.data), buffer.size);
    free_buffer(buffer, &status);
    return text;
}

// The core writes its ERROR lines to stderr by itself, tokens and all. It reads RUST_LOG once, while it is
// initialised; who set it wants to see them. (Its other switch, log capture, formats every debug line.)
class QuietCore {
 public:
    QuietCore() : ours_(std::getenv(kName) == nullptr) {
        if (ours_) ::setenv(kName, "off", 1);
    }
    ~QuietCore() {
        if (ours_) ::unsetenv(kName);
    }
    QuietCore(const QuietCore&) = delete;
    QuietCore& operator=(const QuietCore&) = delete;

 private:
    static constexpr const char* kName = "RUST_LOG";
    bool ours_;
};

}  // namespace

Ffi::~Ffi() = default;

void Ffi::on_bytes(const std::uint8_t* bytes, std::size_t size) noexcept {
    try {
        std::shared_ptr<Ffi> ffi;
        {
            std::lock_guard lock(current().mutex);
            ffi = current().ffi;
        }
        if (ffi) ffi->dispatch(bytes, size);
    } catch (const std::exception& error) {  // out of memory is what is left to throw
        log::error("rtc", "an event was lost", {{"why", error.what()}});
    }
}

Result<void> Ffi::bind(const std::string& path) {
    VC_TRY_ASSIGN(const auto library, SharedLibrary::open({path}, "./scripts/setup fetches LiveKit's core"));
    VC_TRY_ASSIGN(initialize_, library.symbol<decltype(initialize_)>("livekit_ffi_initialize"));
    VC_TRY_ASSIGN(request_, library.symbol<decltype(request_)>("livekit_ffi_request"));
    VC_TRY_ASSIGN(drop_handle_, library.symbol<decltype(drop_handle_)>("livekit_ffi_drop_handle"));
    VC_TRY_ASSIGN(dispose_, library.symbol<decltype(dispose_)>("livekit_ffi_dispose"));
    VC_TRY_ASSIGN(const auto build, build_version(library));
    if (build != kBuild) {
        return fail_with_hint(
            Errc::Missing,
            fmt::format("{} is LiveKit core {}, this program speaks {} (Python wheel livekit {})", path,
                        build, kBuild, VC_LIVEKIT_CORE_VERSION),
            "./scripts/setup fetches the right one");
    }
    return {};
}

Result<std::shared_ptr<Ffi>> Ffi::open(const std::string& path) {
    std::shared_ptr<Ffi> ffi(new Ffi);
    VC_TRY(ffi->bind(path));
    {
        std::lock_guard lock(current().mutex);
        if (current().ffi) return fail(Errc::Conflict, "LiveKit's core is loaded in this process already");
        current().ffi = ffi;
    }
    ffi->open_ = true;
    const QuietCore quiet;
    ffi->initialize_(&Ffi::on_bytes, false, "cpp", VOICECTL_VERSION);
    return ffi;
}

void Ffi::close() {
    {
        std::unique_lock lock(leaving_mutex_);
        leaving_changed_.wait_for(lock, kPoliteness, [this] { return leaving_ == 0; });
    }
    if (!open_.exchange(false)) return;
    // On a thread of its own, because nobody promises that it returns.
    auto done = std::make_shared<std::promise<void>>();
    auto disposed = done->get_future();
    std::thread([self = shared_from_this(), done] {
        self->dispose_();
        done->set_value();
    }).detach();
    if (disposed.wait_for(kDisposeTime) != std::future_status::ready)
        log::warn("rtc", "LiveKit's core does not end; leaving it behind");
    std::shared_ptr<Ffi> self;
    {
        std::lock_guard lock(current().mutex);
        self = std::move(current().ffi);
    }
    Sinks<EventSink> answers, rooms, callees, readers;  // unanswered requests own what they were about, and us
    std::lock_guard lock(mutex_);
    answers.swap(answers_);
    rooms.swap(rooms_);
    callees.swap(callees_);
    readers.swap(readers_);
}

bool Ffi::call(const std::string& bytes, const std::uint8_t*& answer, std::size_t& size, Id& handle) {
    if (!open_) return false;
    handle = request_(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), &answer, &size);
    return handle != 0;
}

Result<proto::FfiResponse> Ffi::request(const proto::FfiRequest& request) {
    const std::uint8_t* answer = nullptr;
    std::size_t size = 0;
    Id handle = 0;
    if (!call(request.SerializeAsString(), answer, size, handle))
        return fail(Errc::Protocol, "LiveKit's core refused request {}",
                    static_cast<int>(request.message_case()));
    proto::FfiResponse response;
    const bool parsed = response.ParseFromArray(answer, static_cast<int>(size));
    drop(handle);
    if (!parsed) return fail(Errc::Protocol, "LiveKit's core answered in another schema");
    return response;
}

bool Ffi::send(const proto::FfiRequest& request, std::string& buffer) {
    const std::uint8_t* answer = nullptr;
    std::size_t size = 0;
    Id handle = 0;
    request.SerializeToString(&buffer);
    if (!call(buffer, answer, size, handle)) return false;
    drop(handle);
    return true;
}

void Ffi::drop(Id handle) noexcept {
    if (handle != 0 && open_) drop_handle_(handle);
}

Result<void> Ffi::ask(const std::function<void(proto::FfiRequest&, Id)>& fill, EventSink on_answer) {
    const auto id = next_id_.fetch_add(1, std::memory_order_relaxed);
    proto::FfiRequest message;
    fill(message, id);
    {
        std::lock_guard lock(mutex_);
        answers_.emplace(id, std::make_shared<const EventSink>(std::move(on_answer)));
    }
    auto sent = request(message);
    if (sent) return {};
    forget(answers_, id);
    return std::unexpected(std::move(sent).error());
}

void Ffi::on_room(Id room, EventSink sink) {
    std::lock_guard lock(mutex_);
    rooms_[room] = std::make_shared<const EventSink>(std::move(sink));
}

void Ffi::off_room(Id room) { forget(rooms_, room); }

void Ffi::on_callee(Id participant, EventSink sink) {
    std::lock_guard lock(mutex_);
    callees_[participant] = std::make_shared<const EventSink>(std::move(sink));
}

void Ffi::off_callee(Id participant) { forget(callees_, participant); }

void Ffi::on_reader(Id reader, EventSink sink) {
    std::lock_guard lock(mutex_);
    readers_[reader] = std::make_shared<const EventSink>(std::move(sink));
}

void Ffi::off_reader(Id reader) { forget(readers_, reader); }

// What a sink owns may call us again when it dies: never under the lock.
void Ffi::forget(Sinks<EventSink>& sinks, Id id) {
    std::shared_ptr<const EventSink> gone;
    std::lock_guard lock(mutex_);
    gone = find(sinks, id);
    sinks.erase(id);
}

Result<Ffi::Id> Ffi::open_audio(const proto::FfiRequest& message, AudioSink sink) {
    // Held over the request: the first frame waits in dispatch_audio() until its sink is known.
    std::lock_guard lock(audio_mutex_);
    VC_TRY_ASSIGN(const auto response, request(message));
    const auto id = response.new_audio_stream().stream().handle().id();
    if (id == 0) return fail(Errc::Protocol, "LiveKit's core opened no audio stream");
    streams_.emplace(id, std::make_shared<const AudioSink>(std::move(sink)));
    return id;
}

void Ffi::close_audio(Id stream) {
    {
        std::lock_guard lock(audio_mutex_);
        streams_.erase(stream);
    }
    drop(stream);
}

void Ffi::leave_started() {
    std::lock_guard lock(leaving_mutex_);
    ++leaving_;
}

void Ffi::leave_ended() {
    std::lock_guard lock(leaving_mutex_);
    --leaving_;
    leaving_changed_.notify_all();
}

}  // namespace voicectl::rtc
