// POST /v1/audio/transcriptions of OpenAI and of everything that speaks the same protocol (whisper servers, Groq, …).
// https://platform.openai.com/docs/api-reference/audio/createTranscription
#include "core/speech/http_stt.h"
#include "core/speech/providers/all.h"
#include "voicectl/base/text.h"

namespace voicectl::speech {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

/// multipart/form-data (RFC 7578). The boundary is random, so that no field can hold it.
std::string multipart(const Fields& fields, const std::string& wav, const std::string& boundary) {
    std::string out;
    for (const auto& [name, value] : fields)
        out += fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n", boundary, name, value);
    out += fmt::format("--{}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"speech.wav\"\r\nContent-Type: audio/wav\r\n\r\n", boundary);
    out += wav;
    out += fmt::format("\r\n--{}--\r\n", boundary);
    return out;
}

net::HttpRequest transcription_request(const HearingDialect& dialect, const Fields& fields, const std::string& wav) {
    const auto boundary = "voicectl-" + random_id(24);
    auto request = request_to(dialect.remote, "/audio/transcriptions");
    add_header(request, "Content-Type", "multipart/form-data; boundary=" + boundary);
    if (!dialect.remote.key.empty()) add_header(request, "Authorization", "Bearer " + dialect.remote.key);
    request.body = multipart(fields, wav, boundary);
    return request;
}

Built<SpeechToText> build_openai_stt(const nlohmann::json& options, const ProviderContext& context) {
    OptionReader reader(options);
    HearingDialect dialect;
    dialect.remote = read_remote(reader, context, {.provider = "openai", .base = "https://api.openai.com/v1", .key_variable = "OPENAI_API_KEY",
                                                   .first_key = "answer_timeout", .first = std::chrono::seconds(8)});
    Fields fields{{"model", reader.text("model", "")}, {"response_format", "json"}};
    if (fields[0].second.empty()) reader.fault("model", "missing", "the name of the model, as the server knows it");
    for (const auto* key : {"language", "prompt"})
        if (const auto value = reader.text(key)) fields.emplace_back(key, valid_utf8(*value));
    if (const auto temperature = reader.number("temperature", 0, 1)) fields.emplace_back("temperature", fmt::format("{}", *temperature));
    if (reader.flag("stream", false)) fields.emplace_back("stream", "true");
    dialect.ahead = reader.flag("ahead", true);
    if (auto fault = reader.finish()) return std::unexpected(std::move(*fault));
    dialect.request = [fields = std::move(fields)](const HearingDialect& self, const std::string& wav) {
        return transcription_request(self, fields, wav);
    };
    return make_http_recogniser(context.http, std::move(dialect));
}

}  // namespace

const Provider<SpeechToText> kOpenAiTranscription{"openai", "transcriptions of OpenAI and compatible servers", &build_openai_stt};

}  // namespace voicectl::speech
