// Where recordings go: the storage of an egress request, out of flags and environment. Secrets come from
// the environment or a file, never from a flag. Main thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "commands/command.h"
#include "voicectl/livekit/api.h"

namespace voicectl::commands {

enum class StorageKind { None, S3, Gcp, Azure, AliOss, Local };

struct StorageOptions {
    std::string kind;  // as given to --storage
    std::string bucket, region, endpoint, account, credentials, assume_role, tagging, content_disposition, proxy;
    std::vector<std::string> metadata;
    std::optional<bool> path_style;

    /// The first flag of a storage that was given, "--bucket"; empty: none.
    std::string first_given() const;
};

void add_storage_flags(Command cmd, StorageOptions& options);
/// Those of them that say something to who stores on S3 with keys of its own.
void add_s3_flags(Command cmd, StorageOptions& options);
/// "" is None.
StorageKind storage_kind(const std::string& name);

/// Usage, naming flag and variable, when something needed is missing. `bucket` not empty: that one.
/// Everything secret in it is registered for redaction.
Result<livekit::proto::StorageConfig> storage_config(const StorageOptions& options, StorageKind kind, const std::string& bucket, const Getenv& env);

/// Into a message that has one of s3, gcp, azure, aliOSS.
template<class Output>
void put_storage(const livekit::proto::StorageConfig& storage, Output& out) {
    if (storage.has_s3()) *out.mutable_s3() = storage.s3();
    if (storage.has_gcp()) *out.mutable_gcp() = storage.gcp();
    if (storage.has_azure()) *out.mutable_azure() = storage.azure();
    if (storage.has_alioss()) *out.mutable_alioss() = storage.alioss();
}

/// For help texts.
extern const char* const kStorageHelp;

}  // namespace voicectl::commands
