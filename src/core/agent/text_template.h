// Text with variables: {{name}}, and {{name|what to say without one}}. One pass: what a value holds is never read as a
// template again. Values, any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace voicectl::agent {

/// The value of a variable; nothing: it has none.
using Variables = std::function<std::optional<std::string>(std::string_view name)>;

/// What has neither a value nor a default becomes nothing; `missing` gets its name. Braces that hold no name stay as
/// they are.
std::string expand(std::string_view text, const Variables& variables, std::vector<std::string>* missing = nullptr);

/// One {{…}} of a text.
struct TemplateSlot {
    std::string name;  // empty: what stands there can be no variable
    std::string written;
    bool has_default = false;
    int line = 1;
};
std::vector<TemplateSlot> slots_of(std::string_view text);

/// Names that mean something by themselves: "agent", "caller.name", "caller.attributes.sip.phoneNumber", …
bool is_built_in(std::string_view name);
/// For hints: all of them.
const std::vector<std::string>& built_in_names();

}  // namespace voicectl::agent
