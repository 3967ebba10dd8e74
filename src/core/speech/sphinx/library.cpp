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
    decltype(&::err_set_logfp) set_log_file = nullptr;
    decltype(&::err_set_callback) set_log_callback = nullptr;
    VC_TRY(shared.find_all({{"err_set_logfp", &set_log_file},
                            {"err_set_callback", &set_log_callback},
                            {"cmd_ln_init", &library->cmd_ln_init},
                            {"cmd_ln_free_r", &library->cmd_ln_free_r},
                            {"cmd_ln_float_r", &library->cmd_ln_float_r},
                            {"ps_args", &library->ps_args},
                            {"ps_init", &library->ps_init},
                            {"ps_free", &library->ps_free},
                            {"ps_add_word", &library->ps_add_word},
                            {"ps_set_fsg", &library->ps_set_fsg},
                            {"ps_get_config", &library->ps_get_config},
                            {"ps_get_logmath", &library->ps_get_logmath},
                            {"ps_set_search", &library->ps_set_search},
                            {"ps_get_feat", &library->ps_get_feat},
                            {"ps_start_stream", &library->ps_start_stream},
                            {"ps_start_utt", &library->ps_start_utt},
                            {"ps_process_raw", &library->ps_process_raw},
                            {"ps_end_utt", &library->ps_end_utt},
                            {"ps_get_hyp", &library->ps_get_hyp},
                            {"cmn_live_get", &library->cmn_live_get},
                            {"cmn_live_set", &library->cmn_live_set},
                            {"jsgf_parse_string", &library->jsgf_parse_string},
                            {"jsgf_get_public_rule", &library->jsgf_get_public_rule},
                            {"jsgf_build_fsg", &library->jsgf_build_fsg},
                            {"jsgf_grammar_free", &library->jsgf_grammar_free},
                            {"fsg_model_free", &library->fsg_model_free},
                            {"logmath_init", &library->logmath_init},
                            {"logmath_free", &library->logmath_free}}));
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
