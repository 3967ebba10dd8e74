// --out: what a recording is written to, and the rules that the server has for several at once. Values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "commands/egress/storage.h"

namespace voicectl::commands {

struct Target {
    enum class Kind { File, Stream, Segments, Images } kind = Kind::File;
    std::string path;    // file path, prefix, or stream URL
    std::string bucket;  // when the target itself names one
    StorageKind storage = StorageKind::None;
};

/// `file:PATH s3:PATH gs:PATH az:PATH oss:PATH hls:PATH images:PREFIX` or a stream's URL. Usage when it is none of these.
Result<Target> parse_target(std::string_view text);

struct OutputPlan {
    std::optional<Target> file, segments;
    std::vector<Target> images;
    std::vector<std::string> stream_urls;  // of one protocol
    livekit::proto::StreamProtocol protocol = livekit::proto::DEFAULT_PROTOCOL;

    /// Every file name, for checks of their templates.
    std::vector<std::string> paths() const;
};

/// Usage when there is none, or more than the server takes: one file, one stream, one set of segments.
Result<OutputPlan> plan_outputs(const std::vector<std::string>& targets);

/// By the ending; DEFAULT_FILETYPE when there is none. Usage for an ending that no egress service writes.
Result<livekit::proto::EncodedFileType> file_type(const std::string& path);

/// `{name}`s in `path` that are none of `known`: they would stay as they are.
std::vector<std::string> unknown_templates(std::string_view path, const std::vector<std::string_view>& known);

}  // namespace voicectl::commands
