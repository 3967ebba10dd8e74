// Numbers for Prometheus: values by name and labels, written out in the text format 0.0.4. One owner, one thread. No library: the
// usual one brings an HTTP server and thirty libraries into a binary whose start-up counts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace voicectl {

class Metrics {
 public:
    enum class Kind { Counter, Gauge, Histogram };
    struct Definition {
        Kind kind;
        const char* name;
        const char* help;
    };
    using Labels = std::map<std::string, std::string>;

    /// `definitions` in the order in which they are written; they outlive it.
    explicit Metrics(const std::vector<Definition>& definitions) : definitions_(definitions) {}

    void add(std::string_view name, const Labels& labels = {}, double by = 1);
    void set(std::string_view name, double value, const Labels& labels = {});
    /// `seconds` into the histogram's buckets, 10 ms to 10 s.
    void observe(std::string_view name, double seconds, const Labels& labels = {});

    std::string text() const;

 private:
    const std::vector<Definition>& definitions_;
    struct Series {
        double value = 0;                   // counter, gauge; of a histogram its sum
        std::vector<std::uint64_t> buckets; // not cumulative; the last is +Inf
    };
    std::map<std::string, std::map<std::string, Series>, std::less<>> series_;  // by name, then by labels as written
};

}  // namespace voicectl
