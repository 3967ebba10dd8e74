#include "curl_library.h"

#include <openssl/crypto.h>

// After the header: the functions are met as names only.
#undef curl_easy_setopt
#undef curl_easy_getinfo

#include "voicectl/base/shared_library.h"

namespace voicectl::net {
namespace {

Result<CurlLibrary> load() {
    VC_TRY_ASSIGN(const auto library, SharedLibrary::open({"libcurl.so.4"}, "install it: apt-get install libcurl4"));
    CurlLibrary curl{};
    VC_TRY(library.find_all({{"curl_global_init", &curl.global_init},
                             {"curl_version_info", &curl.version_info},
                             {"curl_easy_init", &curl.easy_init},
                             {"curl_easy_cleanup", &curl.easy_cleanup},
                             {"curl_easy_reset", &curl.easy_reset},
                             {"curl_easy_setopt", &curl.easy_setopt},
                             {"curl_easy_getinfo", &curl.easy_getinfo},
                             {"curl_easy_strerror", &curl.easy_strerror},
                             {"curl_slist_append", &curl.slist_append},
                             {"curl_slist_free_all", &curl.slist_free_all},
                             {"curl_multi_init", &curl.multi_init},
                             {"curl_multi_cleanup", &curl.multi_cleanup},
                             {"curl_multi_add_handle", &curl.multi_add_handle},
                             {"curl_multi_remove_handle", &curl.multi_remove_handle},
                             {"curl_multi_perform", &curl.multi_perform},
                             {"curl_multi_info_read", &curl.multi_info_read},
                             {"curl_multi_poll", &curl.multi_poll},
                             {"curl_multi_wakeup", &curl.multi_wakeup}}));
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);  // the process ends as it is: no half a millisecond of tidying up
    if (const auto code = curl.global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK)
        return fail(Errc::Missing, "libcurl does not start: {}", curl.easy_strerror(code));
    return curl;
}

}  // namespace

Result<const CurlLibrary*> curl_library() {
    static const Result<CurlLibrary> library = load();  // its global state is one per process whatever we do
    if (!library) return std::unexpected(library.error());
    return &*library;
}

}  // namespace voicectl::net
