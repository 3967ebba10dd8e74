// One row for each thing that the API does: the server, its checks and the OpenAPI document are made of this table, so that
// they cannot differ. Values.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "voicectl/net/http_server.h"
#include "voicectl/serve/gate.h"
#include "voicectl/store/store.h"

namespace voicectl::serve {

/// A request that was let in: its path matched, its body is what the schema says.
struct Question {
    Caller caller;
    std::map<std::string, std::string, std::less<>> path, query;  // decoded; only those that the route names
    nlohmann::json body = nlohmann::json::object();
    std::string range;  // the header
};

struct Answer {
    int status = 200;
    nlohmann::ordered_json data;  // {"ok": true, "data": …}
    std::string text, type;       // instead of data, when there is a type
    net::Headers headers = {};
};
using Done = std::function<void(Result<Answer>)>;

enum class ValueKind { Integer, Text, Time, Word };
struct QueryRule {
    const char* name;
    ValueKind kind;
    const char* about;
    std::vector<std::string> words = {};  // of ValueKind::Word
    int most = 0;                         // of ValueKind::Integer, from 1
};

struct Route {
    const char *method, *path;  // "/v1/calls/{id}"
    const char* id;             // operationId, and the name of its handler
    const char* about;
    std::vector<Who> who;       // empty: everybody
    std::vector<QueryRule> query = {};
    const char* request = "";   // schemas (schemas.h)
    const char* answer = "";    // of data; "": no JSON of ours
    int status = 200;
    std::vector<int> faults = {};  // statuses beside those that every route has
    std::size_t most = 64 * 1024;  // bytes of the body
};

const std::vector<Route>& routes();

struct Match {
    const Route* route = nullptr;
    std::map<std::string, std::string, std::less<>> path;
    std::vector<std::string> methods;  // that this path has; empty: there is no such path
};
/// Malformed escapes match nothing.
Match match(const std::string& method, const std::string& path);
/// Usage: a value that is not what the rule says, an unknown name, a name twice.
Result<std::map<std::string, std::string, std::less<>>> read_query(const Route& route, const std::string& query);

/// The JSON schema of that name; an empty object for "".
const nlohmann::json& schema(std::string_view name);
const nlohmann::json& all_schemas();

}  // namespace voicectl::serve
