#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "commands/root.h"

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of write(), not the end of a call
    // Debian's libcurl brings GnuTLS for protocols that are never spoken here; it takes 1 MB to set itself up when loaded.
    setenv("GNUTLS_NO_IMPLICIT_INIT", "1", 0);  // before there are threads
    std::ios::sync_with_stdio(false);
    voicectl::commands::Env env({std::cout, std::cerr, isatty(STDOUT_FILENO) == 1, isatty(STDERR_FILENO) == 1}, {},
                               {&std::cin, isatty(STDIN_FILENO) == 1});
    return voicectl::commands::run_main({argv + 1, argv + argc}, env);
}
