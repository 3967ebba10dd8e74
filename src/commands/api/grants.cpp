#include "commands/api/grants.h"

#include <algorithm>
#include <array>

#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

using livekit::Claims;

struct Grant {
    const char* name;
    void (*give)(Claims& claims);
};
constexpr std::array kGrants{
    Grant{"create", [](Claims& c) { c.video.room_create = true; }},
    Grant{"list", [](Claims& c) { c.video.room_list = true; }},
    Grant{"record", [](Claims& c) { c.video.room_record = true; }},
    Grant{"admin", [](Claims& c) { c.video.room_admin = true; }},
    Grant{"ingress", [](Claims& c) { c.video.ingress_admin = true; }},
    Grant{"worker", [](Claims& c) { c.video.agent = true; }},
    Grant{"sip-admin", [](Claims& c) { c.sip_admin = true; }},
    Grant{"sip-call", [](Claims& c) { c.sip_call = true; }},
};

/// The first row that fits counts; an empty method fits all.
struct Need {
    std::string_view service, method, grant, second;
};
constexpr std::array kNeeds{
    Need{"RoomService", "CreateRoom", "create", ""},
    Need{"RoomService", "DeleteRoom", "create", ""},
    Need{"RoomService", "ListRooms", "list", ""},
    Need{"RoomService", "", "admin", ""},
    Need{"AgentDispatchService", "", "admin", ""},
    Need{"Egress", "", "record", ""},
    Need{"Ingress", "", "ingress", ""},
    Need{"SIP", "CreateSIPParticipant", "sip-call", ""},
    Need{"SIP", "TransferSIPParticipant", "sip-call", "admin"},
    Need{"SIP", "", "sip-admin", ""},
};

void give(Claims& claims, std::string_view name) {
    for (const auto& one : kGrants)
        if (name == one.name) one.give(claims);
}

std::string text_of(const Json& request, std::initializer_list<const char*> names) {
    for (const char* name : names)
        if (const auto found = request.find(name); found != request.end() && found->is_string()) return found->get<std::string>();
    return {};
}

// A part of the other, or the same for half of its length.
bool is_like(const std::string& known, const std::string& given) {
    if (given.empty()) return false;
    if (known.find(given) != std::string::npos || given.find(known) != std::string::npos) return true;
    const auto same = std::mismatch(known.begin(), known.end(), given.begin(), given.end()).first - known.begin();
    return static_cast<std::size_t>(same) * 2 >= std::max(known.size(), given.size());
}

}  // namespace

const std::vector<std::string>& grant_names() {
    static const auto names = [] {
        std::vector<std::string> out;
        for (const auto& one : kGrants) out.emplace_back(one.name);
        return out;
    }();
    return names;
}

Result<Claims> api_claims(std::string_view service, std::string_view method, const std::vector<std::string>& given) {
    Claims claims;
    for (const auto& name : given) give(claims, name);
    if (!given.empty()) return claims;
    for (const auto& need : kNeeds) {
        if (need.service != service || (!need.method.empty() && to_lower_ascii(need.method) != to_lower_ascii(method))) continue;
        give(claims, need.grant);
        give(claims, need.second);
        return claims;
    }
    return fail_with_hint(Errc::Usage, fmt::format("which grants does {} need?", service), service_hint(service));
}

std::string service_name(const std::string& given) {
    for (const auto& need : kNeeds)
        if (to_lower_ascii(need.service) == to_lower_ascii(given)) return std::string(need.service);
    return given;
}

std::string service_hint(std::string_view service) {
    std::vector<std::string_view> all, near;
    for (const auto& need : kNeeds)
        if (all.empty() || all.back() != need.service) all.push_back(need.service);
    for (const auto one : all)
        if (is_like(to_lower_ascii(one), to_lower_ascii(service))) near.push_back(one);
    const auto meant = near.empty() ? std::string() : fmt::format("did you mean {}? ", fmt::join(near, " or "));
    return fmt::format("{}Known without --grant: {}; others need it", meant, fmt::join(all, ", "));
}

std::string named_room(const Json& request) { return text_of(request, {"room", "room_name", "roomName"}); }

std::string named_destination(const Json& request) { return text_of(request, {"destination_room", "destinationRoom"}); }

}  // namespace voicectl::commands
