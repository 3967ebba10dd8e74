// libpocketsphinx 0.8-5prealpha, opened when first needed. Its log goes nowhere; the last line of it on
// this thread is kept, for it says why something failed.
#pragma once

#include <pocketsphinx.h>
#include <sphinxbase/err.h>
#include <sphinxbase/feat.h>
#include <sphinxbase/fsg_model.h>
#include <sphinxbase/jsgf.h>

#include <string>

#include "voicectl/base/result.h"

namespace voicectl::speech::sphinx {

inline constexpr auto kHint = "install it: apt install libpocketsphinx3 pocketsphinx-en-us";

struct Library {
    decltype(&::cmd_ln_init) cmd_ln_init;
    decltype(&::cmd_ln_free_r) cmd_ln_free_r;
    decltype(&::cmd_ln_float_r) cmd_ln_float_r;
    decltype(&::ps_args) ps_args;
    decltype(&::ps_init) ps_init;
    decltype(&::ps_free) ps_free;
    decltype(&::ps_add_word) ps_add_word;
    decltype(&::ps_set_fsg) ps_set_fsg;
    decltype(&::ps_get_config) ps_get_config;
    decltype(&::ps_get_logmath) ps_get_logmath;
    decltype(&::ps_set_search) ps_set_search;
    decltype(&::ps_get_feat) ps_get_feat;
    decltype(&::ps_start_stream) ps_start_stream;
    decltype(&::ps_start_utt) ps_start_utt;
    decltype(&::ps_process_raw) ps_process_raw;
    decltype(&::ps_end_utt) ps_end_utt;
    decltype(&::ps_get_hyp) ps_get_hyp;
    decltype(&::cmn_live_get) cmn_live_get;
    decltype(&::cmn_live_set) cmn_live_set;
    decltype(&::jsgf_parse_string) jsgf_parse_string;
    decltype(&::jsgf_get_public_rule) jsgf_get_public_rule;
    decltype(&::jsgf_build_fsg) jsgf_build_fsg;
    decltype(&::jsgf_grammar_free) jsgf_grammar_free;
    decltype(&::fsg_model_free) fsg_model_free;
    decltype(&::logmath_init) logmath_init;
    decltype(&::logmath_free) logmath_free;

    /// The process's one; Errc::Missing when it is not installed.
    static Result<const Library*> get();
    /// The last complaint of the library on this thread, and forgets it.
    static std::string take_complaint();
};

}  // namespace voicectl::speech::sphinx
