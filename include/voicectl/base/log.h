// Logging: one line per event on stderr, structured, redacted. Any thread.
//
// `log::info("agent", "call accepted", {{"room", room}, {"job", id}});`
// The message is a constant phrase; what varies goes into fields, so that lines can be searched.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace voicectl::log {

enum class Level { Trace, Debug, Info, Warn, Error, Off };
enum class Format { Pretty, Json };

struct Field {
    template<class T>
    Field(std::string_view field, const T& value) : name(field), text(fmt::to_string(value)) {}
    Field(std::string_view field, bool value) : name(field), text(value ? "true" : "false") {}
    std::string_view name;
    std::string text;
};
using Fields = std::initializer_list<Field>;

/// Called once by main, before threads start. Without it nothing is logged below Warn.
void configure(Level level, Format format);
bool enabled(Level level);
void write(Level level, std::string_view area, std::string_view message, Fields fields = {});

inline void debug(std::string_view area, std::string_view message, Fields fields = {}) {
    if (enabled(Level::Debug)) write(Level::Debug, area, message, fields);
}
inline void info(std::string_view area, std::string_view message, Fields fields = {}) {
    if (enabled(Level::Info)) write(Level::Info, area, message, fields);
}
inline void warn(std::string_view area, std::string_view message, Fields fields = {}) {
    if (enabled(Level::Warn)) write(Level::Warn, area, message, fields);
}
inline void error(std::string_view area, std::string_view message, Fields fields = {}) {
    if (enabled(Level::Error)) write(Level::Error, area, message, fields);
}

}  // namespace voicectl::log
