// Voice activity without a model: audio::VoiceActivity as it is.
#include "core/speech/options.h"
#include "core/speech/providers/all.h"

namespace voicectl::speech {
namespace {

class Energy final : public VoiceModel {
 public:
    Result<std::unique_ptr<audio::VoiceActivity>> open(audio::VoiceActivityOptions options) override {
        return std::make_unique<audio::VoiceActivity>(options);
    }
};

Built<VoiceModel> build_energy(const nlohmann::json& options, const ProviderContext&) {
    OptionReader reader(options);
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    return std::make_unique<Energy>();
}

}  // namespace

const Provider<VoiceModel> kEnergy{"energy", "WebRTC's detector and the level over the room's noise; no model", &build_energy};

}  // namespace voicectl::speech
