#include "core/store/spooled_store.h"

#include <fcntl.h>

#include <tuple>

#include "voicectl/base/log.h"

namespace voicectl::store {
namespace {

// What comes out of a write that gives nothing.
const Call kNothing;

Result<Call> nothing(const Result<void>& done) {
    if (!done) return std::unexpected(done.error());
    return kNothing;
}
Result<void> without_call(Result<Call> done) {
    if (!done) return std::unexpected(std::move(done).error());
    return {};
}

std::unexpected<Error> unknown(std::int64_t call_id) { return fail(Errc::NotFound, "no call {}", call_id); }

// Another write would fare no better, and this one may later. A conflict is with other writers or programs; only a
// transcript can be in conflict with what is stored.
bool can_wait(const SpoolRecord& record, const Error& why) {
    return may_pass(why) || (why.code == Errc::Conflict && record.kind != SpoolRecord::Kind::Transcript);
}

// The number after the last turn of a call that has some.
Result<int> turns_end(Store& store, const Call& call) {
    int end = 0;
    if (call.turns > 0)
        VC_TRY(store.turns(call.id, [&end](const Turn& turn) {
            end = turn.sequence + 1;
            return true;
        }));
    return end;
}

}  // namespace

SpooledStore::SpooledStore(OpenStore open, SpoolOptions options, Result<std::unique_ptr<Store>> store)
    : open_(std::move(open)), options_(std::move(options)), next_try_(options_.now()), wait_(options_.first_wait) {
    waiting_ = !spool_files(options_.folder).empty();
    if (store) store_ = std::move(*store);
    else lose(store.error());
    catch_up();
}

Result<Call> SpooledStore::write(SpoolRecord record) {
    catch_up();
    if (!waiting_) {
        auto done = apply(record, places_, nullptr);
        if (done || !can_wait(record, done.error())) return done;
        lose(done.error());
    }
    return spool(std::move(record));
}

Result<Call> SpooledStore::apply_begin(const SpoolRecord& record, Places& places, SpoolFile* file) {
    VC_TRY_ASSIGN(auto begun, store_->begin_call(record.call));
    if (&places == &places_) owners_[begun.id] = {begun.room, begun.job_id};
    if (record.call_id == 0 || places.contains(record.call_id)) return begun;
    VC_TRY_ASSIGN(const int first, turns_end(*store_, begun));
    SpoolRecord placed{.kind = Kind::Placed, .call_id = record.call_id, .call = begun, .first = first};
    if (file != nullptr) VC_TRY(file->append(to_line(placed)));
    places[record.call_id] = {begun.id, first};
    return begun;
}

Result<Call> SpooledStore::apply(const SpoolRecord& record, Places& places, SpoolFile* file) {
    if (record.kind == Kind::Placed) return kNothing;
    if (record.kind == Kind::Begin) return apply_begin(record, places, file);
    if (record.kind == Kind::Transcript) return store_->save_transcript(record.call, record.turns);
    const bool is_session = record.kind == Kind::Session;
    Place place{is_session ? record.session.call_id.value_or(0) : record.call_id, 0};
    if (place.id < 0) {
        const auto found = places.find(place.id);
        if (found == places.end()) return unknown(place.id);
        place = found->second;
    } else if (file != nullptr && !record.call.room.empty()) {
        VC_TRY(check_owner(place.id, record.call));
    }
    if (record.kind == Kind::Report) return nothing(store_->save_report(place.id, record.report));
    if (record.kind == Kind::End) return nothing(store_->end_call(place.id, record.status, record.reason, record.at));
    if (is_session) {
        auto session = record.session;
        if (session.call_id) session.call_id = place.id;
        return nothing(store_->save_session(session));
    }
    auto turn = record.turns.at(0);
    turn.sequence += place.first;
    return nothing(store_->save_turn(place.id, turn));
}

Result<void> SpooledStore::check_owner(std::int64_t id, const Call& owner) {
    if (checked_.contains(id)) return {};
    VC_TRY_ASSIGN(const auto calls, store_->list({.room = owner.room, .limit = 0}));
    for (const auto& call : calls)
        if (call.id == id && call.job_id == owner.job_id) checked_.insert(id);
    if (!checked_.contains(id)) return fail(Errc::NotFound, "call {} of this database is not the one of room {}", id, owner.room);
    return {};
}

// Numbers from a file that is gone mean nothing in the next.
Result<Call> SpooledStore::spool(SpoolRecord record) {
    const auto resolve = [&](std::int64_t& id) {
        const auto found = places_.find(id);
        if (found == places_.end()) return;
        id = found->second.id;
        for (auto& turn : record.turns) turn.sequence += found->second.first;
    };
    auto answer = record.call;
    if (record.kind == Kind::Begin) {
        answer.id = record.call_id = local_number({record.call.room, record.call.job_id});
        if (places_.contains(record.call_id) || record.call_id > 0) record.call_id = 0;  // the database has it
    } else if (record.kind == Kind::Session) {
        if (record.session.call_id) resolve(*record.session.call_id);
    } else if (record.kind != Kind::Transcript) {
        resolve(record.call_id);
        if (const auto owner = owners_.find(record.call_id); owner != owners_.end()) std::tie(record.call.room, record.call.job_id) = owner->second;
    }
    const auto line = to_line(record);
    if (own_ && own_->bytes() + line.size() > options_.most_bytes)
        return fail_with_hint(Errc::Io, fmt::format("the spool in {} is full: {} bytes wait", options_.folder, own_->bytes()), "get the database going again");
    if (!own_) {
        VC_TRY_ASSIGN(own_, SpoolFile::create(options_.folder));
        own_done_ = 0;
    }
    VC_TRY(own_->append(line));
    return answer;
}

std::int64_t SpooledStore::local_number(const Key& key) {
    const auto [found, is_new] = numbers_.try_emplace(key, last_local_ - 1);
    if (is_new) --last_local_;
    return found->second;
}

void SpooledStore::lose(const Error& why) {
    if (!lost_)
        log::warn("store", "the database is away: writes wait in files", {{"error", why.message}, {"folder", options_.folder}});
    lost_ = why;
    waiting_ = true;
    store_.reset();
    try_later();
}

// At random, so that all processes of a host do not come back at one moment.
void SpooledStore::try_later() {
    next_try_ = options_.now() + wait_ / 2 + wait_ / 2 * static_cast<int>(random_() % 1000) / 1000;
    wait_ = std::min(wait_ * 2, options_.longest_wait);
}

std::optional<TimePoint> SpooledStore::due() const { return waiting_ ? std::optional(next_try_) : std::nullopt; }

void SpooledStore::catch_up() {
    if (!waiting_ || options_.now() < next_try_) return;
    if (const auto done = flush_all(); !done) {
        if (done.error().code != Errc::Cancelled) return lose(done.error());
        lost_.reset();
        log::info("store", "what waits cannot be stored yet", {{"error", done.error().message}, {"folder", options_.folder}});
        return try_later();
    }
    if (lost_ || stored_ > 0) log::info("store", "the database is back: what waited is stored", {{"writes", std::exchange(stored_, 0)}});
    waiting_ = false;
    lost_.reset();
    wait_ = options_.first_wait;
}

Result<void> SpooledStore::flush_all() {
    checked_.clear();
    if (!store_) {
        VC_TRY_ASSIGN(store_, open_());
    }
    const auto left = spool_files(options_.folder);
    if (left.empty() && !own_) return {};
    // One process at a time, so that what a dead one left is stored before what its successor has to say.
    VC_TRY_ASSIGN(const auto turn, LockedFile::open(options_.folder + "/lock", O_RDWR | O_CREAT));
    if (!turn) return fail(Errc::Cancelled, "another process is storing what waits");
    for (const auto& path : left) {
        VC_TRY_ASSIGN(const auto file, SpoolFile::adopt(path));
        if (!file) continue;
        Places places;
        std::uint64_t done = 0;
        VC_TRY(flush(*file, places, done));
        VC_TRY(file->remove());
    }
    if (!own_) return {};
    VC_TRY(flush(*own_, places_, own_done_));
    VC_TRY(own_->remove());
    own_.reset();
    return {};
}

Result<void> SpooledStore::flush(SpoolFile& file, Places& places, std::uint64_t& done) {
    VC_TRY(file.read(0, [&](std::string_view line, std::uint64_t) -> Result<void> {
        const auto record = parse_record(line);
        if (record && record->kind == Kind::Placed) places[record->call_id] = {record->call.id, record->first};
        return {};
    }));
    return file.read(done, [&](std::string_view line, std::uint64_t end) -> Result<void> {
        const auto record = parse_record(line);
        const auto stored = record ? apply(*record, places, &file) : std::unexpected(record.error());
        if (!stored && record && can_wait(*record, stored.error())) return std::unexpected(stored.error());
        if (!stored) VC_TRY(set_aside(line, stored.error()));
        else ++stored_;
        done = end;
        return {};
    });
}

// It would stop all that waits behind it.
Result<void> SpooledStore::set_aside(std::string_view line, const Error& why) {
    log::error("store", "a write that waited is refused and set aside", {{"error", why.message}, {"folder", options_.folder}});
    return append_rejected(options_.folder, line);
}

Result<Call> SpooledStore::begin_call(const Call& call) {
    // Without a job there is no telling whether it is the same call when it is begun again.
    if (call.job_id.empty()) return ask([&](Store& store) { return store.begin_call(call); });
    SpoolRecord record{.kind = Kind::Begin, .call = call};
    if (record.call.started_at == SystemTime{}) record.call.started_at = std::chrono::system_clock::now();
    if (record.call.status.empty()) record.call.status = "active";
    if (const auto known = numbers_.find({call.room, call.job_id}); known != numbers_.end() && known->second < 0) record.call_id = known->second;
    auto begun = write(std::move(record));
    if (!begun) return begun;
    // Whoever has a number goes on with it: it says how its turns count.
    begun->id = numbers_.try_emplace({call.room, call.job_id}, begun->id).first->second;
    return begun;
}

Result<void> SpooledStore::end_call(std::int64_t call_id, const std::string& status, const std::string& reason, SystemTime at) {
    std::erase_if(numbers_, [&](const auto& one) { return one.second == call_id; });
    return without_call(write({.kind = Kind::End, .call_id = call_id, .status = status, .reason = reason, .at = at}));
}

Result<void> SpooledStore::save_turn(std::int64_t call_id, const Turn& turn) {
    if (turn.sequence < 0) return fail(Errc::Usage, "turn {} is negative", turn.sequence);
    return without_call(write({.kind = Kind::Turn, .call_id = call_id, .turns = {turn}}));
}

Result<Call> SpooledStore::save_transcript(const Call& call, const std::vector<Turn>& turns) {
    return write({.kind = Kind::Transcript, .call = call, .turns = turns});
}

Result<void> SpooledStore::save_report(std::int64_t call_id, const std::string& report_json) {
    return without_call(write({.kind = Kind::Report, .call_id = call_id, .report = report_json}));
}

Result<void> SpooledStore::save_session(const Session& session) {
    return without_call(write({.kind = Kind::Session, .session = session}));
}

}  // namespace voicectl::store
