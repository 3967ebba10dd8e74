// Makes turns of what agents publish about a conversation: text streams on `lk.transcription`, older transcription
// packets, and data packets on `transcript` (voicectl's own agents). The same words come by several of these ways; here
// they become one turn. Knows nothing of rooms. One owner, any one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "voicectl/store/store.h"

namespace voicectl::transcript {

/// Some of what one speaker says. A later text of the same segment stands for the earlier.
struct Segment {
    std::string identity;  // who says it
    std::string id;        // empty: a segment of its own
    std::string text;
    bool final = false;    // nothing more comes of it
    bool old_form = false; // by a transcription packet: left out where streams tell the same
};

class Gatherer {
 public:
    using Time = store::SystemTime;

    /// A turn to show to whoever watches: it is final, and was not shown before.
    using News = std::optional<store::Turn>;

    /// Whoever is not named so is a user. Also after its words: servers tell late of who publishes no track.
    void add_agent(const std::string& identity);
    News add(const Segment& segment, Time at);
    /// Some more of a stream that has not ended; what came of it counts when it never does.
    void add_piece(const Segment& segment, std::uint64_t stream, Time at);
    /// A packet of an agent on topic `transcript`. Protocol when it is none.
    Result<News> add_packet(std::string_view json);

    /// All that was said by now, in order, numbered from 0. What has not come to its end has "final": false in its detail.
    std::vector<store::Turn> turns() const;
    /// Goes up with whatever changes turns().
    std::uint64_t version() const { return version_; }

 private:
    struct Said {
        Segment segment;
        std::string open;  // of the stream under way
        std::uint64_t stream = 0;
        Time first_at, last_at;
        bool claimed = false;  // a packet tells the same
        bool shown = false;
        const std::string& text() const { return open.size() > segment.text.size() ? open : segment.text; }
    };
    struct Packet {
        store::Turn turn;
        std::string plain;
        bool claims = false;
    };
    Said& place_of(const Segment& segment, Time at);
    bool claim(Packet& packet);
    bool told_by_packet(Said& said);
    bool is_doubled(const Said& said) const;
    store::Turn to_turn(const Said& said) const;

    std::set<std::string> agents_;
    std::vector<Said> said_;
    std::map<std::string, std::size_t> places_;  // in said_, by speaker and segment
    std::vector<Packet> packets_;
    std::map<std::string, std::size_t> packet_places_;  // by who sent it and its sequence
    std::set<std::string> streams_;                     // speakers of whom streams have told
    std::uint64_t version_ = 0;
};

}  // namespace voicectl::transcript
