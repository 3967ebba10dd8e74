#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "world.h"

namespace voicectl::test {
namespace {

/// Also writes down what only watchers care for.
class Watcher : public Peer {
 public:
    using Peer::Peer;
    ~Watcher() override { drop(); }

    std::vector<rtc::TrackInfo> published, unpublished, muted;
    std::vector<std::vector<std::string>> speakers;
    std::map<std::string, rtc::Quality> quality;
    std::map<std::string, rtc::Permissions> permissions;
    std::vector<std::string> metadata;
    std::vector<rtc::ByteMessage> bytes;
    std::string keys, keys_from;
    std::size_t published_before_join = 0;

    std::string left_because(const std::string& identity) {
        std::string why = "still there";
        change([&] {
            for (const auto& who : gone)
                if (who.identity == identity) why = who.left_because;
        });
        return why;
    }

 private:
    void on_track_published(const rtc::TrackInfo& track) override {
        change([&] {
            published.push_back(track);
            if (!joined_result) ++published_before_join;
        });
    }
    void on_track_unpublished(const rtc::TrackInfo& track) override {
        change([&] { unpublished.push_back(track); });
    }
    void on_track_muted(const rtc::TrackInfo& track) override {
        change([&] { muted.push_back(track); });
    }
    void on_speakers(const std::vector<std::string>& who) override {
        change([&] { speakers.push_back(who); });
    }
    void on_quality(const std::string& who, rtc::Quality how) override {
        change([&] { quality[who] = how; });
    }
    void on_permissions(const std::string& who, const rtc::Permissions& what) override {
        change([&] { permissions[who] = what; });
    }
    void on_room_metadata(const std::string& text) override {
        change([&] { metadata.push_back(text); });
    }
    void on_bytes(const rtc::ByteMessage& message) override {
        change([&] { bytes.push_back(message); });
    }
    void on_dtmf(const rtc::Dtmf& key) override {
        change([&] {
            keys += key.digit;
            keys_from = key.sender_identity;
        });
    }
};

rtc::RoomOptions subscribing(rtc::Subscribe what) {
    rtc::RoomOptions options;
    options.subscribe = what;
    return options;
}

std::string call_body(const std::string& room, const std::string& identity, const std::string& more = {}) {
    return R"({"room":")" + room + R"(","identity":")" + identity + "\"" + more + "}";
}

template<class Start>
Result<void> answer_of(Peer& peer, Start start) {
    std::optional<Result<void>> result;
    peer.on_loop([&] { start([&](Result<void> done) { peer.change([&] { result = done; }); }); });
    if (!peer.wait([&] { return result.has_value(); })) return fail(Errc::Timeout, "never answered");
    return *result;
}

}  // namespace

TEST_CASE("tracks of others are told with all there is to know, those already there before the join is done") {
    const auto room = World::get().new_room();
    Peer a(room, "a");
    REQUIRE(a.join());
    REQUIRE(a.publish(16000, "voice"));
    Watcher watcher(room, "w");
    REQUIRE(watcher.join(subscribing(rtc::Subscribe::None)));
    CHECK(watcher.published_before_join == 1);
    const auto track = watcher.published.at(0);
    CHECK(track.participant_identity == "a");
    CHECK(track.name == "voice");
    CHECK(track.audio);
    CHECK(track.source == rtc::TrackSource::Microphone);
    CHECK(track.microphone);
    CHECK_FALSE(track.muted);
    CHECK(track.sid.starts_with("TR_"));
    CHECK(track.codec.starts_with("audio/"));

    REQUIRE(World::get().call("MutePublishedTrack",
                              call_body(room, "a", R"(,"track_sid":")" + track.sid + R"(","muted":true)"), room) == 200);
    REQUIRE(watcher.wait([&] { return !watcher.muted.empty(); }));
    CHECK(watcher.muted[0].sid == track.sid);
    CHECK(watcher.muted[0].muted);
    a.drop_output();
    REQUIRE(watcher.wait([&] { return !watcher.unpublished.empty(); }));
    CHECK(watcher.unpublished[0].sid == track.sid);
    REQUIRE(a.publish(16000, "second"));
    REQUIRE(watcher.wait([&] { return watcher.published.size() == 2; }));
    CHECK(watcher.published[1].name == "second");
    CHECK(watcher.subscribed.empty());
}

