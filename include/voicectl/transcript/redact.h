// Takes out of a transcript what must not leave the house. RE2, so that neither a long text nor a cunning expression
// costs more than time in proportion. Value, any thread.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "voicectl/store/store.h"

namespace re2 {
class RE2;
}

namespace voicectl::transcript {

class Redactor {
 public:
    /// Usage, naming what is wrong, for what is no regular expression.
    static Result<Redactor> create(const std::vector<std::string>& expressions);

    bool empty() const { return expressions_.empty(); }
    /// Each stretch that one of them matches becomes "[redacted]", several that touch or overlap become one.
    std::string apply(const std::string& text) const;
    /// Whatever people may have put there: text, identity, and all that the details say, but for times in ms.
    void apply(store::Turn& turn) const;
    /// Room, caller, metadata of the dispatch, and why it ended.
    void apply(store::Call& call) const;

 private:
    std::string apply_to_json(const std::string& text) const;
    nlohmann::ordered_json number(const nlohmann::ordered_json& value) const;
    nlohmann::ordered_json with_keys(nlohmann::ordered_json& object) const;
    std::vector<std::shared_ptr<const re2::RE2>> expressions_;
};

}  // namespace voicectl::transcript
