#include "commands/reference/topics.h"

#include <algorithm>

namespace voicectl::commands {
namespace {

constexpr const char* kExitCodes = R"(  0  done
  1  another failure: a broken answer, a file that cannot be written, a library that is missing; a question that was
     answered with no
  2  wrong flags, configuration or input; nothing was done
  3  the check ran and says no
  4  the key, its secret or the token was refused
  5  not found: the room, participant, dispatch, recording
  6  it exists already, or is in the wrong state
  7  unreachable, or no capacity
  8  timed out
  9  some done, some not
  130, 143  ended by SIGINT, SIGTERM)";

constexpr const char* kEnvironment = R"(  LIVEKIT_URL               server: ws://, wss://, http:// or https://
  LIVEKIT_API_KEY           API key
  LIVEKIT_API_SECRET        its secret
  VOICECTL_PROFILE          profile to use
  VOICECTL_CONFIG           configuration file, in place of ~/.config/voicectl/config.yaml
  VOICECTL_STORE            store of calls and transcripts: a file, or postgres://USER:PASSWORD@HOST/DATABASE
  DB_POOL_SIZE, DB_MAX_OVERFLOW, DB_POOL_RECYCLE, DB_POOL_PRE_PING, DB_POOL_TIMEOUT
                            connections to PostgreSQL: kept (10), more (20), seconds of use (3600), ask first (true), wait (30)
  PGPASSWORD, PGSSLMODE, …  what libpq knows, for what the address does not say
  VOICECTL_LIVEKIT_CORE     path of liblivekit_ffi.so
  VOICECTL_LIVEKIT_SERVER   path of livekit-server, for e2e-call --local
  RECORDING_S3_*, S3_*      storage of recordings: ACCESS_KEY, SECRET_KEY, BUCKET, REGION, ENDPOINT
  HTTPS_PROXY, NO_PROXY     proxies of HTTP calls, as curl knows them
  SSL_CERT_FILE             certificate authorities
  NO_COLOR, CLICOLOR_FORCE  no colour, colour
  XDG_CONFIG_HOME           where configuration lies)";

constexpr const char* kOutput = R"(Results go to stdout, everything else to stderr.

  -o table   columns for people; without borders or colour when piped (the default)
  -o wide    more columns
  -o json    one document; lists stand under their noun: {"rooms": […]}; --json is the same
  -o jsonl   one object a line
  -o tsv     the table's columns, tab separated, without a header
  -o name    names or ids alone, for xargs and --stdin; one with control characters is left out, with exit 1
  --fields a,b   only these fields; an unknown one is exit 2 and the list of those there are. Where something was changed
                 the whole result is printed instead, and the exit is 1
  --get PATH     what stands there, as raw text: --get /rooms/0/sid, --get '/rooms/*/name'

JSON has LiveKit's camelCase names with every field present, arrays never null, 64-bit numbers as numbers,
lists sorted. Secrets are masked; --show-secrets lifts that. A failure leaves stdout empty and, with --json,
prints one object to stderr: {"error": {code, exit, message, hint, request}}.)";

constexpr const char* kProfiles = R"(Server, key and secret come from, in this order: flags; a profile named by --profile; LIVEKIT_URL,
LIVEKIT_API_KEY and LIVEKIT_API_SECRET; the profile in VOICECTL_PROFILE, or the default one.
`voicectl config show --origin` says where each value came from.

~/.config/voicectl/config.yaml, mode 0600 (XDG_CONFIG_HOME, VOICECTL_CONFIG and --config move it):

  default: staging
  require_profile: false       true: no command without a profile named by flag or VOICECTL_PROFILE
  profiles:
    staging:
      url: wss://staging.example.com
      api_key: APIabc
      api_secret_file: /run/secrets/livekit      or api_secret: …
    production:
      url: wss://livekit.example.com
      api_key: APIdef
      api_secret_file: /run/secrets/livekit-production
      protected: true          changes ask for the profile's name; in scripts: --confirm production

Projects of LiveKit's own `lk` (~/.livekit/cli-config.yaml) count as profiles where there is none of that name.)";

constexpr const char* kFilters = R"(  --match RE           names that hold this regular expression (RE2)
  --older-than 1h      made longer ago; times are 90s, 15m, 2h, 1d, 1w and sums such as 1h30m
  --empty              rooms without participants
  --min-participants N
  --limit N, --all     lists show 100 at most unless told otherwise, and say so
  --stdin              names or ids on standard input, one a line:
                       voicectl room list --match '^test-' -o name | voicectl room delete --stdin)";

}  // namespace

const std::vector<Topic>& topics() {
    static const std::vector<Topic> all{{"environment", "Variables that voicectl reads", kEnvironment},
                                        {"exit-codes", "What each exit code means", kExitCodes},
                                        {"filters", "Choosing some of many", kFilters},
                                        {"output", "Formats, fields, and what goes where", kOutput},
                                        {"profiles", "Servers and keys by name", kProfiles}};
    return all;
}

const Topic* topic(const std::string& name) {
    const auto found = std::find_if(topics().begin(), topics().end(), [&](const Topic& one) { return one.name == name; });
    return found == topics().end() ? nullptr : &*found;
}

}  // namespace voicectl::commands
