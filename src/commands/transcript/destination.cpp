#include "commands/transcript/destination.h"

#include "voicectl/base/text.h"
#include "voicectl/transcript/format.h"

namespace voicectl::commands {

std::vector<std::string> transcript_formats() {
    std::vector<std::string> out;
    for (const auto& one : transcript::forms()) out.emplace_back(one.name);
    return out;
}

Result<std::string> chosen_format(const std::string& format, const Output& out) {
    if (!out.get.empty() || !out.fields.empty())
        return fail_with_hint(Errc::Usage, "an export is whole: --get and --fields pick nothing from it", "voicectl transcript show ID --get PATH");
    if (out.format == Format::Tsv || out.format == Format::Name || out.format == Format::Wide)
        return fail_with_hint(Errc::Usage, "an export is none of -o tsv, name and wide", "--format csv, json, jsonl or txt");
    return out.format == Format::Jsonl && format == "json" ? "jsonl" : format;
}

Result<std::map<std::string, std::string>> parse_speaker_names(const std::vector<std::string>& given) {
    std::map<std::string, std::string> out;
    for (const auto& list : given) {
        for (const auto& one : split(list, ',')) {
            const auto equals = one.find('=');
            if (equals == std::string::npos || equals == 0 || equals + 1 == one.size())
                return fail_with_hint(Errc::Usage, fmt::format("--speaker-names '{}' names nobody", terminal_safe(one)), "--speaker-names user=Anna,agent=Bot");
            if (!out.emplace(one.substr(0, equals), one.substr(equals + 1)).second)
                return fail(Errc::Usage, "--speaker-names names {} twice", terminal_safe(one.substr(0, equals)));
        }
    }
    return out;
}

Result<Destination> Destination::open(const std::string& path, Output& out) {
    Destination made(out);
    if (path.empty() || path == "-") return made;
    VC_TRY_ASSIGN(auto file, AtomicFile::create(path, 0600));  // what people said is for its owner
    made.file_.emplace(std::move(file));
    return made;
}

}  // namespace voicectl::commands
