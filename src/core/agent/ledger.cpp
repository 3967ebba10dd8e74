#include "ledger.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "voicectl/base/json.h"

namespace voicectl::agent {
namespace {

using nlohmann::json;
using speech::Usage;

constexpr std::size_t kMostLines = 32;       // a provider that names ever new models fills no memory
constexpr std::size_t kLongestName = 100;
constexpr std::int64_t kMostOfOne = 1'000'000'000'000;  // of anything in one stream: what is more is no figure

struct Part {
    const char* name;
    std::int64_t Usage::*value;
};
constexpr std::array<Part, 6> kParts{{{"audioMs", &Usage::audio_ms},
                                      {"inputTokens", &Usage::input_tokens},
                                      {"cachedTokens", &Usage::cached_tokens},
                                      {"storedTokens", &Usage::stored_tokens},
                                      {"outputTokens", &Usage::output_tokens},
                                      {"characters", &Usage::characters}}};

void add(Usage& to, const Usage& more, int sign) {
    for (const auto& part : kParts) to.*part.value += sign * (more.*part.value);
}

Usage minus(Usage from, const Usage& less) {
    add(from, less, -1);
    return from;
}

bool is_empty(const Usage& usage) {
    return std::all_of(kParts.begin(), kParts.end(), [&](const auto& part) { return usage.*part.value == 0; });
}

Usage sane(Usage usage) {
    for (const auto& part : kParts) usage.*part.value = std::clamp<std::int64_t>(usage.*part.value, 0, kMostOfOne);
    usage.cached_tokens = std::min(usage.cached_tokens, usage.input_tokens);
    usage.stored_tokens = std::min(usage.stored_tokens, usage.input_tokens - usage.cached_tokens);
    usage.provider.resize(std::min(usage.provider.size(), kLongestName));
    usage.model.resize(std::min(usage.model.size(), kLongestName));
    return usage;
}

std::optional<Stage> stage_of(const std::string& name) {
    for (const auto stage : {Stage::Stt, Stage::Llm, Stage::Tts})
        if (name == to_text(stage)) return stage;
    return std::nullopt;
}

json line_json(const Ledger::Line& line, const Usage& usage, Money cost) {
    json out{{"stage", to_text(line.stage)}, {"provider", line.provider}, {"model", line.model}, {"estimated", line.estimates > 0}};
    for (const auto& part : kParts)
        if (usage.*part.value != 0) out[part.name] = usage.*part.value;
    const bool known = line.price != nullptr || !line.price_source.empty();
    out["costUsd"] = known ? json(to_text(cost)) : json();
    out["priceDate"] = line.price_date;
    out["priceSource"] = known ? line.price_source : "unknown";
    return out;
}

}  // namespace

const char* to_text(Stage stage) {
    switch (stage) {
        case Stage::Stt: return "stt";
        case Stage::Llm: return "llm";
        case Stage::Tts: return "tts";
    }
    return "";
}

std::shared_ptr<Ledger> Ledger::create(const PriceList& prices, std::array<Payee, 3> payees) {
    return std::shared_ptr<Ledger>(new Ledger(prices, std::move(payees)));
}

std::shared_ptr<Tab> Ledger::open(Stage stage, const std::optional<Payee>& payee) {
    return std::make_shared<Tab>(shared_from_this(), stage, payee ? *payee : payees_[static_cast<std::size_t>(stage)]);
}

Money Ledger::total() const {
    Money out;
    for (const auto& one : entries_) out += one.cost;
    return out;
}

std::vector<Ledger::Line> Ledger::lines() const { return {entries_.begin(), entries_.end()}; }

json Ledger::take(std::initializer_list<Stage> stages) {
    auto out = json::array();
    for (auto& one : entries_) {
        if (std::find(stages.begin(), stages.end(), one.stage) == stages.end()) continue;
        const auto usage = minus(one.usage, one.taken);
        const auto cost = one.cost - one.cost_taken;
        if (is_empty(usage) && cost == Money{}) continue;
        out.push_back(line_json(one, usage, cost));
        one.taken = one.usage;
        one.cost_taken = one.cost;
    }
    return out;
}

json Ledger::increments() {
    auto out = json::array();
    for (auto& one : entries_) {
        json line{{"stage", to_text(one.stage)}, {"provider", one.provider}};
        for (const auto& part : kParts) {
            const auto more = one.usage.*part.value - one.told.*part.value;
            if (more <= 0) continue;
            line[part.name] = more;
            one.told.*part.value = one.usage.*part.value;
        }
        if (one.cost > one.cost_told) {
            line["costNanos"] = (one.cost - one.cost_told).nanos;
            one.cost_told = one.cost;
        }
        if (line.size() > 2) out.push_back(std::move(line));
    }
    return out;
}

json Ledger::to_json() const {
    auto out = json::array();
    for (const auto& one : entries_) out.push_back(line_json(one, one.usage, one.cost));
    return out;
}

void Ledger::restore(const json& lines) {
    if (!lines.is_array()) return;
    for (const auto& line : lines) {
        const auto stage = line.is_object() ? stage_of(text_at(line, "stage")) : std::nullopt;
        if (!stage || entries_.size() >= kMostLines) continue;
        auto& one = entry(*stage, payees_[static_cast<std::size_t>(*stage)], text_at(line, "provider"), text_at(line, "model"));
        for (const auto& part : kParts)
            if (const auto found = line.find(part.name); found != line.end() && found->is_number_integer()) one.usage.*part.value += found->get<std::int64_t>();
        one.cost += parse_money(text_at(line, "costUsd")).value_or(Money{});
        one.estimates += line.contains("estimated") && line["estimated"] == true ? 1 : 0;
        one.before = one.taken = one.told = one.usage;
        one.cost_before = one.cost_taken = one.cost_told = one.cost;
    }
}

Ledger::Entry& Ledger::entry(Stage stage, const Payee& usual, const std::string& provider, const std::string& model) {
    const auto find = [&](const std::string& by, const std::string& of) {
        return std::find_if(entries_.begin(), entries_.end(),
                            [&](const Entry& one) { return one.stage == stage && one.provider == by && one.model == of; });
    };
    auto found = find(provider, model);
    if (found != entries_.end()) return *found;
    if (entries_.size() >= kMostLines) found = find(usual.provider, usual.model);
    if (found != entries_.end()) return *found;
    Entry made;
    made.stage = stage;
    made.provider = provider;
    made.model = model;
    made.price = prices_.find(provider, model, usual.foreign && provider == usual.provider);
    if (made.price != nullptr) {
        made.price_date = made.price->date;
        made.price_source = made.price->source;
    }
    return entries_.emplace_back(std::move(made));
}

void Ledger::change(Stage stage, const Payee& usual, const Usage& usage, int sign, bool estimated) {
    auto& one = entry(stage, usual, usage.provider.empty() ? usual.provider : usage.provider, usage.provider.empty() && usage.model.empty() ? usual.model : usage.model);
    add(one.usage, usage, sign);
    one.estimates += estimated ? sign : 0;
    if (one.price != nullptr) one.cost = one.cost_before + one.price->of(minus(one.usage, one.before));
}

void Tab::count(const Usage& more) { add(counted_, more, 1); }

void Tab::charge(bool estimated) {
    if (!reported_ && !forgiven_) put(counted_, estimated);
}

void Tab::report(const Usage& total) {
    reported_ = true;
    put(sane(total), false);
}

void Tab::forgive() {
    forgiven_ = true;
    if (!reported_) put({}, false);
}

void Tab::put(const Usage& usage, bool estimated) {
    if (usage == charged_ && estimated == estimated_) return;
    ledger_->change(stage_, payee_, charged_, -1, estimated_);
    ledger_->change(stage_, payee_, usage, 1, estimated);
    charged_ = usage;
    estimated_ = estimated;
    if (ledger_->on_change) ledger_->on_change();
}

}  // namespace voicectl::agent
