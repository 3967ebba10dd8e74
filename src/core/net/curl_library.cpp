#include "curl_library.h"

// After the header: the functions are met as names only.
#undef curl_easy_setopt
#undef curl_easy_getinfo

#include "voicectl/base/shared_library.h"

namespace voicectl::net {
namespace {

Result<CurlLibrary> load() {
    VC_TRY_ASSIGN(const auto library, SharedLibrary::open({"libcurl.so.4"}, "install it: apt-get install libcurl4"));
    CurlLibrary curl{};
    const auto find = [&](auto& function, const char* name) -> Result<void> {
        VC_TRY_ASSIGN(function, library.symbol<std::remove_reference_t<decltype(function)>>(name));
        return {};
    };
    VC_TRY(find(curl.global_init, "curl_global_init"));
    VC_TRY(find(curl.version_info, "curl_version_info"));
    VC_TRY(find(curl.easy_init, "curl_easy_init"));
    VC_TRY(find(curl.easy_cleanup, "curl_easy_cleanup"));
    VC_TRY(find(curl.easy_reset, "curl_easy_reset"));
    VC_TRY(find(curl.easy_setopt, "curl_easy_setopt"));
    VC_TRY(find(curl.easy_getinfo, "curl_easy_getinfo"));
    VC_TRY(find(curl.easy_strerror, "curl_easy_strerror"));
    VC_TRY(find(curl.slist_append, "curl_slist_append"));
    VC_TRY(find(curl.slist_free_all, "curl_slist_free_all"));
    VC_TRY(find(curl.multi_init, "curl_multi_init"));
    VC_TRY(find(curl.multi_cleanup, "curl_multi_cleanup"));
    VC_TRY(find(curl.multi_add_handle, "curl_multi_add_handle"));
    VC_TRY(find(curl.multi_remove_handle, "curl_multi_remove_handle"));
    VC_TRY(find(curl.multi_perform, "curl_multi_perform"));
    VC_TRY(find(curl.multi_info_read, "curl_multi_info_read"));
    VC_TRY(find(curl.multi_poll, "curl_multi_poll"));
    VC_TRY(find(curl.multi_wakeup, "curl_multi_wakeup"));
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
