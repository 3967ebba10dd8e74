// Transcripts that others wrote. What is taken goes out in every form; as JSON it comes in again as it was, and as WebVTT it comes in.
#include "voicectl/transcript/format.h"
#include "voicectl/transcript/gather.h"
#include "voicectl/transcript/import.h"

namespace {

using namespace voicectl;
using namespace voicectl::transcript;

std::string written(const Form& form, const Imported& one) {
    const auto writer = form.create({.tools = form.tools});
    std::string out;
    writer->begin(out);
    writer->begin_call(one.call, out);
    for (const auto& turn : one.turns) writer->turn(turn, one.call, out);
    writer->end_call(out);
    writer->end(out);
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    const std::string_view text(data, size);
    Gatherer gatherer;
    (void)gatherer.add_packet(text);
    const auto parsed = parse_transcript(text, {});
    if (!parsed) return 0;
    for (const auto& one : parsed->calls) {
        for (const auto& form : forms()) {
            const auto out = written(form, one);
            if (form.name != "json" && form.name != "vtt") continue;
            const auto again = parse_transcript(out, {});
            if (!again || again->calls.size() != 1) __builtin_trap();
            if (form.name == "json" && !same_turns(again->calls[0].turns, one.turns)) __builtin_trap();
        }
    }
    return 0;
}
