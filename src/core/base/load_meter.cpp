#include "voicectl/base/load_meter.h"

#include <algorithm>
#include <charconv>

#include "voicectl/base/text.h"

namespace voicectl {
namespace {

std::string content(const std::string& path) {
    auto text = read_file(path, 64 * 1024);
    return text ? std::move(*text) : std::string();
}

std::optional<std::uint64_t> number(std::string_view text) {
    text = trim(text);
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

/// The number behind `name` at the start of a line of "name number …" lines.
std::optional<std::uint64_t> entry(const std::string& text, std::string_view name) {
    for (const auto& line : split(text, '\n')) {
        if (!line.starts_with(name)) continue;
        const auto rest = trim(std::string_view(line).substr(name.size()));
        return number(rest.substr(0, rest.find(' ')));
    }
    return std::nullopt;
}

}  // namespace

LoadMeter::LoadMeter(std::string proc, std::string cgroups) : proc_(std::move(proc)) {
    // Version 2 alone: "0::/system.slice/voicectl-agent.service".
    for (const auto& line : split(content(proc_ + "/self/cgroup"), '\n'))
        if (line.starts_with("0::")) cgroup_ = cgroups + std::string(trim(std::string_view(line).substr(3)));
}

std::optional<LoadMeter::Ticks> LoadMeter::machine() const {
    // "cpu user nice system idle iowait irq softirq steal guest guest_nice"; guest is within user. What is niced gives
    // way to calls, and is no load.
    const auto text = content(proc_ + "/stat");
    const auto words = split(text.substr(0, text.find('\n')), ' ');
    Ticks out;
    int field = 0;
    for (const auto& word : words) {
        const auto value = number(word);
        if (!value) continue;
        if (field < 8) out.all += *value;
        if (field == 1 || field == 3 || field == 4) out.idle += *value;
        ++field;
    }
    return field >= 8 ? std::optional(out) : std::nullopt;
}

std::optional<double> LoadMeter::quota_cores() const {
    if (cgroup_.empty()) return std::nullopt;
    const auto words = split(std::string(trim(content(cgroup_ + "/cpu.max"))), ' ');
    if (words.size() != 2) return std::nullopt;
    const auto quota = number(words[0]), period = number(words[1]);
    if (!quota || !period || *period == 0) return std::nullopt;
    return static_cast<double>(*quota) / static_cast<double>(*period);
}

float LoadMeter::cpu_since_last(TimePoint now) {
    float busiest = 0;
    if (const auto ticks = machine()) {
        if (last_ && ticks->all > last_->all)
            busiest = 1 - static_cast<float>(ticks->idle - last_->idle) / static_cast<float>(ticks->all - last_->all);
        last_ = ticks;
    }
    const auto cores = quota_cores();
    const auto used = cores ? entry(content(cgroup_ + "/cpu.stat"), "usage_usec") : std::nullopt;
    if (used && last_used_) {
        const auto seconds = std::chrono::duration<double>(now - last_at_).count();
        if (seconds > 0) busiest = std::max(busiest, static_cast<float>(static_cast<double>(*used - *last_used_) / 1e6 / seconds / *cores));
    }
    last_used_ = used;
    last_at_ = now;
    return std::clamp(busiest, 0.0F, 1.0F);
}

void LoadMeter::sample(TimePoint now) {
    const bool first = !last_;
    const auto cpu = cpu_since_last(now);
    if (first) return;
    samples_.push_back(cpu);
    if (samples_.size() > kSamples) samples_.pop_front();
}

float LoadMeter::cpu() const {
    if (samples_.empty()) return 0;
    float sum = 0;
    for (const auto one : samples_) sum += one;
    return sum / static_cast<float>(samples_.size());
}

float LoadMeter::memory() const {
    const auto text = content(proc_ + "/meminfo");
    const auto all = entry(text, "MemTotal:"), left = entry(text, "MemAvailable:");
    float out = all && left && *all > 0 ? 1 - static_cast<float>(*left) / static_cast<float>(*all) : 0;
    if (cgroup_.empty()) return out;
    const auto limit = number(content(cgroup_ + "/memory.max")), used = number(content(cgroup_ + "/memory.current"));
    // The page cache within goes before anybody is killed.
    const auto cache = entry(content(cgroup_ + "/memory.stat"), "inactive_file").value_or(0);
    if (limit && used && *limit > 0) out = std::max(out, static_cast<float>(*used - std::min(cache, *used)) / static_cast<float>(*limit));
    return out;
}

}  // namespace voicectl
