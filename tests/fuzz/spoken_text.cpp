// What callers and models say, on its way to voices, logs and comparisons.
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"
#include "voicectl/speech/compare.h"
#include "voicectl/speech/sentences.h"

using namespace voicectl;
using namespace voicectl::speech;

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    const std::string text(data, size);
    if (valid_utf8(valid_utf8(text)) != valid_utf8(text)) __builtin_trap();
    std::ignore = redact(text);
    std::ignore = terminal_safe(text);
    if (utf8_length(cut_speech(text)) > 51 * 8) __builtin_trap();  // a control character is escaped by a few
    std::ignore = to_words(text);
    for (const auto piece : {size + 1, std::size_t{3}}) {
        SentenceSplitter splitter;
        for (std::size_t at = 0; at < size; at += piece) {
            splitter.push(std::string_view(text).substr(at, piece));
            while (auto sentence = splitter.next())
                if (sentence->empty()) __builtin_trap();
        }
        std::ignore = splitter.rest();
    }
    for (const auto& piece : split_for_speech(text))
        if (piece.empty()) __builtin_trap();
    for (const char c : to_plain_ascii(text))
        if (static_cast<unsigned char>(c) >= 0x80) __builtin_trap();
    return 0;
}
