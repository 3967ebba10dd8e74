#include "core/speech/sphinx/library.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <mutex>
#include <utility>

#include "voicectl/base/log.h"
#include "voicectl/base/shared_library.h"
#include "voicectl/base/text.h"

namespace voicectl::speech::sphinx {
namespace {

thread_local std::string complaint;

void on_log(void*, err_lvl_t level, const char* format, ...) {
    if (level < ERR_ERROR) return;
    std::array<char, 512> line{};
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line.data(), line.size(), format, arguments);
    va_end(arguments);
    complaint = trim(line.data());
    // ERROR: "jsgf.c", line 12: what happened. The place in their source helps nobody here.
    if (const auto place = complaint.find("\", line "); place != std::string::npos)
        if (const auto colon = complaint.find(": ", place); colon != std::string::npos) complaint.erase(0, colon + 2);
    // The library ends the process when this returns: let it not do so without a word.
    if (level == ERR_FATAL) log::error("pocketsphinx", "a file cannot be used", {{"reason", complaint}});
}

Result<std::unique_ptr<Library>> load() {
    VC_TRY_ASSIGN(const auto shared, SharedLibrary::open({"libpocketsphinx.so.3"}, kHint));
    auto library = std::make_unique<Library>();
    Result<void> missing;
    const auto bind = [&]<class Pointer>(Pointer& function, const char* name) {
        if (auto found = shared.symbol<Pointer>(name)) function = *found;
        else missing = std::unexpected(std::move(found).error());
    };
    decltype(&::err_set_logfp) set_log_file = nullptr;
    decltype(&::err_set_callback) set_log_callback = nullptr;
    bind(set_log_file, "err_set_logfp");
    bind(set_log_callback, "err_set_callback");
    bind(library->cmd_ln_init, "cmd_ln_init");
    bind(library->cmd_ln_free_r, "cmd_ln_free_r");
    bind(library->cmd_ln_float_r, "cmd_ln_float_r");
    bind(library->ps_args, "ps_args");
    bind(library->ps_init, "ps_init");
    bind(library->ps_free, "ps_free");
    bind(library->ps_add_word, "ps_add_word");
    bind(library->ps_set_fsg, "ps_set_fsg");
    bind(library->ps_get_config, "ps_get_config");
    bind(library->ps_get_logmath, "ps_get_logmath");
    bind(library->ps_set_search, "ps_set_search");
    bind(library->ps_get_feat, "ps_get_feat");
    bind(library->ps_start_stream, "ps_start_stream");
    bind(library->ps_start_utt, "ps_start_utt");
    bind(library->ps_process_raw, "ps_process_raw");
    bind(library->ps_end_utt, "ps_end_utt");
    bind(library->ps_get_hyp, "ps_get_hyp");
    bind(library->cmn_live_get, "cmn_live_get");
    bind(library->cmn_live_set, "cmn_live_set");
    bind(library->jsgf_parse_string, "jsgf_parse_string");
    bind(library->jsgf_get_public_rule, "jsgf_get_public_rule");
    bind(library->jsgf_build_fsg, "jsgf_build_fsg");
    bind(library->jsgf_grammar_free, "jsgf_grammar_free");
    bind(library->fsg_model_free, "fsg_model_free");
    bind(library->logmath_init, "logmath_init");
    bind(library->logmath_free, "logmath_free");
    if (!missing) return std::unexpected(std::move(missing).error());
    set_log_file(nullptr);
    set_log_callback(&on_log, nullptr);
    return library;
}

}  // namespace

Result<const Library*> Library::get() {
    static std::mutex mutex;
    static const Library* loaded = nullptr;  // never unloaded
    std::lock_guard lock(mutex);
    if (loaded) return loaded;
    VC_TRY_ASSIGN(auto library, load());
    return loaded = library.release();
}

std::string Library::take_complaint() { return std::exchange(complaint, {}); }

}  // namespace voicectl::speech::sphinx
