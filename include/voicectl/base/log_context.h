// What all log lines about one thing carry: a call's room, job and trace. A value; any thread may log through it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "voicectl/base/log.h"

namespace voicectl::log {

/// As write(), with `common` before the line's own fields.
void write(Level level, std::string_view area, std::string_view message, std::span<const Field> common, Fields fields);

class Context {
 public:
    /// Names and area are literals: they are not copied.
    Context(std::string_view area, std::vector<Field> common) : area_(area), common_(std::move(common)) {}

    void debug(std::string_view message, Fields fields = {}) const { put(Level::Debug, message, fields); }
    void info(std::string_view message, Fields fields = {}) const { put(Level::Info, message, fields); }
    void warn(std::string_view message, Fields fields = {}) const { put(Level::Warn, message, fields); }
    void error(std::string_view message, Fields fields = {}) const { put(Level::Error, message, fields); }

 private:
    void put(Level level, std::string_view message, Fields fields) const {
        if (enabled(level)) write(level, area_, message, common_, fields);
    }
    std::string_view area_;
    std::vector<Field> common_;
};

}  // namespace voicectl::log
