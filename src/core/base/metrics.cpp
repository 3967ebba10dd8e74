#include "voicectl/base/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace voicectl {
namespace {

constexpr std::array kBounds{0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0};

std::string escaped(std::string_view value) {
    std::string out;
    for (const char c : value) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n') out += "\\n";
        else out += c;
    }
    return out;
}

std::string written(const Metrics::Labels& labels) {
    std::string out;
    for (const auto& [name, value] : labels) out += fmt::format("{}{}=\"{}\"", out.empty() ? "" : ",", name, escaped(value));
    return out;
}

std::string braced(const std::string& labels) { return labels.empty() ? "" : "{" + labels + "}"; }

const char* type_of(Metrics::Kind kind) {
    switch (kind) {
        case Metrics::Kind::Counter: return "counter";
        case Metrics::Kind::Gauge: return "gauge";
        case Metrics::Kind::Histogram: return "histogram";
    }
    return "untyped";
}

}  // namespace

void Metrics::add(std::string_view name, const Labels& labels, double by) { series_[std::string(name)][written(labels)].value += by; }

void Metrics::set(std::string_view name, double value, const Labels& labels) { series_[std::string(name)][written(labels)].value = value; }

void Metrics::observe(std::string_view name, double seconds, const Labels& labels) {
    auto& series = series_[std::string(name)][written(labels)];
    series.buckets.resize(kBounds.size() + 1);
    ++series.buckets[static_cast<std::size_t>(std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin())];
    series.value += seconds;
}

std::string Metrics::text() const {
    std::string out;
    for (const auto& definition : definitions_) {
        const auto found = series_.find(definition.name);
        if (found == series_.end()) continue;
        out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", definition.name, definition.help, definition.name, type_of(definition.kind));
        for (const auto& [labels, series] : found->second) {
            if (definition.kind != Kind::Histogram) {
                out += fmt::format("{}{} {}\n", definition.name, braced(labels), series.value);
                continue;
            }
            std::uint64_t count = 0;
            for (std::size_t i = 0; i < series.buckets.size(); ++i) {
                count += series.buckets[i];
                const auto bound = i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf";
                out += fmt::format("{}_bucket{{{}{}le=\"{}\"}} {}\n", definition.name, labels, labels.empty() ? "" : ",", bound, count);
            }
            out += fmt::format("{0}_sum{1} {2}\n{0}_count{1} {3}\n", definition.name, braced(labels), series.value, count);
        }
    }
    return out;
}

}  // namespace voicectl
