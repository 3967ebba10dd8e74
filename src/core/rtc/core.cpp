#include <filesystem>

#include "core/rtc/room_impl.h"
#include "voicectl/base/process.h"

namespace voicectl::rtc {
namespace {

constexpr const char* kLibrary = "liblivekit_ffi.so";
constexpr const char* kVariable = "VOICECTL_LIVEKIT_CORE";
constexpr const char* kHint = "./scripts/setup fetches it, or set VOICECTL_LIVEKIT_CORE to liblivekit_ffi.so";

class LoadedCore final : public Core {
 public:
    explicit LoadedCore(std::shared_ptr<Ffi> ffi) : ffi_(std::move(ffi)) {}
    ~LoadedCore() override {
        pacer_.reset();  // no frame goes into a core that is ending
        ffi_->close();
    }
    std::unique_ptr<Room> room(Loop& loop, RoomOptions options, RoomObserver& observer) override {
        return std::make_unique<RoomImpl>(ffi_, *pacer_, loop, std::move(options), observer);
    }

 private:
    std::shared_ptr<Ffi> ffi_;
    std::unique_ptr<Pacer> pacer_ = std::make_unique<Pacer>();
};

bool is_file(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(path, ignored);
}

}  // namespace

Result<Core::Found> Core::find(const std::string& path) {
    const auto named = [](const std::string& file, std::string_view by) -> Result<Found> {
        if (is_file(file)) return Found{file, VC_LIVEKIT_CORE_VERSION};
        return fail_with_hint(Errc::Missing, fmt::format("LiveKit's core is not at {} ({})", file, by),
                              kHint);
    };
    // Who names a file means that one and no other.
    if (!path.empty()) return named(path, "as given");
    if (const char* variable = std::getenv(kVariable); variable != nullptr && *variable != '\0')
        return named(variable, kVariable);
    const auto folder = std::filesystem::path(own_executable()).parent_path();
    for (const auto& file : {folder / kLibrary, folder.parent_path() / "lib" / "voicectl" / kLibrary}) {
        if (is_file(file)) return Found{file.string(), VC_LIVEKIT_CORE_VERSION};
    }
    return fail_with_hint(Errc::Missing, fmt::format("LiveKit's core ({}) is not installed", kLibrary),
                          kHint);
}

Result<std::unique_ptr<Core>> Core::load(const std::string& path) {
    VC_TRY_ASSIGN(const auto found, find(path));
    VC_TRY_ASSIGN(auto ffi, Ffi::open(found.path));
    return std::make_unique<LoadedCore>(std::move(ffi));
}

}  // namespace voicectl::rtc
