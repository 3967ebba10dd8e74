"""api on the built binary: any call of a real server, with errors and secrets treated as everywhere."""
import json

import parts


def api(server, *words, **options):
    return parts.voicectl("api", *words, env={**server.environment(), **options.pop("env", {})}, **options)


def test_a_room_is_made_changed_and_deleted_by_raw_calls(server):
    made = api(server, "RoomService/CreateRoom", "--data", '{"name":"raw","emptyTimeout":60}')
    assert made.code == 0 and made.json["name"] == "raw" and made.json["empty_timeout"] == 60, made
    assert made.json["turn_password"] == "***"
    changed = api(server, "livekit.RoomService/UpdateRoomMetadata", "--data", "-", stdin='{"room":"raw","metadata":"m"}')
    assert changed.json["metadata"] == "m", changed
    listed = api(server, "RoomService/ListRooms", "--data", '{"names":["raw"]}', "--get", "/rooms/0/metadata")
    assert listed.out == "m\n", listed
    assert api(server, "RoomService/DeleteRoom", "--data", '{"room":"raw"}').code == 0
    assert api(server, "RoomService/DeleteRoom", "--data", '{"room":"raw"}').code == 5


def test_the_request_may_stand_in_a_file(server, tmp_path):
    request = tmp_path / "request.json"
    request.write_text('{"names":["none"]}')
    assert api(server, "RoomService/ListRooms", "--data", f"@{request}").json == {"rooms": []}
    missing = api(server, "RoomService/ListRooms", "--data", "@/nowhere.json")
    assert missing.code == 2 and missing.out == "" and "nowhere.json" in missing.err, missing


def test_services_without_a_command_of_their_own_are_reached(server):
    for call in ("SIP/ListSIPInboundTrunk", "Ingress/ListIngress"):
        result = api(server, call)
        assert result.code == 7 and "redis required" in result.err and "hint:" in result.err, result


def test_a_grant_that_is_not_enough_is_refused_by_the_server(server):
    result = api(server, "RoomService/ListRooms", "--grant", "create")
    assert result.code == 4 and "grant" in result.err, result
    other = api(server, "RoomService/ListParticipants", "--data", '{"room":"a"}', "--room", "b")
    assert other.code == 4, other


def test_what_the_server_does_not_know_is_told(server):
    method = api(server, "RoomService/Nonsense")
    assert method.code == 1 and "does not know" in method.err, method
    service = api(server, "Nonsense/Nonsense", "--grant", "list")
    assert service.code == 1 and "does not know Nonsense/Nonsense" in service.err, service
    bad = api(server, "RoomService/ListRooms", "--data", '{"names":7}')
    assert bad.code == 2, bad


def test_errors_are_objects_with_the_call_in_them(server):
    result = api(server, "RoomService/DeleteRoom", "--data", '{"room":"absent"}', "--json")
    error = json.loads(result.err)["error"]
    assert result.code == 5 and result.out == "" and error["code"] == "not_found"


def test_a_wrong_secret_is_exit_4_and_not_shown(server):
    secret = "not-the-secret-not-the-secret-not-the"
    result = api(server, "RoomService/ListRooms", env={"LIVEKIT_API_SECRET": secret})
    assert result.code == 4 and secret not in result.err and "eyJ" not in result.err, result
