#include "commands/output.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ostream>

#include "commands/json_path.h"
#include "voicectl/base/json.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {
namespace {

std::string known_fields(const Json& item) {
    std::string names;
    for (const auto& [name, value] : item.items()) names += (names.empty() ? "" : ", ") + name;
    return names;
}

std::string json_line(const Json& value, int indent) {
    return json_text(value, indent) + "\n";
}

}  // namespace

std::string scalar_text(const Json& value) {
    return value.is_null() ? "" : bare_text(value);
}

namespace {

/// A name that `| xargs` would cut in two, or that does worse on a terminal.
bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

struct Paint {
    std::size_t at = std::string_view::npos, length = 0;
};

/// The first thing in `text` that paint() may have put there.
Paint next_paint(std::string_view text) {
    Paint first;
    for (std::string_view one : {"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m"})
        if (const auto at = text.find(one); at < first.at) first = {at, one.size()};
    return first;
}

}  // namespace

Column column(std::string title, std::string key, bool wide) {
    return {std::move(title), [key = std::move(key)](const Json& item) { return item.contains(key) ? scalar_text(item[key]) : ""; }, wide};
}

bool Output::coloured(Stream stream) const {
    if (color != "auto") return color == "always";
    const auto value = [this](const char* name) { return environment ? environment(name).value_or("") : ""; };
    if (!value("NO_COLOR").empty()) return false;
    if (const auto force = value("CLICOLOR_FORCE"); !force.empty() && force != "0") return true;
    if (value("TERM") == "dumb") return false;
    return stream == Stream::Results ? tty_ : talk_tty_;
}

std::string Output::paint(std::string_view code, std::string_view text, Stream stream) const {
    if (!coloured(stream)) return std::string(text);
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}
std::string Output::bold(std::string_view text, Stream stream) const { return paint("1", text, stream); }
std::string Output::green(std::string_view text, Stream stream) const { return paint("32", text, stream); }
std::string Output::red(std::string_view text, Stream stream) const { return paint("31", text, stream); }
std::string Output::dim(std::string_view text, Stream stream) const { return paint("2", text, stream); }

Result<void> Output::write(std::string_view text) {
    if (reader_gone_) return {};
    errno = 0;
    *results_ << text;
    results_->flush();
    if (*results_) return {};
    reader_gone_ = errno == EPIPE;
    if (reader_gone_) return {};
    return fail(Errc::Io, "cannot write to standard output{}{}", errno != 0 ? ": " : "", errno != 0 ? std::strerror(errno) : "");
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

// Scripts get text as it is; a terminal must not be steered by it.
std::string Output::script_text(const Json& value) const {
    return tty_ ? terminal_safe(scalar_text(value)) : scalar_text(value);
}

std::string Output::cell(std::string text) const {
    std::replace_if(text.begin(), text.end(), [](char c) { return c == '\t' || c == '\n' || c == '\r'; }, ' ');
    return tty_ ? terminal_safe(text) : text;
}

Result<void> Output::emit_found(const Json& value) {
    const auto found = find_all(value, get);
    if (!found) return fail(Errc::Usage, "nothing at --get {}", get);
    std::string text;
    for (const auto* one : *found) text += script_text(*one) + "\n";
    return write(text);
}

Result<void> Output::emit(const Json& value, std::string_view human, std::string_view name) {
    if (!get.empty()) {
        auto done = emit_found(value);
        if (done || done.error().code != Errc::Usage) return done;
        VC_TRY(wrong_selection(std::move(done).error()));
        return emit(value, human, name);
    }
    if (format == Format::Name) return name.empty() ? write(fmt::format("{}\n", human)) : emit_names({Json(std::string(name))});
    if (!json() && format != Format::Tsv && fields.empty()) return write(fmt::format("{}\n", human));
    auto chosen = selected(value);
    if (!chosen) {
        VC_TRY(wrong_selection(std::move(chosen).error()));
        return emit(value, human, name);
    }
    if (json()) return write(json_line(*chosen, format == Format::Json ? 2 : -1));
    std::vector<std::string> cells;
    for (const auto& [key, one] : chosen->items()) cells.push_back(cell(scalar_text(one)));
    return write(fmt::format("{}\n", fmt::join(cells, "\t")));
}

Result<void> Output::emit_list(std::string_view noun, const Json& items, const std::vector<Column>& columns,
                               std::string_view name_key) {
    Json chosen = Json::array();
    for (const auto& item : items) {
        auto one = selected(item);
        if (!one) {
            VC_TRY(wrong_selection(std::move(one).error()));
            return emit_list(noun, items, columns, name_key);
        }
        chosen.push_back(std::move(*one));
    }
    const Json whole{{std::string(noun), chosen}};
    if (!get.empty()) {
        auto done = emit_found(whole);
        if (done || done.error().code != Errc::Usage) return done;
        VC_TRY(wrong_selection(std::move(done).error()));
        return emit_list(noun, items, columns, name_key);
    }
    if (format == Format::Json) return write(json_line(whole, 2));
    if (format == Format::Tsv) return write(tsv(items, shown(columns)));
    if (format == Format::Jsonl) {
        std::string text;
        for (const auto& item : chosen) text += json_line(item, -1);
        return write(text);
    }
    if (format == Format::Name) {
        std::vector<Json> names;
        for (const auto& item : items) names.push_back(item.value(std::string(name_key), Json()));
        return emit_names(names);
    }
    if (!items.empty()) return write(table(items, shown(columns)));
    note(fmt::format("no {}", noun));
    return {};
}

Result<void> Output::wrong_selection(Error error) {
    if (!changed_) return std::unexpected(std::move(error));
    tell_at_end({Errc::Other, fmt::format("the change was made; {}, so the result is shown whole", error.message), std::move(error.hint)});
    fields.clear();
    get.clear();
    return {};
}

void Output::tell_at_end(Error error) {
    if (!left_to_tell_) left_to_tell_ = std::move(error);
}

// -o name feeds `xargs` and --stdin: a name with an end of line would be two names there, both of something else.
Result<void> Output::emit_names(const std::vector<Json>& names) {
    std::string text;
    std::size_t left_out = 0;
    for (const auto& name : names) {
        if (!tty_ && has_control(scalar_text(name))) ++left_out;
        else text += script_text(name) + "\n";
    }
    if (left_out != 0) {
        const auto which = left_out == 1 ? std::string("1 name with control characters was") : fmt::format("{} names with control characters were", left_out);
        tell_at_end({Errc::Other, which + " left out", "-o json has all of them"});
    }
    return write(text);
}

std::vector<Column> Output::shown(const std::vector<Column>& columns) const {
    std::vector<Column> out;
    for (const auto& field : fields) out.push_back(column(field, field));
    if (!fields.empty()) return out;
    for (const auto& one : columns)
        if (!one.wide || format == Format::Wide) out.push_back(one);
    return out;
}

std::string Output::tsv(const Json& items, const std::vector<Column>& columns) const {
    std::string out;
    for (const auto& item : items) {
        std::vector<std::string> cells;
        for (const auto& one : columns) cells.push_back(cell(one.text(item)));
        out += fmt::format("{}\n", fmt::join(cells, "\t"));
    }
    return out;
}

std::string Output::table(const Json& items, const std::vector<Column>& columns) const {
    std::vector<std::vector<std::string>> rows(1);
    for (const auto& one : columns) rows[0].push_back(one.title);
    for (const auto& item : items) {
        auto& row = rows.emplace_back();
        for (const auto& one : columns) row.push_back(terminal_safe(one.text(item)));
    }
    std::vector<std::size_t> widths(columns.size(), 0);
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], utf8_length(row[i]));
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line.append(widths[i] - utf8_length(row[i]) + 2, ' ');
        }
        out += (out.empty() ? bold(line, Stream::Results) : line) + "\n";
    }
    return out;
}

