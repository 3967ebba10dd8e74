#include "self_signed.h"

#include <cstdlib>
#include <filesystem>

#include "voicectl/base/text.h"

namespace voicectl::test {

TrustedFor::TrustedFor(const std::string& certificate)
    : path_((std::filesystem::temp_directory_path() / ("voicectl-test-" + random_id(10) + ".pem")).string()) {
    (void)write_file_atomically(path_, certificate);
    setenv("SSL_CERT_FILE", path_.c_str(), 1);
}

TrustedFor::~TrustedFor() {
    unsetenv("SSL_CERT_FILE");
    std::filesystem::remove(path_);
}

}  // namespace voicectl::test
