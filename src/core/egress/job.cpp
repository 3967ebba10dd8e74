#include "core/egress/job.h"

#include <filesystem>

#include "voicectl/audio/file.h"
#include "voicectl/base/log.h"
#include "voicectl/base/redact.h"
#include "voicectl/livekit/token.h"
#include "voicectl/livekit/wire_time.h"

namespace voicectl::egress {
namespace {

namespace fs = std::filesystem;
using namespace livekit::proto;
using livekit::from_nanoseconds, livekit::to_nanoseconds;
using std::chrono::system_clock;

constexpr std::chrono::hours kTokenLife{24};
constexpr std::chrono::seconds kLongestSilence{600};  // of a server that is away

/// How long what is in a file lasts; 0: there is nothing in it that can be played.
std::chrono::nanoseconds playable(const std::string& path) {
    const auto reader = audio::FileReader::open(path);
    if (!reader || (*reader)->info().rate_hz <= 0) return std::chrono::nanoseconds(0);
    std::vector<std::int16_t> block(static_cast<std::size_t>((*reader)->info().rate_hz * (*reader)->info().channels));
    std::int64_t samples = 0;
    while (const auto got = (*reader)->read(block)) {
        if (*got == 0) break;
        samples += static_cast<std::int64_t>(*got);
    }
    return std::chrono::nanoseconds(samples * 1'000'000'000 / ((*reader)->info().rate_hz * (*reader)->info().channels));
}

std::string manifest_of(const EgressInfo& info, const Plan& plan, const NameFacts& facts, const std::string& url, const Stored& stored) {
    Manifest out;
    out.egress_id = info.egress_id();
    out.room_id = info.room_id();
    out.room_name = info.room_name();
    out.url = url;
    out.publisher_identity = facts.publisher_identity;
    out.track_id = plan.track_id;
    out.track_kind = facts.track_type;
    out.track_source = facts.track_source;
    out.audio_track_id = plan.audio_track_id;
    out.started_at = from_nanoseconds(info.started_at());
    out.ended_at = from_nanoseconds(info.ended_at());
    out.filename = info.file_results().empty() ? "" : info.file_results(0).filename();
    out.location = stored.location;
    return manifest_text(out);
}

// They look into a field that is marked as deprecated, for them.
void show_old_clients(EgressInfo& info) {
    if (info.file_results().empty()) return;
    const auto* field = info.GetDescriptor()->FindFieldByName("file");
    info.GetReflection()->MutableMessage(&info, field)->CopyFrom(info.file_results(0));
}

NameFacts facts_of(const Plan& plan, system_clock::time_point at) {
    return {.room_name = plan.room_name, .room_id = plan.room_id, .egress_id = plan.egress_id, .publisher_identity = plan.publisher_identity,
            .track_id = plan.track_id, .retry = plan.retry_count, .at = at};
}

}  // namespace

Job::Job(Parts parts, livekit::EgressRequest request, Plan plan, std::function<void()> on_over)
    : parts_(parts), plan_(std::move(plan)), on_over_(std::move(on_over)) {
    const auto now = system_clock::now();
    entry_.info = first_info(request, now);
    entry_.file = fmt::format("{}/{}{}", parts_.ledger.folder(), plan_->egress_id, ending(plan_->form));
    entry_.request = std::move(request);
    facts_ = facts_of(*plan_, now);
}

Job::Job(Parts parts, JournalEntry entry, std::optional<Plan> plan, std::function<void()> on_over)
    : parts_(parts), entry_(std::move(entry)), plan_(std::move(plan)), on_over_(std::move(on_over)), state_(State::Ending) {
    if (plan_) facts_ = facts_of(*plan_, from_nanoseconds(entry_.info.started_at()));
}

Job::~Job() { stop_storing_.request_stop(); }

void Job::begin(livekit::EgressAnswer answer) {
    answer_ = std::move(answer);
    write_down(lifeline_.guard([this](const Result<void>& written) {
        if (!written) return give_back({"unavailable", "the recorder cannot write: " + written.error().message});
        parts_.shared.bus.create(entry_.info, lifeline_.guard([this](const livekit::RpcResult<void>& made) { created(made); }));
    }));
}

void Job::created(const livekit::RpcResult<void>& made) {
    if (!made) return give_back(made.error());
    topics_ = parts_.shared.bus.serve_job(
        entry_.info.egress_id(),
        [this](const livekit::EgressAnswer& stop) {
            // In the server's own words, who would otherwise wait for 3 s to find them.
            if (at_rest()) return stop(std::unexpected(livekit::RpcFault{"failed_precondition", fmt::format("egress with status {} cannot be stopped", EgressStatus_Name(entry_.info.status()))}));
            finish("StopEgress API");
            stop(entry_.info);
        },
        lifeline_.guard([this] {
            if (answer_) std::exchange(answer_, {})(entry_.info);
            record();
        }));
}

// The server has no record that would have to come to an end, or will not get at it.
void Job::give_back(livekit::RpcFault fault) {
    log::warn("egress", "a job could not begin", {{"egress", entry_.info.egress_id()}, {"error", fault.message}});
    ++parts_.counts.failed;
    if (answer_) std::exchange(answer_, {})(std::unexpected(std::move(fault)));
    forget();
}

std::string Job::token() const {
    livekit::Claims claims;
    claims.identity = entry_.info.egress_id();
    claims.kind = "egress";
    claims.video.room_join = claims.video.hidden = claims.video.recorder = true;
    claims.video.room = plan_->room_name;
    claims.video.can_subscribe = true;
    claims.video.can_publish = claims.video.can_publish_data = false;
    return livekit::mint(parts_.options.server.key, claims, kTokenLife);
}

void Job::record() {
    state_ = State::Starting;
    if (!asked_.empty()) {  // stopped before it began
        Ended ended;
        return on_ended(ended);
    }
    RoomSettings room;
    room.url = plan_->url.empty() ? parts_.options.server.url : plan_->url;
    room.token = plan_->token.empty() ? token() : plan_->token;
    if (plan_->token.empty()) room.fresh_token = [this] { return token(); };
    room.rejoin_for = kLongestSilence;
    log::info("egress", "recording", {{"egress", entry_.info.egress_id()}, {"room", plan_->room_name}});
    recording_ = Recording::create(parts_.shared.loop, parts_.shared.core, parts_.shared.encoders, *plan_, std::move(room), parts_.options.limits, entry_.file,
                                   {[this](auto at) { on_first_audio(at); }, [this](const Ended& ended) { on_ended(ended); }});
}

void Job::set_track(std::string publisher, std::string type, std::string source) {
    facts_.publisher_identity = std::move(publisher);
    facts_.track_type = std::move(type);
    facts_.track_source = std::move(source);
}

FileInfo& Job::file() {
    if (entry_.info.file_results().empty()) entry_.info.add_file_results();
    return *entry_.info.mutable_file_results(0);
}

void Job::touch(EgressStatus status) {
    entry_.info.set_status(status);
    entry_.info.set_updated_at(to_nanoseconds(system_clock::now()));
}

void Job::tell() {
    show_old_clients(entry_.info);
    write_down();
    parts_.reports.report(entry_.info);
}

void Job::write_down(std::function<void(Result<void>)> done) { parts_.ledger.write(entry_, std::move(done)); }

void Job::on_first_audio(system_clock::time_point at) {
    state_ = State::Active;
    entry_.name = file_name(*plan_, facts_);
    file().set_filename(entry_.name);
    file().set_started_at(to_nanoseconds(at));
    touch(EGRESS_ACTIVE);
    tell();
}

void Job::finish(std::string_view asked) {
    if (!asked_.empty() || state_ > State::Active) return;
    asked_ = asked;
    if (state_ == State::Creating) return;  // record() sees it
    if (state_ == State::Active) {
        state_ = State::Ending;
        entry_.info.set_details(fmt::format("End reason: {}", asked_));
        touch(EGRESS_ENDING);
        tell();
    } else {
        entry_.info.set_error(outcome_of({}, asked_).error);
        touch(EGRESS_ABORTED);  // what the answer says; the whole of it follows
    }
    if (recording_) recording_->stop();
}

void Job::on_ended(const Ended& ended) {
    if (ended.why != Ended::Why::Failed || !ended.has_file) return finished(ended);
    state_ = State::Ending;
    measure([this, ended = Ended(ended)](std::chrono::nanoseconds length) mutable {  // a full disk cuts where it likes
        std::error_code ignored;
        ended.has_file = length.count() > 0;
        ended.duration = length;
        ended.bytes = static_cast<std::int64_t>(fs::file_size(entry_.file, ignored));
        finished(ended);
    });
}

void Job::measure(std::function<void(std::chrono::nanoseconds)> then) {
    parts_.shared.encoders.post([path = entry_.file, &loop = parts_.shared.loop, then = lifeline_.guard(std::move(then))]() mutable {
        loop.post([length = playable(path), then = std::move(then)]() mutable { then(length); });
    });
}

void Job::finished(const Ended& ended) {
    const auto outcome = outcome_of(ended, asked_);
    if (ended.why == Ended::Why::Failed || ended.why == Ended::Why::RoomLost)
        log::warn("egress", "a recording broke off", {{"egress", entry_.info.egress_id()}, {"error", ended.error.message}});
    if (outcome.silent) {
        log::warn("egress", "another recorder has taken this job over", {{"egress", entry_.info.egress_id()}});
        ++parts_.counts.lost;
        return forget();
    }
    parts_.counts.seconds_recorded += std::chrono::duration<double>(ended.duration).count();
    if (ended.has_file) {
        file().set_started_at(ended.began.count());
        file().set_ended_at((ended.began + ended.duration).count());
        file().set_duration(ended.duration.count());
        file().set_size(ended.bytes);
    }
    entry_.info.set_ended_at(ended.has_file ? file().ended_at() : to_nanoseconds(system_clock::now()));
    if (!outcome.stores) return close(outcome);
    entry_.info.set_error(outcome.error);
    entry_.info.set_error_code(outcome.error_code);
    entry_.info.set_details(outcome.details);
    if (outcome.status != EGRESS_LIMIT_REACHED && entry_.info.status() == EGRESS_ACTIVE) {
        touch(EGRESS_ENDING);
        tell();
    } else {
        write_down();
    }
    store_file(outcome);
}

void Job::store_file(Outcome outcome) {
    state_ = State::Storing;
    put([this, outcome](const Result<Stored>& result, const std::string& manifest) { stored(outcome, result, manifest); });
}

void Job::put(std::function<void(const Result<Stored>&, const std::string&)> done) {
    StoreJob job;
    job.file = entry_.file;
    job.name = entry_.name;
    job.content_type = content_type(plan_->form);
    job.storage = plan_->storage;
    job.root = parts_.options.policy.root;
    job.absolute_paths = parts_.options.policy.absolute_paths;
    job.upload_id = entry_.upload_id;
    auto& loop = parts_.shared.loop;
    const auto backup = parts_.options.backup.ByteSizeLong() != 0 ? std::optional(parts_.options.backup) : std::nullopt;
    // Beside the file and its place, nothing that the thread touches is ours.
    auto on_upload = lifeline_.guard([this](const std::string& id) {
        entry_.upload_id = id;
        write_down();
    });
    auto on_done = lifeline_.guard(std::move(done));
    auto manifest = [info = entry_.info, plan = *plan_, facts = facts_, url = parts_.options.server.url](const Stored& where) { return manifest_of(info, plan, facts, url, where); };
    parts_.shared.movers.post([&loop, &http = parts_.shared.http, job = std::move(job), backup, on_upload, on_done, manifest = std::move(manifest), wants_manifest = plan_->manifest,
                               id = entry_.info.egress_id(), stop = stop_storing_.get_token()]() mutable {
        StoreHooks hooks;
        hooks.on_upload = [&](const std::string& upload) { loop.post([on_upload, upload]() mutable { on_upload(upload); }); };
        const auto result = store_with_backup(http, job, backup, hooks, {}, stop);
        std::string place;
        // Official workers write none beside a backup, and no manifest is a reason for a recording to have failed.
        if (result && wants_manifest && !result->backup) {
            auto beside = job;
            beside.file.clear();
            beside.upload_id.clear();
            beside.text = manifest(*result);
            beside.name = manifest_name(job.name, id);
            beside.content_type = "application/json";
            if (const auto written = store(http, beside, {}, {}, stop)) place = written->location;
            else log::warn("egress", "the manifest is not stored", {{"egress", id}, {"error", written.error().message}});
        }
        loop.post([result, place, on_done]() mutable { on_done(result, place); });
    });
}

void Job::stored(Outcome outcome, Result<Stored> result, std::string manifest) {
    if (!result && result.error().code == Errc::Cancelled) return;  // the process ends; the next one goes on
    if (!result) {
        ++parts_.counts.upload_failures;
        refusal_ = result.error().message;
        log::error("egress", "a recording is not stored: its file is kept, and tried again", {{"egress", entry_.info.egress_id()}, {"file", entry_.file}, {"error", refusal_}, {"hint", result.error().hint}});
        return close(not_stored(std::move(outcome), result.error()));
    }
    stored_at(*result, manifest);
    close(outcome);
}

void Job::stored_at(const Stored& where, const std::string& manifest) {
    parts_.counts.bytes_stored += static_cast<std::uint64_t>(where.bytes);
    file().set_location(where.location);
    file().set_size(where.bytes);
    if (where.backup) entry_.info.set_backup_storage_used(true);
    if (!manifest.empty()) entry_.info.set_manifest_location(manifest);
    log::info("egress", "stored", {{"egress", entry_.info.egress_id()}, {"location", where.location}, {"bytes", where.bytes}});
}

// LiveKit has had its last word of it, and a second end would be another webhook: only the log, and the manifest, tell the place.
void Job::store_again(std::function<void()> done) {
    std::error_code ignored;
    if (state_ != State::Kept || storing_again_) return done();
    if (!plan_) {
        refusal_ = "its request is one that this worker no longer takes";
        return done();
    }
    if (!fs::exists(entry_.file, ignored)) {
        log::warn("egress", "a kept recording is not there any more", {{"egress", entry_.info.egress_id()}, {"file", entry_.file}});
        forget();
        return done();
    }
    storing_again_ = true;
    put([this, done = std::move(done)](const Result<Stored>& result, const std::string& manifest) {
        storing_again_ = false;
        if (result) {
            stored_at(*result, manifest);
            forget();
        } else if (result.error().code == Errc::Cancelled) {
            return;
        } else {
            const auto before = std::exchange(refusal_, result.error().message);
            log::write(refusal_ != before ? log::Level::Warn : log::Level::Debug, "egress", "a kept recording is still not stored", {{"egress", entry_.info.egress_id()}, {"file", entry_.file}, {"error", refusal_}});
        }
        done();
    });
}

void Job::close(const Outcome& outcome) {
    state_ = State::Reporting;
    auto& counts = parts_.counts;
    ++(outcome.status == EGRESS_COMPLETE ? counts.complete : outcome.status == EGRESS_ABORTED ? counts.aborted : outcome.status == EGRESS_LIMIT_REACHED ? counts.limited : counts.failed);
    entry_.info.set_error(outcome.error);
    entry_.info.set_error_code(outcome.error_code);
    entry_.info.set_details(outcome.details);
    if (entry_.info.ended_at() == 0) entry_.info.set_ended_at(to_nanoseconds(system_clock::now()));
    touch(outcome.status);
    show_old_clients(entry_.info);
    entry_.stored = true;
    entry_.kept = outcome.stores && (entry_.info.file_results().empty() || file().location().empty());
    write_down();
    report();
}

void Job::report() {
    parts_.reports.report(entry_.info, lifeline_.guard([this](bool) { entry_.kept ? keep() : forget(); }));
}

void Job::let_go() {
    parts_.counts.lost_frames += lost_samples();
    recording_.reset();
}

// Its file is the only copy.
void Job::keep() {
    state_ = State::Kept;
    let_go();
    if (!std::exchange(entry_.reported, true)) write_down();
    on_over_();
}

void Job::drop() { entry_.kept ? keep() : forget(); }

void Job::forget() {
    state_ = State::Over;
    let_go();
    if (!entry_.file.empty()) {
        std::error_code ignored;
        fs::remove(entry_.file, ignored);
    }
    parts_.ledger.remove(entry_.info.egress_id(), lifeline_.guard([this] { on_over_(); }));
}

void Job::salvage(bool known) {
    if (entry_.reported) return keep();
    ++parts_.counts.orphans;
    if (!entry_.stored) return measure([this](std::chrono::nanoseconds length) { salvage_file(length); });
    state_ = State::Reporting;
    if (known) return drop();
    report();
}

void Job::salvage_file(std::chrono::nanoseconds length) {
    const bool recorded = plan_ && length.count() > 0;
    log::warn("egress", recorded ? "a former process left a recording, which is stored now" : "a former process left a job without a recording",
              {{"egress", entry_.info.egress_id()}, {"seconds", std::chrono::duration<double>(length).count()}});
    if (recorded && entry_.name.empty()) entry_.name = file_name(*plan_, facts_);
    if (recorded) file().set_filename(entry_.name);
    const auto outcome = outcome_of_orphan(entry_.info, recorded);
    if (!recorded) return close(outcome);
    std::error_code ignored;
    if (file().ended_at() == 0) {
        file().set_duration(length.count());
        file().set_ended_at(file().started_at() + length.count());
    }
    file().set_size(static_cast<std::int64_t>(fs::file_size(entry_.file, ignored)));
    entry_.info.set_ended_at(file().ended_at());
    // Written down with it: when we die in turn, the next process must not take it for one that had come to its own end.
    entry_.info.set_error(outcome.error);
    entry_.info.set_error_code(outcome.error_code);
    entry_.info.set_details(outcome.details);
    write_down();
    store_file(outcome);
}

JobView Job::view() const {
    JobView out{entry_.info.egress_id(), entry_.info.room_name(), EgressStatus_Name(entry_.info.status()), from_nanoseconds(entry_.info.started_at())};
    if (!recording_) return out;
    const auto stats = recording_->stats();
    out.recorded = stats.recorded;
    out.bytes = stats.bytes;
    out.tracks = static_cast<int>(stats.tracks);
    return out;
}

}  // namespace voicectl::egress
