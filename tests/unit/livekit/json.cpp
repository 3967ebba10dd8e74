#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "voicectl/livekit/api.h"

using namespace voicectl::livekit;
using Json = nlohmann::ordered_json;

TEST_CASE("an empty message shows every field, lists as lists, with camelCase names") {
    const auto json = to_json(proto::Room{});
    CHECK(json["name"] == "");
    CHECK(json["numParticipants"] == 0);
    CHECK(json["activeRecording"] == false);
    CHECK(json["enabledCodecs"] == Json::array());
    CHECK(json["creationTimeMs"] == 0);
    CHECK(json["version"].is_null());
    CHECK_FALSE(json.contains("num_participants"));
}

TEST_CASE("64-bit integers are numbers, enums names, maps sorted, nested messages whole") {
    proto::ParticipantInfo person;
    person.set_identity("ann");
    person.set_joined_at_ms(1'795'243'093'606);
    person.set_kind(proto::ParticipantInfo::AGENT);
    person.set_state(proto::ParticipantInfo::ACTIVE);
    (*person.mutable_attributes())["b"] = "2";
    (*person.mutable_attributes())["a"] = "1";
    person.add_tracks()->set_sid("TR_1");
    person.mutable_permission()->set_can_publish(true);
    const auto json = to_json(person);
    CHECK(json["joinedAtMs"] == 1'795'243'093'606);
    CHECK(json["kind"] == "AGENT");
    CHECK(json["state"] == "ACTIVE");
    CHECK(json["attributes"].dump() == R"({"a":"1","b":"2"})");
    CHECK(json["tracks"][0]["sid"] == "TR_1");
    CHECK(json["tracks"][0]["muted"] == false);
    CHECK(json["permission"]["canPublish"] == true);
}

TEST_CASE("a value of an enum that the schema does not know stays a number") {
    proto::ParticipantInfo person;
    person.set_kind(static_cast<proto::ParticipantInfo::Kind>(99));
    CHECK(to_json(person)["kind"] == 99);
}

TEST_CASE("secrets are masked wherever they stand, and empty ones stay empty") {
    proto::Room room;
    CHECK(to_json(room)["turnPassword"] == "");
    room.set_turn_password("geheim");
    CHECK(to_json(room)["turnPassword"] == "***");

    proto::RoomCompositeEgressRequest request;
    auto& output = *request.add_file_outputs();
    output.mutable_s3()->set_secret("geheim");
    output.mutable_s3()->set_session_token("geheim");
    output.mutable_s3()->set_bucket("recordings");
    output.mutable_s3()->mutable_proxy()->set_password("geheim");
    request.add_file_outputs()->mutable_gcp()->set_credentials("geheim");
    request.add_file_outputs()->mutable_azure()->set_account_key("geheim");
    auto& stream = *request.add_stream_outputs();
    stream.add_urls("rtmp://live.example.com/app/geheim");
    stream.add_urls("srt://live.example.com:9000?streamid=geheim");
    stream.add_urls("rtmp://live.example.com/app/{abc...xyz}");
    const auto json = to_json(request);
    CHECK(json.dump().find("geheim") == std::string::npos);
    CHECK(json["fileOutputs"][0]["s3"]["bucket"] == "recordings");
    CHECK(json["streamOutputs"][0]["urls"][0] == "rtmp://live.example.com/app/***");
    CHECK(json["streamOutputs"][0]["urls"][1] == "srt://live.example.com:9000");
    CHECK(json["streamOutputs"][0]["urls"][2] == "rtmp://live.example.com/app/{abc...xyz}");
}

TEST_CASE("placeholders of the egress service are shown, and nothing that only looks a little like one") {
    proto::S3Upload s3;
    s3.set_access_key("{access_key}");
    s3.set_secret("{secret}x");
    s3.mutable_proxy()->set_url("http://user:geheim@proxy:3128");
    CHECK(to_json(s3)["accessKey"] == "{access_key}");
    CHECK(to_json(s3)["secret"] == "***");
    CHECK(to_json(s3)["proxy"]["url"] == "http://***@proxy:3128");
    s3.set_access_key("AKIAGEHEIM");
    CHECK(to_json(s3)["accessKey"] == "***");
    proto::GCPUpload gcp;
    gcp.set_credentials(R"({"private_key":"geheim"})");
    CHECK(to_json(gcp)["credentials"] == "***");
    proto::UpdateStreamRequest update;
    update.add_add_output_urls("rtmp://live.example.com/app/geheim");
    CHECK(to_json(update)["addOutputUrls"][0] == "rtmp://live.example.com/app/***");
}

TEST_CASE("of fields that exclude each other only the one that is set is shown") {
    proto::EgressInfo info;
    info.mutable_room_composite()->set_room_name("demo");
    const auto json = to_json(info);
    CHECK(json["roomComposite"]["roomName"] == "demo");
    CHECK_FALSE(json.contains("web"));
    CHECK(json["fileResults"] == Json::array());
    CHECK(json["status"] == "EGRESS_STARTING");
}

TEST_CASE("bytes are base64 and broken UTF-8 cannot break the JSON") {
    proto::SendDataRequest data;
    data.set_data(std::string("\x00\xFF", 2));
    CHECK(to_json(data)["data"] == "AP8=");
    proto::Room room;
    room.set_name("a\xFF");
    CHECK(to_json(room).dump() == to_json(room).dump());
    CHECK(to_json(room)["name"] == "a\xEF\xBF\xBD");
}

TEST_CASE("an agent is known by its kind, never by its name") {
    proto::ParticipantInfo person;
    person.set_identity("agent-AJ_x");
    CHECK_FALSE(is_agent(person));
    person.set_kind(proto::ParticipantInfo::AGENT);
    CHECK(is_agent(person));
    CHECK(agent_name(person).empty());
    (*person.mutable_attributes())["lk.agent.name"] = "claimed";
    CHECK(agent_name(person) == "claimed");
    (*person.mutable_attributes())["lk.agent_name"] = "registered";
    CHECK(agent_name(person) == "registered");
}

TEST_CASE("addresses are shown without their login and their query") {
    proto::TrackEgressRequest track;
    track.set_websocket_url("wss://u:geheim@h/x?token=geheim");
    CHECK(to_json(track)["websocketUrl"] == "wss://***@h/x?***");
    proto::WebEgressRequest page;
    page.set_url("https://u:ge@heim@h:8080/x?token=geheim");
    page.add_webhooks()->set_url("https://u:geheim@h");
    page.add_stream_outputs()->add_urls("rtmp://u:geheim@h/app/k?a=/geheim");
    CHECK(to_json(page)["url"] == "https://***@h:8080/x?***");
    CHECK(to_json(page)["webhooks"][0]["url"] == "https://***@h");
    CHECK(to_json(page)["streamOutputs"][0]["urls"][0] == "rtmp://***@h/app/***");
    proto::RoomCompositeEgressRequest room;
    room.set_custom_base_url("https://u:geheim@h");
    room.add_file_outputs()->mutable_s3()->set_endpoint("https://u:geheim@h");
    CHECK(to_json(room)["customBaseUrl"] == "https://***@h");
    CHECK(to_json(room)["fileOutputs"][0]["s3"]["endpoint"] == "https://***@h");
    room.set_custom_base_url("https://h/@someone");
    CHECK(to_json(room)["customBaseUrl"] == "https://h/@someone");
    Json foreign{{"websocket_url", "wss://u:geheim@h/x?token=geheim"}, {"webhooks", {{{"url", "https://u:geheim@h/a"}}}}};
    mask_secrets(foreign);
    CHECK(foreign.dump().find("geheim") == std::string::npos);
}
