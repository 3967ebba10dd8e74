#include "voicectl/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "voicectl/base/json.h"
#include "voicectl/base/log_context.h"
#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::log {
namespace {

std::atomic<Level> g_level{Level::Warn};
std::atomic<Format> g_format{Format::Pretty};

constexpr std::string_view level_name(Level level) {
    switch (level) {
        case Level::Trace: return "TRACE";
        case Level::Debug: return "DEBUG";
        case Level::Info: return "INFO";
        case Level::Warn: return "WARN";
        case Level::Error: return "ERROR";
        case Level::Off: break;
    }
    return "OFF";
}

spdlog::logger& sink() {
    static auto logger = [] {
        auto made = std::make_shared<spdlog::logger>("voicectl", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made->set_level(spdlog::level::trace);  // the level was decided before the line was made
        made->set_pattern("%v");
        made->flush_on(spdlog::level::trace);
        return made;
    }();
    return *logger;
}

using FieldView = std::span<const Field* const>;

std::string pretty(std::string_view time, Level level, std::string_view area, std::string_view message, FieldView fields) {
    auto line = fmt::format("{} {:5} {}: {}", time, level_name(level), area, message);
    for (const auto* field : fields) {
        const bool plain = !field->text.empty() && field->text.find_first_of(" \"=") == std::string::npos;
        line += plain ? fmt::format(" {}={}", field->name, terminal_safe(field->text))
                      : fmt::format(" {}={}", field->name, nlohmann::json(valid_utf8(field->text)).dump());
    }
    return line;
}

std::string json_line(std::string_view time, Level level, std::string_view area, std::string_view message, FieldView fields) {
    nlohmann::ordered_json line{{"time", time}, {"level", level_name(level)}, {"area", area}, {"message", message}};
    for (const auto* field : fields) {
        auto name = std::string(field->name);
        while (line.contains(name)) name += '_';  // a field called "message" does not replace the message
        line[name] = valid_utf8(field->text);
    }
    return json_text(line);
}

}  // namespace

void configure(Level level, Format format) {
    g_level = level;
    g_format = format;
}

bool enabled(Level level) { return level >= g_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view area, std::string_view message, Fields fields) { write(level, area, message, {}, fields); }

void write(Level level, std::string_view area, std::string_view message, std::span<const Field> common, Fields own) {
    std::vector<const Field*> fields;
    fields.reserve(common.size() + own.size());
    for (const auto& field : common) fields.push_back(&field);
    for (const auto& field : own) fields.push_back(&field);
    const auto time = format_time(std::chrono::system_clock::now());
    const auto line = g_format == Format::Json ? json_line(time, level, area, message, fields)
                                               : pretty(time, level, area, message, fields);
    sink().info("{}", redact(line));
}

}  // namespace voicectl::log
