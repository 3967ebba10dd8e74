#include "core/rtc/room_impl.h"

#include "core/rtc/errors.h"
#include "voicectl/base/log.h"
#include "voicectl/base/text.h"

namespace voicectl::rtc {
namespace {

using namespace std::chrono_literals;

constexpr auto kLeaveTime = 3s;
// Everybody in a room reconnects when its server comes back, each by a back-off of up to 30 s; who is not
// there by then has left.
constexpr auto kSettleTime = 30s;

Error cancelled() { return {Errc::Cancelled, "left the room", {}}; }

// The core speaks WebSocket; people have the HTTP form of the same address, too.
Result<std::string> websocket_url(const std::string& url) {
    if (url.starts_with("ws://") || url.starts_with("wss://")) return url;
    if (url.starts_with("http://") || url.starts_with("https://")) return "ws" + url.substr(4);
    return fail_with_hint(Errc::Usage, fmt::format("not a LiveKit URL: '{}'", url),
                          "it starts with ws:// or wss://");
}

}  // namespace

RoomImpl::RoomImpl(std::shared_ptr<Ffi> ffi, Pacer& pacer, Loop& loop, RoomOptions options,
                   RoomObserver& observer)
    : ffi_(std::move(ffi)),
      pacer_(pacer),
      loop_(loop),
      options_(std::move(options)),
      observer_(observer),
      mailbox_(std::make_shared<Mailbox>(loop)),
      token_(options_.token),
      pending_(loop),
      watchdog_(loop, options_.rejoin_for,
                {[this] {
                     if (options_.fresh_token) token_ = options_.fresh_token();
                     if (auto sent = connect(options_.join_timeout); !sent)
                         handle_connect_failed(std::move(sent).error());
                 },
                 [this] {
                     close({Errc::Unreachable,
                            fmt::format("connection lost; the server did not come back within {}",
                                        format_duration(options_.rejoin_for)),
                            {}});
                 }}),
      join_timer_(loop),
      leave_timer_(loop),
      settle_timer_(loop) {}

RoomImpl::~RoomImpl() {
    loop_.assert_current();
    mailbox_->shut();
    forget_readings();
    for (const auto& input : inputs_) {
        if (const auto stream = input.lock()) stream->detach();
    }
}

void RoomImpl::later(Loop::Task task) { mailbox_->post(std::move(task)); }

void RoomImpl::join(std::function<void(Result<void>)> done) {
    loop_.assert_current();
    if (joining_ || joined_once_ || state_ == ConnectionState::Closed)
        return later([done = std::move(done)] { done(fail(Errc::Conflict, "a room is joined once")); });
    joining_ = true;
    on_join_done_ = std::move(done);
    if (auto sent = connect(options_.join_timeout); !sent)
        later([this, error = std::move(sent).error()] { handle_connect_failed(error); });
}

Result<void> RoomImpl::connect(std::chrono::milliseconds timeout) {
    const auto attempt = ++attempt_;
    VC_TRY_ASSIGN(const auto url, websocket_url(options_.url));
    // Our own time, because the core's covers only a part of joining.
    join_timer_.after(timeout, [this, timeout] {
        ++attempt_;
        handle_connect_failed({Errc::Timeout, fmt::format("no answer within {}", format_duration(timeout)),
                               "is the LiveKit server reachable from here?"});
    });
    return Session::join(
        ffi_, {url, token_, options_.subscribe == Subscribe::All, timeout},
        [mailbox = mailbox_, this, attempt](Result<std::shared_ptr<Session>> session, const EventPtr& event) {
            mailbox->post([this, attempt, session = std::move(session), event] {
                handle_connected(attempt, session, event);
            });
        });
}

void RoomImpl::handle_connected(std::uint64_t attempt, Result<std::shared_ptr<Session>> session,
                                const EventPtr& event) {
    if (attempt != attempt_) return;  // given up meanwhile; the session leaves again as it goes
    join_timer_.cancel();
    if (!session) return handle_connect_failed(std::move(session).error());
    enter(std::move(*session), event);
}

void RoomImpl::handle_connect_failed(Error error) {
    join_timer_.cancel();
    if (!joined_once_) return finish_join(std::unexpected(std::move(error).while_doing("joining the room")));
    log::info("rtc", "rejoining failed", {{"room", name_}, {"why", error.message}});
    if (error.code == Errc::Auth || error.code == Errc::NotFound || error.code == Errc::Usage)
        return close(std::move(error).while_doing("rejoining the room"));
    watchdog_.failed();
}

void RoomImpl::finish_join(Result<void> result) {
    joining_ = false;
    const auto mailbox = mailbox_;
    const auto done = std::exchange(on_join_done_, {});
    if (!result) set_state(ConnectionState::Closed);
    if (mailbox->open() && done) done(std::move(result));
}

void RoomImpl::enter(std::shared_ptr<Session> session, const EventPtr& event) {
    const auto& result = event->message().connect().result();
    const auto mailbox = mailbox_;
    const bool again = joined_once_;
    session_ = std::move(session);
    joined_once_ = true;
    identity_ = result.local_participant().info().identity();
    name_ = result.room().info().name();
    sid_ = result.room().info().sid();
    metadata_ = result.room().info().metadata();
    session_->start([mailbox, this, attempt = attempt_](EventPtr told) {
        mailbox->post([this, attempt, told = std::move(told)] {
            if (attempt == attempt_) handle_event(told);  // not of a session before this one
        });
    });

    register_methods();
    meet_everybody(event, again);
    if (!mailbox->open() || leaving_) return;
    if (again) {
        log::info("rtc", "rejoined", {{"room", name_}});
        watchdog_.succeeded();
        start_settling();
        publish_again();
        restore_attributes();
    }
    set_state(ConnectionState::Connected);
    if (!mailbox->open() || again || leaving_) return;
    finish_join({});
}

void RoomImpl::start_settling() {
    settle_timer_.after(kSettleTime, [this] { tell(roster_.give_up_missing()); });
}

void RoomImpl::lose(std::string_view reason) {
    log::info("rtc", "connection lost", {{"room", name_}, {"reason", reason}});
    const auto mailbox = mailbox_;
    forget_session({Errc::Unreachable, "the connection to the room was lost", {}});
    if (!mailbox->open() || leaving_ || state_ == ConnectionState::Closed) return;
    if (options_.rejoin_for == 0ms)
        return close({Errc::Unreachable, "the connection to the room was lost", {}});
    watchdog_.start();
    set_state(ConnectionState::Reconnecting);
}

void RoomImpl::leave() {
    loop_.assert_current();
    if (leaving_ || state_ == ConnectionState::Closed) return;
    leaving_ = true;
    ++attempt_;  // events and answers under way are not ours any more
    watchdog_.stop();
    join_timer_.cancel();
    settle_timer_.cancel();
    if (!session_) return later([this] { close(cancelled()); });
    leave_timer_.after(kLeaveTime, [this] { close(cancelled()); });
    session_->leave([mailbox = mailbox_, this] { mailbox->post([this] { close(cancelled()); }); });
}

void RoomImpl::close(Error error, std::string_view reason) {
    if (state_ == ConnectionState::Closed) return;
    const auto mailbox = mailbox_;
    watchdog_.stop();
    join_timer_.cancel();
    leave_timer_.cancel();
    forget_session(error);
    if (!mailbox->open()) return;
    set_state(ConnectionState::Closed);
    if (mailbox->open() && joining_) finish_join(std::unexpected(error));
    if (mailbox->open()) observer_.on_closed({std::move(error), std::string(reason)});
}

// What belongs to one stay in the room: the core's objects, and everybody who waits for an answer of it.
void RoomImpl::forget_session(const Error& why) {
    const auto mailbox = mailbox_;
    ++attempt_;  // events of it that are still on their way are nobody's
    reconnecting_ = false;
    settle_timer_.cancel();
    forget_readings();
    heard_early_.clear();
    for (const auto& output : outputs_) {
        if (const auto publication = output.lock()) publication->forget();
    }
    const auto waiting = pending_.take_all();
    for (auto& [sid, track] : published_) track.publication = {};
    forget_tracks();
    if (!mailbox->open()) return;
    session_.reset();
    for (const auto& done : waiting) {
        done(std::unexpected(why));
        if (!mailbox->open()) return;
    }
}

void RoomImpl::set_state(ConnectionState state) {
    if (std::exchange(state_, state) != state) observer_.on_state(state);
}

}  // namespace voicectl::rtc
