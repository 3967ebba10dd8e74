// examples/grafana-agent.json and docs/agent-metrics.md against the metrics that there are.
#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "voicectl/agent/metrics.h"
#include "voicectl/base/text.h"

using namespace voicectl;
using namespace voicectl::agent;

namespace {

std::string text_of(const std::string& path) {
    const auto text = read_file(std::string(VC_SOURCE_DIR) + "/" + path);
    REQUIRE(text);
    return *text;
}

/// The metric as it is defined; of a histogram without the ending that its series have.
std::string defined_name(std::string name) {
    for (const auto& definition : AgentMetrics::definitions()) {
        if (name == definition.name) return name;
        for (const std::string ending : {"_bucket", "_sum", "_count"})
            if (definition.kind == Metrics::Kind::Histogram && name == definition.name + ending) return definition.name;
    }
    return {};
}

std::set<std::string> metrics_in(const std::string& text) {
    static const std::regex name("voicectl_[a-z_]+");
    return {std::sregex_token_iterator(text.begin(), text.end(), name), std::sregex_token_iterator()};
}

}  // namespace

TEST_CASE("every metric of the dashboard exists, and every metric is on it") {
    const auto dashboard = nlohmann::json::parse(text_of("examples/grafana-agent.json"));
    std::set<std::string> shown;
    for (const auto& panel : dashboard["panels"]) {
        CAPTURE(panel["title"].get<std::string>());
        CHECK_FALSE(panel["targets"].empty());
        for (const auto& target : panel["targets"])
            for (const auto& metric : metrics_in(target["expr"])) {
                const auto defined = defined_name(metric);
                CHECK_MESSAGE(!defined.empty(), metric);
                shown.insert(defined);
            }
    }
    for (const auto& variable : dashboard["templating"]["list"])
        if (variable["type"] == "query")
            for (const auto& metric : metrics_in(variable["query"]["query"])) CHECK_MESSAGE(!defined_name(metric).empty(), metric);
    for (const auto& definition : AgentMetrics::definitions()) CHECK_MESSAGE(shown.contains(definition.name), definition.name);
}

TEST_CASE("panels of the dashboard do not lie over each other, and have ids of their own") {
    const auto dashboard = nlohmann::json::parse(text_of("examples/grafana-agent.json"));
    std::set<int> ids;
    std::set<std::pair<int, int>> taken;
    for (const auto& panel : dashboard["panels"]) {
        CHECK(ids.insert(panel["id"].get<int>()).second);
        const auto& at = panel["gridPos"];
        for (int x = at["x"]; x < at["x"].get<int>() + at["w"].get<int>(); ++x)
            for (int y = at["y"]; y < at["y"].get<int>() + at["h"].get<int>(); ++y) {
                CHECK(x < 24);
                CHECK(taken.insert({x, y}).second);
            }
    }
}

TEST_CASE("every metric is described, and nothing is described that is none") {
    const auto described = metrics_in(text_of("docs/agent-metrics.md"));
    for (const auto& definition : AgentMetrics::definitions()) CHECK_MESSAGE(described.contains(definition.name), definition.name);
    for (const auto& name : described) CHECK_MESSAGE(!defined_name(name).empty(), name);
}
