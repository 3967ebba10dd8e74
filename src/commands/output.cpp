#include "commands/output.h"

#include <algorithm>
#include <ostream>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

// What `path` names inside `value`; `*` stands for every element. RFC 6901 escapes.
void collect(const Json& value, const std::vector<std::string>& path, std::size_t at, std::vector<const Json*>& out) {
    if (at == path.size()) {
        out.push_back(&value);
        return;
    }
    const auto& step = path[at];
    if (step == "*" && value.is_structured()) {
        for (const auto& child : value) collect(child, path, at + 1, out);
        return;
    }
    if (value.is_object() && value.contains(step)) collect(value[step], path, at + 1, out);
    if (value.is_array() && !step.empty() && std::all_of(step.begin(), step.end(), [](char c) { return c >= '0' && c <= '9'; })) {
        const auto index = step.size() < 10 ? std::stoul(step) : value.size();
        if (index < value.size()) collect(value[index], path, at + 1, out);
    }
}

std::vector<std::string> parse_path(std::string_view text) {
    if (text.starts_with('/')) text.remove_prefix(1);
    if (text.empty()) return {};
    auto steps = split(text, '/');
    for (auto& step : steps) {
        for (auto [from, to] : {std::pair{"~1", "/"}, std::pair{"~0", "~"}})
            for (std::size_t at = 0; (at = step.find(from, at)) != std::string::npos; ++at) step.replace(at, 2, to);
    }
    return steps;
}

std::string known_fields(const Json& item) {
    std::string names;
    for (const auto& [name, value] : item.items()) names += (names.empty() ? "" : ", ") + name;
    return names;
}

