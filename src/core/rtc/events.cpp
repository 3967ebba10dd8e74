#include "core/rtc/errors.h"
#include "core/rtc/room_impl.h"
#include "core/rtc/values.h"
#include "voicectl/base/log.h"

namespace voicectl::rtc {

void RoomImpl::tell(const std::optional<RosterChange>& change) {
    if (!change) return;
    switch (change->what) {
        case RosterChange::What::Joined:
            observer_.on_joined(change->participant);
            break;
        case RosterChange::What::Updated:
            observer_.on_updated(change->participant);
            break;
        case RosterChange::What::Left:
            observer_.on_left(change->participant);
            break;
    }
}

void RoomImpl::tell(const std::vector<RosterChange>& changes) {
    const auto mailbox = mailbox_;
    for (const auto& change : changes) {
        if (mailbox->open()) tell(std::optional(change));
    }
}

void RoomImpl::handle_event(const EventPtr& event) {
    using Kind = proto::RoomEvent;
    if (event->message().has_rpc_method_invocation()) return handle_invocation(event);
    const auto& room = event->message().room_event();
    switch (room.message_case()) {
        case Kind::kParticipantConnected:
        case Kind::kParticipantDisconnected:
        case Kind::kParticipantMetadataChanged:
        case Kind::kParticipantNameChanged:
        case Kind::kParticipantAttributesChanged:
        case Kind::kParticipantPermissionChanged:
        case Kind::kConnectionQualityChanged:
            return handle_participant_event(room);
        case Kind::kTrackPublished:
        case Kind::kTrackUnpublished:
        case Kind::kTrackMuted:
        case Kind::kTrackUnmuted:
        case Kind::kTrackSubscribed:
        case Kind::kTrackUnsubscribed:
        case Kind::kLocalTrackSubscribed:
        case Kind::kLocalTrackRepublished:
            return handle_track_event(event);
        case Kind::kDataPacketReceived:
        case Kind::kTextStreamOpened:
        case Kind::kByteStreamOpened:
        case Kind::kTranscriptionReceived:
            return handle_message_event(event);
        case Kind::kActiveSpeakersChanged:
        case Kind::kRoomMetadataChanged:
        case Kind::kRoomSidChanged:
            return handle_room_event(room);
        case Kind::kTokenRefreshed:
            token_ = room.token_refreshed().token();
            return;
        case Kind::kReconnecting:
            return handle_reconnecting();
        case Kind::kReconnected:
            return handle_reconnected();
        case Kind::kDisconnected:
            return handle_disconnected(room.disconnected().reason());
        case Kind::kEos:
            // The core always says Disconnected first. Should it not, the room is over all the same.
            if (session_) lose("end of events");
            return;
        default:
            return;
    }
}

void RoomImpl::handle_participant_event(const proto::RoomEvent& room) {
    using Kind = proto::RoomEvent;
    switch (room.message_case()) {
        case Kind::kParticipantConnected:
            return tell(roster_.present(to_participant(room.participant_connected().info().info())));
        case Kind::kParticipantDisconnected: {
            const auto& identity = room.participant_disconnected().participant_identity();
            if (reconnecting_) return roster_.missing(identity);
            auto gone = roster_.left(identity);
            if (gone)
                gone->participant.left_because =
                    to_string(room.participant_disconnected().disconnect_reason());
            return tell(gone);
        }
        case Kind::kParticipantMetadataChanged: {
            const auto& change = room.participant_metadata_changed();
            return tell(roster_.edit(change.participant_identity(),
                                     [&](Participant& who) { who.metadata = change.metadata(); }));
        }
        case Kind::kParticipantNameChanged: {
            const auto& change = room.participant_name_changed();
            return tell(roster_.edit(change.participant_identity(),
                                     [&](Participant& who) { who.name = change.name(); }));
        }
        case Kind::kParticipantAttributesChanged: {
            const auto& change = room.participant_attributes_changed();
            return tell(roster_.edit(change.participant_identity(), [&](Participant& who) {
                who.attributes.clear();
                for (const auto& entry : change.attributes()) who.attributes[entry.key()] = entry.value();
            }));
        }
        case Kind::kParticipantPermissionChanged: {
            const auto& change = room.participant_permission_changed();
            return observer_.on_permissions(change.participant_identity(),
                                            to_permissions(change.permission()));
        }
        case Kind::kConnectionQualityChanged: {
            const auto& change = room.connection_quality_changed();
            return observer_.on_quality(change.participant_identity(), to_quality(change.quality()));
        }
        default:
            return;
    }
}

void RoomImpl::handle_room_event(const proto::RoomEvent& room) {
    if (room.has_room_sid_changed()) sid_ = room.room_sid_changed().sid();
    if (room.has_active_speakers_changed()) {
        const auto& speaking = room.active_speakers_changed().participant_identities();
        return observer_.on_speakers({speaking.begin(), speaking.end()});
    }
    if (!room.has_room_metadata_changed()) return;
    metadata_ = room.room_metadata_changed().metadata();
    observer_.on_room_metadata(std::string(metadata_));
}

void RoomImpl::handle_track_event(const EventPtr& event) {
    using Kind = proto::RoomEvent;
    const auto& room = event->message().room_event();
    switch (room.message_case()) {
        case Kind::kTrackPublished:
            return handle_track_published(room.track_published().participant_identity(),
                                          room.track_published().publication(), event);
        case Kind::kTrackUnpublished:
            return handle_track_unpublished(room.track_unpublished().publication_sid());
        case Kind::kTrackMuted:
            return handle_muted(room.track_muted().track_sid(), true);
        case Kind::kTrackUnmuted:
            return handle_muted(room.track_unmuted().track_sid(), false);
        case Kind::kTrackSubscribed:
            return handle_subscribed(event);
        case Kind::kTrackUnsubscribed:
            return handle_unsubscribed(room.track_unsubscribed().track_sid());
        case Kind::kLocalTrackSubscribed:
            return handle_heard(room.local_track_subscribed().track_sid());
        case Kind::kLocalTrackRepublished:
            return handle_republished(room.local_track_republished());
        default:
            return;
    }
}

void RoomImpl::handle_message_event(const EventPtr& event) {
    const auto& room = event->message().room_event();
    if (room.has_data_packet_received()) return handle_data(room.data_packet_received());
    if (room.has_transcription_received())
        return observer_.on_transcription(to_transcription(room.transcription_received()));
    if (room.has_byte_stream_opened()) return handle_bytes_opened(event);
    handle_text_opened(event);
}

void RoomImpl::handle_reconnecting() {
    reconnecting_ = true;
    settle_timer_.cancel();
    watchdog_.lost();
    log::info("rtc", "connection interrupted", {{"room", name_}});
    set_state(ConnectionState::Reconnecting);
}

void RoomImpl::handle_reconnected() {
    reconnecting_ = false;
    watchdog_.succeeded();
    start_settling();
    restore_attributes();  // a new server has only what the token says
    log::info("rtc", "connection is back", {{"room", name_}});
    set_state(ConnectionState::Connected);
}

void RoomImpl::handle_disconnected(proto::DisconnectReason reason) {
    if (auto error = final_error(reason)) return close(std::move(*error), to_string(reason));
    lose(to_string(reason));
}

}  // namespace voicectl::rtc
