// What one call has used and what that costs, by stage, provider and model. Lives on the loop. Shared, because a
// provider may tell what a stream has used after the call is over; the price list outlives it.
#pragma once

#include <array>
#include <functional>
#include <initializer_list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "voicectl/agent/prices.h"

namespace voicectl::agent {

enum class Stage { Stt, Llm, Tts };
const char* to_text(Stage stage);

class Tab;

class Ledger : public std::enable_shared_from_this<Ledger> {
 public:
    struct Line {
        Stage stage = Stage::Stt;
        std::string provider, model;
        speech::Usage usage;      // of the call
        Money cost;
        const Price* price = nullptr;  // none is known: then it costs 0 here, and is told as unknown
        std::string price_date, price_source;
        int estimates = 0;        // streams whose usage is our guess
    };

    /// `payees`: by stage, who is to be paid unless the provider says otherwise.
    static std::shared_ptr<Ledger> create(const PriceList& prices, std::array<Payee, 3> payees);

    /// A stream that is about to begin; `payee`: of who stands in for the stage's first choice.
    std::shared_ptr<Tab> open(Stage stage, const std::optional<Payee>& payee = {});

    Money total() const;
    std::vector<Line> lines() const;
    /// What has come to these stages since they were last taken, as JSON lines: the usage of a turn. The parts add up
    /// to the whole, to the nano-dollar.
    nlohmann::json take(std::initializer_list<Stage> stages);
    /// What has come since it was last asked, for counters: never less than nothing, also when a figure that was
    /// guessed too high is put right.
    nlohmann::json increments();

    /// All lines, and back again in another process.
    nlohmann::json to_json() const;
    void restore(const nlohmann::json& lines);

    /// Something was added. Perhaps inside a provider's call: change nothing there, post.
    std::function<void()> on_change;

 private:
    friend class Tab;
    struct Entry : Line {
        speech::Usage before;       // of an earlier process: paid at the prices of then
        Money cost_before;
        speech::Usage taken, told;  // take(), increments()
        Money cost_taken, cost_told;
    };
    Ledger(const PriceList& prices, std::array<Payee, 3> payees) : prices_(prices), payees_(std::move(payees)) {}
    Entry& entry(Stage stage, const Payee& usual, const std::string& provider, const std::string& model);
    void change(Stage stage, const Payee& usual, const speech::Usage& usage, int sign, bool estimated);

    const PriceList& prices_;
    std::array<Payee, 3> payees_;
    std::vector<Entry> entries_;
};

/// One stream's part of the ledger: what was counted holds until the provider gives its own figures, and those
/// replace each other. Shared with the provider's callbacks.
class Tab {
 public:
    Tab(std::shared_ptr<Ledger> ledger, Stage stage, Payee payee) : ledger_(std::move(ledger)), stage_(stage), payee_(std::move(payee)) {}

    /// Counted by us, not yet charged.
    void count(const speech::Usage& more);
    /// Charges what was counted, unless the provider has told. `estimated`: a guess.
    void charge(bool estimated);
    /// The provider's own total.
    void report(const speech::Usage& total);
    /// It failed before anything came of it: nobody asks money for that.
    void forgive();

 private:
    void put(const speech::Usage& usage, bool estimated);

    std::shared_ptr<Ledger> ledger_;
    Stage stage_;
    Payee payee_;
    speech::Usage counted_, charged_;
    bool estimated_ = false, reported_ = false, forgiven_ = false;
};

}  // namespace voicectl::agent