Result<void> Output::emit_raw(std::string_view bytes) { return write(bytes); }

void Output::say(std::string_view text) {
    std::lock_guard lock(*talking_);
    *talk_ << text << std::flush;
}

// What others sent must not steer the terminal; our own paint and ends of lines stay.
std::string Output::line_safe(std::string_view text) const {
    const auto safe = [](std::string_view part) {
        std::string out;
        for (const auto& line : split(part, '\n')) out += terminal_safe(line) + '\n';
        out.pop_back();
        return out;
    };
    if (!coloured()) return safe(text);
    std::string out;
    while (true) {
        const auto [at, length] = next_paint(text);
        out += safe(text.substr(0, at));
        if (length == 0) return out;
        out += text.substr(at, length);
        text.remove_prefix(at + length);
    }
}

void Output::note(std::string_view text) {
    if (!quiet) say(line_safe(redact(text)) + "\n");
}

void Output::trace(std::string_view text) { say(line_safe(redact(text)) + "\n"); }

void Output::progress(std::string_view text) {
    if (quiet || !talk_tty_) return;
    *talk_ << "\r\x1b[K" << terminal_safe(redact(text)) << std::flush;
}

void Output::verbatim(std::string_view text) {
    say(fmt::format("{}\n", text));
}

void Output::question(std::string_view text) { say(terminal_safe(redact(text))); }

void Output::warn(std::string_view text) {
    if (!quiet) say(line_safe(redact(fmt::format("warning: {}", text))) + "\n");
}

void Output::error(const Error& error, const livekit::CallTrace* call) {
    if (!json()) {
        say(fmt::format("{} {}\n", red("error:"), line_safe(redact(error.message))));
        if (!error.hint.empty()) say(fmt::format("{}  {}\n", dim("hint:"), line_safe(redact(error.hint))));
        return;
    }
    Json body{{"code", to_string(error.code)},
              {"exit", exit_code(error.code)},
              {"message", redact(error.message)},
              {"hint", redact(error.hint)},
              {"request", nullptr}};
    if (call != nullptr) {
        body["request"] = {{"service", call->service},
                           {"method", call->method},
                           {"status", call->status},
                           {"ms", call->elapsed.count()}};
    }
    for (const auto& [name, value] : error_details.items()) body[name] = value;
    say(json_line(Json{{"error", std::move(body)}}, -1));
}

}  // namespace voicectl::commands