TEST_CASE("a track is subscribed to only when it is wanted") {
    const auto room = World::get().new_room();
    Peer a(room, "a");
    Watcher none(room, "none"), audio(room, "audio");
    REQUIRE(a.join());
    REQUIRE(none.join(subscribing(rtc::Subscribe::None)));
    REQUIRE(audio.join(subscribing(rtc::Subscribe::Audio)));
    REQUIRE(a.publish(16000));
    REQUIRE(audio.wait([&] { return !audio.subscribed.empty(); }));
    REQUIRE(none.wait([&] { return !none.published.empty(); }));
    CHECK(none.subscribed.empty());
    const auto sid = none.published[0].sid;
    REQUIRE(none.on_loop([&] { return none.room().subscribe(sid, true); }));
    REQUIRE(none.wait([&] { return !none.subscribed.empty(); }));
    REQUIRE(none.on_loop([&] { return none.room().subscribe(sid, false); }));
    REQUIRE(none.wait([&] { return !none.unsubscribed.empty(); }));
    CHECK(none.on_loop([&] { return none.room().subscribe("TR_nobodys", true); }).error().code == Errc::NotFound);
}

TEST_CASE("who speaks is told, and how good the connections are, and what they cost") {
    const auto room = World::get().new_room();
    Peer a(room, "a");
    Watcher watcher(room, "w");
    REQUIRE(a.join());
    REQUIRE(watcher.join());
    REQUIRE(a.publish(16000));
    REQUIRE(watcher.wait([&] { return !watcher.subscribed.empty(); }));
    a.play(tone(16000, 440, 3s));
    REQUIRE(watcher.wait([&] {
        return std::any_of(watcher.speakers.begin(), watcher.speakers.end(),
                           [](const auto& who) { return who == std::vector<std::string>{"a"}; });
    }));
    REQUIRE(watcher.wait([&] { return watcher.quality.contains("w"); }));
    CHECK(watcher.look([&] { return watcher.quality["w"]; }) != rtc::Quality::Lost);

    const auto figures = [](Peer& peer) {
        std::optional<rtc::Statistics> out;
        peer.on_loop([&] {
            peer.room().statistics([&](Result<rtc::Statistics> told) {
                peer.change([&] { out = told ? *told : rtc::Statistics{}; });
            });
        });
        REQUIRE(peer.wait([&] { return out.has_value(); }));
        return *out;
    };
    const auto heard = figures(watcher);
    REQUIRE(heard.tracks.size() == 1);
    CHECK(heard.path == "udp");
    CHECK_FALSE(heard.tracks[0].outgoing);
    CHECK(heard.tracks[0].kind == "audio");
    CHECK(heard.tracks[0].track_sid == watcher.subscribed[0].sid);
    CHECK(heard.tracks[0].packets > 10);
    CHECK(heard.tracks[0].bytes > 1000);
    CHECK(heard.tracks[0].samples > 16000);
    CHECK(heard.tracks[0].packets_lost < 10);
    const auto sent = figures(a);
    REQUIRE(sent.tracks.size() == 1);
    CHECK(sent.tracks[0].outgoing);
    CHECK(sent.tracks[0].track_sid == watcher.subscribed[0].sid);
    CHECK(sent.tracks[0].packets > 10);
}

TEST_CASE("the room has a sid and metadata, and says when they change") {
    const auto room = World::get().new_room();
    Watcher watcher(room, "w");
    REQUIRE(watcher.join());
    const auto has_sid = [&] { return watcher.on_loop([&] { return watcher.room().sid().starts_with("RM_"); }); };
    for (const auto end = Deadline::in(20s); !has_sid() && !end.passed();) std::this_thread::sleep_for(10ms);
    REQUIRE(has_sid());
    REQUIRE(World::get().call("UpdateRoomMetadata", R"({"room":")" + room + R"(","metadata":"first"})", room) == 200);
    REQUIRE(watcher.wait([&] { return watcher.metadata == std::vector<std::string>{"first"}; }));
    Watcher late(room, "late");
    REQUIRE(late.join());
    CHECK(late.on_loop([&] { return late.room().metadata(); }) == "first");
}

