// What a language model makes of a call's transcript: a summary in words, or an evaluation by criteria. Building the question
// and judging the answer are pure; asking is the caller's affair.
//
// Requirement D4: at most 500 entries are offered. D5: "already there" and "not there yet" are told apart.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "voicectl/speech/speech.h"
#include "voicectl/store/store.h"

namespace voicectl::agent {

inline constexpr std::size_t kMostAssessedTurns = 500;

/// The turns of a call that has ended, or of one that others brought. Rejected: more than kMostAssessedTurns. Unreachable
/// ("not there yet", HTTP 425): nothing was said by now, or the call goes on; asking again later may help.
Result<std::vector<store::Turn>> turns_to_assess(store::Store& store, const store::Call& call);

speech::Chat summary_question(const std::vector<store::Turn>& turns);
/// Plain text, without control characters. Protocol for an empty one.
Result<std::string> read_summary(const std::string& answer);

/// `criteria`: a line each, in the words of whoever judges.
speech::Chat evaluation_question(const std::vector<store::Turn>& turns, const std::vector<std::string>& criteria);
/// {"score": 0–100, "summary": …, "criteria": [{"criterion", "met", "reason"}, …]}, one for each criterion, in their order.
/// `score` is the part of the criteria that were met. Protocol when the answer is another: to ask again may help.
Result<nlohmann::ordered_json> read_evaluation(const std::string& answer, const std::vector<std::string>& criteria);

}  // namespace voicectl::agent
