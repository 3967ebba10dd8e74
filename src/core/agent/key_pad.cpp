#include "key_pad.h"

namespace voicectl::agent {
namespace {

constexpr std::size_t kMostKeysAtOnce = 64;  // a card's number has 19

}  // namespace

void KeyPad::press(const std::string& digit) {
    if (digit.size() != 1 || kTelephoneKeys.find(digit[0]) == std::string_view::npos) return;
    const bool first = keys_.empty();
    if (first) began_ = loop_.now();
    const bool end = digit == settings_.end_key;
    if (!end || first) keys_ += digit;  // the end key alone is a key like others
    const auto most = settings_.length > 0 ? static_cast<std::size_t>(settings_.length) : kMostKeysAtOnce;
    if (first) handlers_.on_first();
    if (end || keys_.size() >= most) return finish();
    timer_.after(settings_.timeout, [this] { finish(); });
}

void KeyPad::forget() {
    keys_.clear();
    timer_.cancel();
}

void KeyPad::finish() {
    timer_.cancel();
    if (const auto keys = std::exchange(keys_, {}); !keys.empty()) handlers_.on_keys(keys, began_);
}

}  // namespace voicectl::agent