TEST_CASE("permissions that the server takes away are told") {
    const auto room = World::get().new_room();
    Watcher watcher(room, "w");
    REQUIRE(watcher.join());
    REQUIRE(World::get().call("UpdateParticipant",
                              call_body(room, "w", R"(,"permission":{"can_subscribe":true,"can_publish_sources":["MICROPHONE"]})"),
                              room) == 200);
    REQUIRE(watcher.wait([&] { return watcher.permissions.contains("w"); }));
    const auto now = watcher.look([&] { return watcher.permissions["w"]; });
    CHECK(now.can_subscribe);
    CHECK_FALSE(now.can_publish);
    CHECK_FALSE(now.can_publish_data);
    CHECK(now.can_publish_sources == std::vector{rtc::TrackSource::Microphone});
}

TEST_CASE("why somebody left is told") {
    const auto room = World::get().new_room();
    Watcher watcher(room, "w");
    Peer polite(room, "polite"), thrown(room, "thrown");
    REQUIRE(watcher.join());
    REQUIRE(polite.join());
    REQUIRE(thrown.join());
    REQUIRE(polite.show_to(watcher));
    REQUIRE(thrown.show_to(watcher));
    polite.leave();
    REQUIRE(watcher.wait([&] { return watcher.left("polite"); }));
    CHECK(watcher.left_because("polite") == "client_initiated");
    REQUIRE(World::get().call("RemoveParticipant", call_body(room, "thrown"), room) == 200);
    REQUIRE(watcher.wait([&] { return watcher.left("thrown"); }));
    CHECK(watcher.left_because("thrown") == "participant_removed");
}

TEST_CASE("keys of a telephone arrive in order, with who pressed them") {
    const auto room = World::get().new_room();
    Peer a(room, "a");
    Watcher watcher(room, "w");
    REQUIRE(a.join());
    REQUIRE(watcher.join());
    REQUIRE(watcher.show_to(a));
    for (const char key : std::string("0159*#AD"))
        REQUIRE(answer_of(a, [&](auto done) { a.room().send_dtmf(key, {}, done); }));
    REQUIRE(watcher.wait([&] { return watcher.keys.size() == 8; }));
    CHECK(watcher.keys == "0159*#AD");
    CHECK(watcher.keys_from == "a");
    CHECK(answer_of(a, [&](auto done) { a.room().send_dtmf('x', {}, done); }).error().code == Errc::Usage);
}

TEST_CASE("text and bytes reach those they are meant for, whole, and nobody else") {
    const auto room = World::get().new_room();
    Peer a(room, "a");
    Watcher b(room, "b"), c(room, "c");
    REQUIRE(a.join());
    REQUIRE(b.join());
    REQUIRE(c.join());
    REQUIRE(b.show_to(a));
    REQUIRE(c.show_to(a));
    std::string payload(70000, '\0');
    for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(i * 7 % 256);
    REQUIRE(answer_of(a, [&](auto done) {
        a.room().send_bytes(payload, {"files", {{"k", "v"}}, {"b"}, "x.bin", "application/x-test"}, done);
    }));
    REQUIRE(answer_of(a, [&](auto done) { a.room().send_text("only c", rtc::StreamOptions{"t", {}, {"c"}}, done); }));
    REQUIRE(answer_of(a, [&](auto done) { a.room().send_text("all", rtc::StreamOptions{"t"}, done); }));
    REQUIRE(b.wait([&] { return b.bytes.size() == 1 && b.texts.size() == 1; }));
    CHECK(b.bytes[0].bytes == payload);
    CHECK(b.bytes[0].topic == "files");
    CHECK(b.bytes[0].name == "x.bin");
    CHECK(b.bytes[0].mime_type == "application/x-test");
    CHECK(b.bytes[0].attributes.at("k") == "v");
    CHECK(b.bytes[0].sender_identity == "a");
    CHECK(b.texts[0].text == "all");
    REQUIRE(c.wait([&] { return c.texts.size() == 2; }));
    std::set<std::string> heard;  // streams of one sender may overtake each other
    for (const auto& one : c.texts) heard.insert(one.text);
    CHECK(heard == std::set<std::string>{"only c", "all"});
    CHECK(c.bytes.empty());
}

}  // namespace voicectl::test
