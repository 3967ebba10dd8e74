#include "commands/egress/storage.h"

#include <map>

#include "voicectl/base/redact.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {

using livekit::proto::StorageConfig;

const char* const kStorageHelp = R"(Storage, from flags and environment (RECORDING_ may stand before each S3 name):
  s3      --bucket or S3_BUCKET, --region or S3_REGION, --endpoint or S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY
  gcp     --bucket, the key file in --credentials or GOOGLE_APPLICATION_CREDENTIALS
  azure   --bucket or AZURE_STORAGE_CONTAINER, AZURE_STORAGE_ACCOUNT, AZURE_STORAGE_KEY
  alioss  --bucket or OSS_BUCKET, --endpoint or OSS_ENDPOINT, OSS_ACCESS_KEY, OSS_SECRET_KEY
Without keys for S3 the egress service uses its own.)";

namespace {

const std::map<std::string, StorageKind> kKinds{{"s3", StorageKind::S3},         {"gcp", StorageKind::Gcp},     {"azure", StorageKind::Azure},
                                                {"alioss", StorageKind::AliOss}, {"local", StorageKind::Local}, {"", StorageKind::None}};

/// The flag, else the first variable that is set.
std::string setting(const std::string& flag, const Getenv& env, std::initializer_list<const char*> names) {
    if (!flag.empty()) return flag;
    for (const char* name : names)
        if (const auto value = env(name); value && !value->empty()) return *value;
    return {};
}

std::string secret(const Getenv& env, std::initializer_list<const char*> names) {
    auto value = setting("", env, names);
    register_secret(value);
    return value;
}

std::unexpected<Error> missing(std::string_view what, std::string hint) {
    return fail_with_hint(Errc::Usage, fmt::format("no {}", what), std::move(hint));
}

bool is_true(const std::string& text) {
    const auto lower = to_lower_ascii(text);
    return lower == "1" || lower == "true" || lower == "yes" || lower == "on";
}

// What is compatible with S3 seldom has a name for every bucket; all of it, and R2 and B2 too, take the bucket in the path.
bool path_style(const StorageOptions& o, const Getenv& env, const std::string& endpoint) {
    if (o.path_style) return *o.path_style;
    if (const auto value = setting("", env, {"RECORDING_S3_FORCE_PATH_STYLE", "S3_FORCE_PATH_STYLE"}); !value.empty()) return is_true(value);
    return !endpoint.empty() && endpoint.find(".amazonaws.com") == std::string::npos;
}

template<class Store>
Result<void> put_proxy(const StorageOptions& o, const Getenv& env, Store& store) {
    if (o.proxy.empty()) return {};
    if (o.proxy.find('@') != std::string::npos)
        return fail_with_hint(Errc::Usage, "--proxy holds a login", "put it into RECORDING_PROXY_USERNAME and RECORDING_PROXY_PASSWORD");
    auto& proxy = *store.mutable_proxy();
    proxy.set_url(o.proxy);
    proxy.set_username(setting("", env, {"RECORDING_PROXY_USERNAME"}));
    proxy.set_password(secret(env, {"RECORDING_PROXY_PASSWORD"}));
    return {};
}

Result<StorageConfig> s3(const StorageOptions& o, const std::string& bucket, const Getenv& env) {
    StorageConfig config;
    auto& s3 = *config.mutable_s3();
    s3.set_bucket(setting(bucket.empty() ? o.bucket : bucket, env, {"RECORDING_S3_BUCKET", "S3_BUCKET"}));
    s3.set_region(setting(o.region, env, {"RECORDING_S3_REGION", "S3_REGION"}));
    s3.set_endpoint(setting(o.endpoint, env, {"RECORDING_S3_ENDPOINT", "S3_ENDPOINT"}));
    s3.set_access_key(setting("", env, {"RECORDING_S3_ACCESS_KEY", "S3_ACCESS_KEY"}));
    s3.set_secret(secret(env, {"RECORDING_S3_SECRET_KEY", "RECORDING_S3_SECRET", "S3_SECRET_KEY", "S3_SECRET"}));
    s3.set_session_token(secret(env, {"RECORDING_S3_SESSION_TOKEN", "S3_SESSION_TOKEN"}));
    s3.set_assume_role_arn(o.assume_role);
    s3.set_assume_role_external_id(secret(env, {"RECORDING_S3_EXTERNAL_ID", "S3_EXTERNAL_ID"}));
    s3.set_tagging(o.tagging);
    s3.set_content_disposition(o.content_disposition);
    s3.set_force_path_style(path_style(o, env, s3.endpoint()));
    for (const auto& text : o.metadata) {
        const auto pair = parse_assignment(text);
        if (!pair) return fail_with_hint(Errc::Usage, fmt::format("--object-metadata '{}' is not KEY=VALUE", terminal_safe(text)), "write it like --object-metadata call=1234");
        (*s3.mutable_metadata())[pair->first] = pair->second;
    }
    VC_TRY(put_proxy(o, env, s3));
    if (s3.bucket().empty()) return missing("bucket", "pass --bucket, or set RECORDING_S3_BUCKET");
    if (s3.access_key().empty() != s3.secret().empty())
        return missing(s3.secret().empty() ? "secret key to the S3 access key" : "access key to the S3 secret",
                       "set both RECORDING_S3_ACCESS_KEY and RECORDING_S3_SECRET_KEY, or neither: the egress service then uses its own");
    return config;
}

Result<StorageConfig> gcp(const StorageOptions& o, const std::string& bucket, const Getenv& env) {
    StorageConfig config;
    auto& store = *config.mutable_gcp();
    store.set_bucket(setting(bucket.empty() ? o.bucket : bucket, env, {"RECORDING_GCS_BUCKET", "GCS_BUCKET"}));
    if (store.bucket().empty()) return missing("bucket", "pass --bucket, or set RECORDING_GCS_BUCKET");
    if (const auto file = setting(o.credentials, env, {"GOOGLE_APPLICATION_CREDENTIALS"}); !file.empty()) {
        auto text = read_file(file, 1 << 20);
        if (!text) return fail(Errc::Usage, "{}", text.error().message);
        register_secret(trim(*text));
        if (!Json::parse(*text, nullptr, /*allow_exceptions=*/false).is_object())
            return fail_with_hint(Errc::Usage, fmt::format("{} is no key file of Google: it holds no JSON object", terminal_safe(file)),
                                  "make one for the service account: gcloud iam service-accounts keys create");
        store.set_credentials(*text);
    }
    VC_TRY(put_proxy(o, env, store));
    return config;
}

Result<StorageConfig> azure(const StorageOptions& o, const std::string& bucket, const Getenv& env) {
    StorageConfig config;
    auto& store = *config.mutable_azure();
    store.set_container_name(setting(bucket.empty() ? o.bucket : bucket, env, {"AZURE_STORAGE_CONTAINER"}));
    store.set_account_name(setting(o.account, env, {"AZURE_STORAGE_ACCOUNT"}));
    store.set_account_key(secret(env, {"AZURE_STORAGE_KEY"}));
    if (store.container_name().empty()) return missing("container", "pass --bucket, or set AZURE_STORAGE_CONTAINER");
    if (store.account_name().empty()) return missing("storage account", "pass --account, or set AZURE_STORAGE_ACCOUNT");
    return config;
}

Result<StorageConfig> alioss(const StorageOptions& o, const std::string& bucket, const Getenv& env) {
    StorageConfig config;
    auto& store = *config.mutable_alioss();
    store.set_bucket(setting(bucket.empty() ? o.bucket : bucket, env, {"RECORDING_OSS_BUCKET", "OSS_BUCKET"}));
    store.set_region(setting(o.region, env, {"RECORDING_OSS_REGION", "OSS_REGION"}));
    store.set_endpoint(setting(o.endpoint, env, {"RECORDING_OSS_ENDPOINT", "OSS_ENDPOINT"}));
    store.set_access_key(setting("", env, {"RECORDING_OSS_ACCESS_KEY", "OSS_ACCESS_KEY"}));
    store.set_secret(secret(env, {"RECORDING_OSS_SECRET_KEY", "OSS_SECRET_KEY"}));
    if (store.bucket().empty()) return missing("bucket", "pass --bucket, or set OSS_BUCKET");
    if (store.access_key().empty() || store.secret().empty()) return missing("keys for Alibaba OSS", "set OSS_ACCESS_KEY and OSS_SECRET_KEY");
    return config;
}

}  // namespace

