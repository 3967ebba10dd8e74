// A language model behind HTTP that answers with a stream of events: connections, deadlines, retries and putting the
// answer together are here; what a provider asks and how it answers is its dialect. Dialects are shared values, any
// thread; streams live on their loop.
#pragma once

#include <memory>
#include <string>

#include "core/speech/chat_chunk.h"
#include "core/speech/remote.h"
#include "voicectl/speech/speech.h"

namespace voicectl::speech {

/// Reads the events of one answer, in order.
class ChatReader {
 public:
    virtual ~ChatReader() = default;
    /// The data of one event. An error ends the answer.
    virtual Result<ChatChunk> read(const std::string& data) = 0;
    /// A whole answer, of a server that does not stream.
    virtual Result<ChatChunk> read_whole(const std::string& body) = 0;
};

class ChatDialect {
 public:
    virtual ~ChatDialect() = default;
    virtual const Remote& remote() const = 0;
    virtual net::HttpRequest request(const Chat& chat) const = 0;
    /// Something cheap to ask, so that the connection is there when it is needed.
    virtual net::HttpRequest warm_up() const = 0;
    virtual std::unique_ptr<ChatReader> reader() const = 0;
};

/// `http` outlives the model.
std::unique_ptr<LanguageModel> chat_model(net::HttpClient& http, std::shared_ptr<const ChatDialect> dialect);

/// What dialects share of reading options: `model` has to be there, `base_url` to be http or https.
std::string read_model(OptionReader& reader);
void expect_http(OptionReader& reader, const Remote& remote);

/// JSON schema of a tool's arguments as a value; what is none becomes the schema of an empty object.
nlohmann::json schema_of(const ToolSpec& tool);

}  // namespace voicectl::speech
