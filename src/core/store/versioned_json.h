// A JSON value built of patches (RFC 7396) that may come in any order, any number of times: each part remembers the
// version that set it, and the highest version wins. The value is what merging all patches in the order of their
// versions gives. Pure values; any thread.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace voicectl::store {

class VersionedJson {
 public:
    /// Versions compare as texts, are not empty, and belong to one patch each.
    void merge(const nlohmann::json& patch, const std::string& version);
    /// Null when nothing is there.
    nlohmann::json value() const;

    /// As the store keeps it.
    nlohmann::json to_json() const;
    static VersionedJson from_json(const nlohmann::json& stored);

 private:
    nlohmann::json above(const std::string& floor) const;
    std::string plain_version_;         // of a value that is no object; it ends all parts that are older
    nlohmann::json plain_;              // null: removed
    std::string object_version_;        // the latest that knew an object here
    std::map<std::string, VersionedJson> parts_;
};

}  // namespace voicectl::store