StorageKind storage_kind(const std::string& name) {
    const auto found = kKinds.find(name);
    return found == kKinds.end() ? StorageKind::None : found->second;
}

std::string StorageOptions::first_given() const {
    const std::pair<const char*, bool> flags[] = {{"--storage", !kind.empty()},
                                                  {"--bucket", !bucket.empty()},
                                                  {"--region", !region.empty()},
                                                  {"--endpoint", !endpoint.empty()},
                                                  {"--account", !account.empty()},
                                                  {"--credentials", !credentials.empty()},
                                                  {"--assume-role", !assume_role.empty()},
                                                  {"--object-metadata", !metadata.empty()},
                                                  {"--tagging", !tagging.empty()},
                                                  {"--content-disposition", !content_disposition.empty()},
                                                  {"--proxy", !proxy.empty()},
                                                  {"--force-path-style", path_style.has_value()}};
    for (const auto& [flag, given] : flags)
        if (given) return flag;
    return {};
}

namespace {

Flag add_storage_flag(Command& cmd, const char* name, auto& value, const char* text) { return cmd.add_option(name, value, text).group("Storage"); }

void add_bucket_flags(Command& cmd, StorageOptions& o, const char* bucket) {
    add_storage_flag(cmd, "--bucket", o.bucket, bucket);
    add_storage_flag(cmd, "--region", o.region, "Region of the bucket");
    add_storage_flag(cmd, "--endpoint", o.endpoint, "Server, for what is not Amazon's own (MinIO, R2, B2)");
    cmd.add_yes_no("force-path-style", [&o](bool yes) { o.path_style = yes; }, "Bucket in the path and not in the host name [with --endpoint]")
        .group("Storage");
}

void add_object_flags(Command& cmd, StorageOptions& o) {
    add_storage_flag(cmd, "--object-metadata", o.metadata, "KEY=VALUE on the S3 object (repeat)").one_value();
    add_storage_flag(cmd, "--tagging", o.tagging, "S3 tags, as in a=1&b=2");
    add_storage_flag(cmd, "--content-disposition", o.content_disposition, "Of the S3 object [inline]");
    add_storage_flag(cmd, "--proxy", o.proxy, "Proxy of the egress service; login from RECORDING_PROXY_USERNAME and _PASSWORD");
}

}  // namespace

void add_storage_flags(Command cmd, StorageOptions& o) {
    add_bucket_flags(cmd, o, "Bucket or container");
    add_storage_flag(cmd, "--account", o.account, "Azure storage account [AZURE_STORAGE_ACCOUNT]");
    add_storage_flag(cmd, "--credentials", o.credentials, "Google key file [GOOGLE_APPLICATION_CREDENTIALS]");
    add_storage_flag(cmd, "--assume-role", o.assume_role, "ARN of a role that the egress service takes for S3");
    add_object_flags(cmd, o);
}

void add_s3_flags(Command cmd, StorageOptions& o) {
    add_bucket_flags(cmd, o, "Bucket of S3");
    add_object_flags(cmd, o);
}

Result<StorageConfig> storage_config(const StorageOptions& options, StorageKind kind, const std::string& bucket, const Getenv& env) {
    switch (kind) {
        case StorageKind::S3: return s3(options, bucket, env);
        case StorageKind::Gcp: return gcp(options, bucket, env);
        case StorageKind::Azure: return azure(options, bucket, env);
        case StorageKind::AliOss: return alioss(options, bucket, env);
        case StorageKind::None:
        case StorageKind::Local: break;
    }
    return StorageConfig();
}

}  // namespace voicectl::commands
