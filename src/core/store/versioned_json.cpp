#include "core/store/versioned_json.h"

#include "voicectl/base/json.h"

namespace voicectl::store {

void VersionedJson::merge(const nlohmann::json& patch, const std::string& version) {
    if (!patch.is_object()) {
        if (version <= plain_version_) return;
        plain_version_ = version;
        plain_ = patch;
        return;
    }
    object_version_ = std::max(object_version_, version);
    for (const auto& [key, part] : patch.items()) parts_[key].merge(part, version);
}

nlohmann::json VersionedJson::value() const { return above(""); }

nlohmann::json VersionedJson::above(const std::string& floor) const {
    const bool plain = plain_version_ > floor;
    const bool object = object_version_ > floor;
    if (!plain && !object) return nullptr;
    if (plain && plain_version_ > object_version_) return plain_;
    auto out = nlohmann::json::object();
    for (const auto& [key, part] : parts_)
        if (auto value = part.above(plain ? plain_version_ : floor); !value.is_null()) out[key] = std::move(value);
    return out;
}

nlohmann::json VersionedJson::to_json() const {
    auto out = nlohmann::json::object();
    if (!plain_version_.empty()) {
        out["v"] = plain_version_;
        out["p"] = plain_;
    }
    if (object_version_.empty()) return out;
    out["o"] = object_version_;
    auto& parts = out["c"] = nlohmann::json::object();
    for (const auto& [key, part] : parts_) parts[key] = part.to_json();
    return out;
}

VersionedJson VersionedJson::from_json(const nlohmann::json& stored) {
    VersionedJson out;
    out.plain_version_ = text_at(stored, "v");
    if (const auto plain = stored.find("p"); plain != stored.end()) out.plain_ = *plain;
    out.object_version_ = text_at(stored, "o");
    if (const auto parts = stored.find("c"); parts != stored.end())
        for (const auto& [key, part] : parts->items()) out.parts_[key] = from_json(part);
    return out;
}

}  // namespace voicectl::store
