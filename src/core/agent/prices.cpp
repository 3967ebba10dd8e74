#include "voicectl/agent/prices.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "voicectl/base/json.h"
#include "voicectl/base/text.h"
#include "voicectl/net/url.h"

namespace voicectl::agent {
namespace {

using nlohmann::json;

constexpr const char* kBuiltIn = "built in";
constexpr const char* kOffline = "offline";
constexpr std::size_t kMostPrices = 1000;
constexpr std::int64_t kMillion = 1'000'000;
constexpr std::int64_t kMinuteMs = 60'000;

Money usd(const char* text) { return *parse_money(text); }

Price by_minute(const char* minute) { return {.minute = usd(minute), .date = "2026-05-01", .source = kBuiltIn}; }
Price by_characters(const char* million) { return {.million_characters = usd(million), .date = "2026-05-01", .source = kBuiltIn}; }
Price by_tokens(const char* input, const char* output, const char* cached = nullptr, const char* stored = nullptr) {
    Price out{.million_input_tokens = usd(input), .million_output_tokens = usd(output), .date = "2026-05-01", .source = kBuiltIn};
    if (cached != nullptr) out.million_cached_tokens = usd(cached);
    if (stored != nullptr) out.million_stored_tokens = usd(stored);
    return out;
}

// As published lists had them on the date; providers change them without a word, so look yours up.
std::map<std::string, Price> built_in() {
    std::map<std::string, Price> out{
        {"openai/gpt-4.1", by_tokens("2", "8")},
        {"openai/gpt-4.1-mini", by_tokens("0.4", "1.6")},
        {"openai/gpt-5-mini", by_tokens("0.25", "2")},
        {"openai/whisper-1", by_minute("0.006")},
        {"openai/tts-1", by_characters("15")},
        {"openai/gpt-4o-mini-tts", by_characters("20")},  // about: it is sold by tokens, which only some answers tell
        {"anthropic/claude-haiku-4-5", by_tokens("1", "5", "0.1", "1.25")},
        {"anthropic/claude-sonnet-4-6", by_tokens("3", "15", "0.3", "3.75")},
        {"deepgram/nova-3", by_minute("0.0048")},
        {"elevenlabs/eleven_flash_v2_5", by_characters("50")},
        {"elevenlabs/", by_characters("50")},  // no model named: the same
        {"elevenlabs/eleven_multilingual_v2", by_characters("100")},
        {"elevenlabs/eleven_v3", by_characters("100")},
        {"cartesia/sonic-3", by_characters("50")},
        {"cartesia/", by_characters("50")},
        {"cartesia/ink-whisper", by_minute("0.003")},
    };
    for (const char* name : {"pocketsphinx", "script", "flite", "espeak-ng", "recorded", "sherpa"}) out[name].source = kOffline;
    return out;
}

const std::map<std::string, Price>& defaults() {
    static const auto all = built_in();
    return all;
}

bool is_date(const std::string& text) { return text.size() == std::string_view("2026-01-31").size() && parse_time(text).has_value(); }

/// The parts of a price as they are written, with their unit in the name.
const std::array<std::pair<const char*, void (*)(Price&, Money)>, 6> kPriceParts{{
    {"per_minute", [](Price& price, Money money) { price.minute = money; }},
    {"per_million_input_tokens", [](Price& price, Money money) { price.million_input_tokens = money; }},
    {"per_million_cached_tokens", [](Price& price, Money money) { price.million_cached_tokens = money; }},
    {"per_million_stored_tokens", [](Price& price, Money money) { price.million_stored_tokens = money; }},
    {"per_million_output_tokens", [](Price& price, Money money) { price.million_output_tokens = money; }},
    {"per_million_characters", [](Price& price, Money money) { price.million_characters = money; }},
}};

}  // namespace

Money Price::of(const speech::Usage& usage) const {
    const auto cached = std::clamp<std::int64_t>(usage.cached_tokens, 0, usage.input_tokens);
    const auto stored = std::clamp<std::int64_t>(usage.stored_tokens, 0, usage.input_tokens - cached);
    auto out = cost_of(usage.audio_ms, minute, kMinuteMs);
    out += cost_of(usage.input_tokens - cached - stored, million_input_tokens, kMillion);
    out += cost_of(stored, million_stored_tokens.value_or(million_input_tokens), kMillion);
    out += cost_of(cached, million_cached_tokens.value_or(million_input_tokens), kMillion);
    out += cost_of(usage.output_tokens, million_output_tokens, kMillion);
    out += cost_of(usage.characters, million_characters, kMillion);
    return out;
}

PriceList::PriceList() : prices_(defaults()) {}

const Price* PriceList::find(const std::string& provider, const std::string& model, bool foreign) const {
    for (const auto& key : {provider + "/" + model, provider}) {
        const auto found = prices_.find(key);
        if (found != prices_.end() && !(foreign && found->second.source == kBuiltIn)) return &found->second;
    }
    return nullptr;
}

void PriceList::read(const json& mapping, const std::string& source, const OnFault& fault) {
    constexpr const char* kExample = "for example  openai/gpt-4.1: {per_million_input_tokens: 2, per_million_output_tokens: 8, date: 2026-05-01}";
    if (!mapping.is_object()) return fault("", "must be a mapping of prices", kExample);
    if (mapping.size() > kMostPrices) return fault("", fmt::format("has more than {} prices", kMostPrices), "");
    for (const auto& [key, value] : mapping.items()) {
        if (!value.is_object()) {
            fault(key, "must be a mapping", kExample);
            continue;
        }
        Price price{.source = source};
        for (const auto& [part, given] : value.items()) {
            const auto at = key + "." + part;
            const auto known = std::find_if(kPriceParts.begin(), kPriceParts.end(), [&](const auto& one) { return part == one.first; });
            if (part == "date") {
                price.date = bare_text(given);
                if (!is_date(price.date)) fault(at, "must be a date like 2026-05-01", "");
            } else if (known == kPriceParts.end()) {
                std::string names = "date";
                for (const auto& one : kPriceParts) names += fmt::format(", {}", one.first);
                fault(at, "unknown key", "known here: " + names);
            } else if (const auto money = parse_money(bare_text(given))) {
                known->second(price, *money);
            } else {
                fault(at, "must be US dollars like 0.0048, with at most nine decimals", "");
            }
        }
        if (value.size() == (value.contains("date") ? 1U : 0U)) fault(key, "has no price", kExample);
        if (!value.contains("date")) fault(key, "has no date", "as of when is it? for example  date: 2026-05-01");
        set(key, std::move(price));
    }
}

Payee payee_of(const json& stage) {
    Payee out;
    if (stage.is_array() && !stage.empty()) return payee_of(stage.front());  // of a chain the first choice
    if (!stage.is_object()) return out;
    out.provider = text_at(stage, "provider");
    out.model = text_at(stage, "model");
    if (const auto url = text_at(stage, "base_url"); !url.empty()) {
        const auto parsed = net::parse_url(url);
        out.foreign = !parsed || !parsed->host.ends_with("." + out.provider + ".com");
    }
    return out;
}

}  // namespace voicectl::agent