std::string tsv_cell(std::string text) {
    std::replace_if(text.begin(), text.end(), [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
    return text;
}

}  // namespace

std::string scalar_text(const Json& value) {
    if (value.is_null()) return "";
    if (value.is_string()) return value.get<std::string>();
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Column column(std::string title, std::string key, bool wide) {
    return {std::move(title), [key = std::move(key)](const Json& item) { return item.contains(key) ? scalar_text(item[key]) : ""; }, wide};
}

bool Output::coloured() const {
    if (color == "always") return true;
    if (color == "never") return false;
    const auto set = [this](const char* name) { return environment && environment(name).has_value(); };
    if (set("NO_COLOR")) return false;
    if (set("CLICOLOR_FORCE")) return true;
    if (environment && environment("TERM").value_or("") == "dumb") return false;
    return talk_tty_;
}

std::string Output::paint(std::string_view code, std::string_view text) const {
    if (!coloured()) return std::string(text);
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}
std::string Output::bold(std::string_view text) const { return paint("1", text); }
std::string Output::green(std::string_view text) const { return paint("32", text); }
std::string Output::red(std::string_view text) const { return paint("31", text); }
std::string Output::dim(std::string_view text) const { return paint("2", text); }

Result<void> Output::write(std::string_view text) {
    *results_ << text;
    results_->flush();
    // A closed pipe (`| head`) is not our failure; anything else shows at the next check of the stream.
    if (!*results_) return fail(Errc::Io, "cannot write to standard output");
    return {};
}

Result<Json> Output::selected(const Json& value) const {
    if (fields.empty()) return value;
    Json out = Json::object();
    for (const auto& field : fields) {
        if (!value.contains(field)) {
            return fail_with_hint(Errc::Usage, fmt::format("unknown field '{}'", field),
                                  fmt::format("known fields: {}", known_fields(value)));
        }
        out[field] = value[field];
    }
    return out;
}

Result<void> Output::emit(const Json& value, std::string_view human, std::string_view name) {
    if (!get.empty()) {
        std::vector<const Json*> found;
        collect(value, parse_path(get), 0, found);
        if (found.empty()) return fail(Errc::Usage, "nothing at --get {}", get);
        std::string text;
        for (const auto* one : found) text += scalar_text(*one) + "\n";
        return write(text);
    }
    if (format == Format::Name) return write(fmt::format("{}\n", name.empty() ? human : name));
    if (!json() && format != Format::Tsv && fields.empty()) return write(fmt::format("{}\n", human));
    VC_TRY_ASSIGN(const auto chosen, selected(value));
    if (format == Format::Tsv || !json()) {
        std::string line;
        for (const auto& [key, one] : chosen.items()) line += (line.empty() ? "" : "\t") + tsv_cell(scalar_text(one));
        return write(line + "\n");
    }
    return write(chosen.dump(format == Format::Json ? 2 : -1, ' ', false, Json::error_handler_t::replace) + "\n");
}

Result<void> Output::emit_list(std::string_view noun, const Json& items, const std::vector<Column>& columns,
                               std::string_view name_key) {
    Json chosen = Json::array();
    for (const auto& item : items) {
        VC_TRY_ASSIGN(auto one, selected(item));
        chosen.push_back(std::move(one));
    }
    const Json whole{{std::string(noun), chosen}};
    if (!get.empty()) return emit(whole, "");
    std::string text;
    if (format == Format::Json) return write(whole.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    if (format == Format::Jsonl) {
        for (const auto& item : chosen) text += item.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
        return write(text);
    }
    if (format == Format::Name) {
        for (const auto& item : items) text += scalar_text(item.at(std::string(name_key))) + "\n";
        return write(text);
    }
    std::vector<Column> shown;
    if (!fields.empty()) {
        for (const auto& field : fields) shown.push_back(column(field, field));
    } else {
        for (const auto& one : columns)
            if (!one.wide || format == Format::Wide) shown.push_back(one);
    }
    std::vector<std::vector<std::string>> rows;
    if (format != Format::Tsv) {
        auto& head = rows.emplace_back();
        for (const auto& one : shown) head.push_back(one.title);
    }
    for (const auto& item : items) {
        auto& row = rows.emplace_back();
        for (const auto& one : shown) row.push_back(format == Format::Tsv ? tsv_cell(one.text(item)) : terminal_safe(one.text(item)));
    }
    if (format == Format::Tsv) {
        for (const auto& row : rows) text += fmt::format("{}\n", fmt::join(row, "\t"));
        return write(text);
    }
    std::vector<std::size_t> widths(shown.size(), 0);
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], utf8_length(row[i]));
    const bool painted = tty_ && coloured();
    for (std::size_t r = 0; r < rows.size(); ++r) {
        std::string line;
        for (std::size_t i = 0; i < rows[r].size(); ++i) {
            line += rows[r][i];
            if (i + 1 < rows[r].size()) line.append(widths[i] - utf8_length(rows[r][i]) + 2, ' ');
        }
        text += (r == 0 && painted ? paint("1", line) : line) + "\n";
    }
    if (items.empty()) {
        note(fmt::format("no {}", noun));
        return {};
    }
    return write(text);
}

Result<void> Output::emit_raw(std::string_view bytes) { return write(bytes); }

void Output::note(std::string_view text) {
    if (quiet) return;
    *talk_ << redact(text) << "\n" << std::flush;
}

void Output::warn(std::string_view text) {
    if (!quiet) *talk_ << redact(fmt::format("warning: {}", text)) << "\n" << std::flush;
}

void Output::error(const Error& error, const livekit::CallTrace* call) {
    if (json()) {
        Json body{{"code", to_string(error.code)}, {"exit", exit_code(error.code)}, {"message", redact(error.message)},
                  {"hint", redact(error.hint)}};
        if (call != nullptr) {
            body["request"] = {{"service", call->service}, {"method", call->method}, {"status", call->status},
                               {"ms", call->elapsed.count()}};
        } else {
            body["request"] = nullptr;
        }
        *talk_ << Json{{"error", std::move(body)}}.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
    } else {
        *talk_ << red("error:") << " " << terminal_safe(valid_utf8(redact(error.message))) << "\n";
        if (!error.hint.empty()) *talk_ << dim("hint:") << "  " << redact(error.hint) << "\n";
    }
    talk_->flush();
}

}  // namespace voicectl::commands
