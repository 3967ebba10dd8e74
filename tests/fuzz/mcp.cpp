// What a server of the Model Context Protocol answers: being greeted, asked for its tools, and having one called.
#include "core/agent/tools/mcp.h"

#include "fake_wire.h"
#include "voicectl/base/json.h"

using namespace voicectl;
using namespace voicectl::fuzz;
using namespace voicectl::agent;

extern "C" int LLVMFuzzerTestOneInput(const char* data, std::size_t size) {
    static net::HttpClient http;
    McpSettings settings;
    settings.server.url = "http://127.0.0.1:1/mcp";
    test::FakeLoop loop;
    int told = 0;
    std::vector<speech::ToolSpec> tools;
    auto session = McpSession::open(loop, http, settings, [&](Result<std::vector<speech::ToolSpec>> found) {
        expect(++told == 1);
        if (!found) return expect_text(found.error().message);
        tools = std::move(*found);
        expect(tools.size() <= 128);
        for (const auto& tool : tools) expect(!tool.name.empty() && tool.name.size() <= 128 && tool.parameters.size() <= 32 * 1024), expect_text(tool.description);
    });
    std::unique_ptr<Tool> tool;
    std::unique_ptr<ToolRun> run;
    bool running = false;
    for (const auto& step : steps_of({data, size})) {
        if (step.what == 'd') run.reset(), running = false;
        else if (step.what == 'c' && told == 1 && !running && !tools.empty()) {
            run.reset();
            tool = session->tool(tools.front());
            running = true;
            run = tool->run(loop, nlohmann::json::object(), [&](const ToolResult& result) { expect(std::exchange(running, false)), expect_text(result.text); });
        } else if (!answer(step)) {
            loop.advance(step.time());
        }
        loop.settle();
    }
    loop.advance(std::chrono::minutes(5));
    expect(told == 1);
    run.reset();
    tool.reset();
    session.reset();
    expect(transfers().empty());
    if (const auto result = parse_object(std::string_view(data, size), 40)) std::ignore = to_tool_result(*result);
    return 0;
}
