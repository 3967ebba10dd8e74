#include <CLI/CLI.hpp>
#include <doctest/doctest.h>

#include <set>

#include "bench.h"
#include "commands/completion/completion.h"
#include "commands/reference/manual.h"
#include "commands/reference/topics.h"
#include "voicectl/base/text.h"

namespace voicectl::commands {

using test::CommandBench;

namespace {

std::unique_ptr<CLI::App> tree(CommandBench& bench) { return make_app(bench.env); }

/// The words of each `voicectl …` in a line of shell, as far as it takes to parse them.
std::vector<std::vector<std::string>> voicectl_words(const std::string& line) {
    std::vector<std::vector<std::string>> out;
    std::vector<std::string> words;
    std::string word;
    char quote = 0;
    bool any = false;
    const auto end_word = [&] {
        if (any) words.push_back(word);
        word.clear();
        any = false;
    };
    const auto end_command = [&] {
        end_word();
        if (!words.empty() && words.front() == "voicectl") out.emplace_back(words.begin() + 1, words.end());
        words.clear();
    };
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != 0) {
            if (c == quote) quote = 0;
            else word += c;
        } else if (c == '\'' || c == '"') {
            quote = c, any = true;
        } else if (c == '|' || c == ';' || (c == '&' && i + 1 < line.size() && line[i + 1] == '&')) {
            end_command();
            if (c == '&') ++i;
        } else if (c == '(' && word.ends_with('<')) {  // <(voicectl …)
            word.clear(), any = false;
            words.clear();
        } else if (c == ')') {
            end_command();
        } else if (c == '>' || c == '<') {
            end_command();  // what follows is a file
            if (c == '<') word = "<", any = true;
        } else if (c == ' ') {
            if (i + 2 < line.size() && line[i + 1] == ' ' && line[i + 2] == ' ') break;  // a comment beside it
            end_word();
        } else {
            word += c, any = true;
        }
    }
    end_command();
    return out;
}

std::vector<std::string> words_of(const Completion& completion) {
    std::vector<std::string> out;
    for (const auto& one : completion.candidates) out.push_back(one.word);
    return out;
}

std::vector<std::string> completed(std::vector<std::string> words) {
    CommandBench bench;
    return words_of(candidates(words, bench.env));
}

bool has(const std::vector<std::string>& words, const std::string& word) { return std::find(words.begin(), words.end(), word) != words.end(); }

}  // namespace

TEST_CASE("every command has a summary, an example, and examples that parse") {
    CommandBench bench;
    const auto root = tree(bench);
    std::size_t examples = 0;
    for (const auto* command : all_commands(*root)) {
        const auto page = page_of(*command);
        CAPTURE(page.name());
        CHECK(!page.summary.empty());
        CHECK_MESSAGE((!page.children.empty() || !page.examples.empty()), "no example");
        for (const auto& example : page.examples) {
            CAPTURE(example);
            const auto lines = voicectl_words(example);
            CHECK(!lines.empty());
            for (const auto& words : lines) {
                ++examples;
                CommandBench one;
                const auto app = make_app(one.env);
                auto reversed = words;
                std::reverse(reversed.begin(), reversed.end());
                try {
                    app->parse(std::move(reversed));
                } catch (const CLI::CallForHelp&) {
                } catch (const CLI::ParseError& error) {
                    FAIL_CHECK(error.what());
                }
            }
        }
    }
    CHECK(examples > 30);
}

TEST_CASE("a wrong example would be noticed") {
    CommandBench bench;
    const auto lines = voicectl_words("voicectl room list -o name | voicectl room delete --stdin --nonsense > x");
    REQUIRE(lines.size() == 2);
    CHECK(bench.run(lines[1]) == 2);
    CHECK(voicectl_words("source <(voicectl completion bash)") == std::vector<std::vector<std::string>>{{"completion", "bash"}});
    CHECK(voicectl_words("voicectl token verify \"$A b\"   a comment") == std::vector<std::vector<std::string>>{{"token", "verify", "$A b"}});
}

TEST_CASE("flags are shown with their values, defaults and choices") {
    CommandBench bench;
    const auto root = tree(bench);
    const auto help = help_text(page_of(*root->get_subcommand("room")->get_subcommand("create")));
    CHECK(help.find("Usage: voicectl room create [flags] NAME\n") != std::string::npos);
    CHECK(help.find("--wait-agent[=30s]") != std::string::npos);
    CHECK(help.find("--empty-timeout TIME") != std::string::npos);
    CHECK(help.find("Examples:\n  voicectl room create") < help.find("Flags:"));
    const auto own = help_text(page_of(*root));
    CHECK(own.find("Format of results: table, wide, json, jsonl, tsv, name") != std::string::npos);
    for (const auto& line : split(own, '\n')) CHECK(utf8_length(line) <= 118);
}

TEST_CASE("help is the same by flag and by command") {
    CommandBench by_flag, by_word;
    CHECK(by_flag.run({"room", "create", "--help"}) == 0);
    CHECK(by_word.run({"help", "room", "create"}) == 0);
    CHECK(by_flag.results.str() == by_word.results.str());
    CommandBench topic_bench, unknown;
    CHECK(topic_bench.run({"help", "exit-codes"}) == 0);
    CHECK(topic_bench.results.str().find("timed out") != std::string::npos);
    CHECK(unknown.run({"help", "wat"}) == 2);
}

TEST_CASE("a man page holds roff's own characters down") {
    CommandPage page;
    page.path = {"voicectl", "x"};
    page.summary = "A 'thing' with a - and \\";
    page.about = ".not a request\n'nor this";
    const auto man = man_page(page, {}, "1");
    CHECK(man.find("\\&.not a request\n\\&'nor this") != std::string::npos);
    CHECK(man.find("\\- and \\e") != std::string::npos);
    CHECK(man.find("EXIT STATUS") != std::string::npos);
}

TEST_CASE("completion knows commands, flags, choices and where files go") {
    CHECK(completed({"ro"}) == std::vector<std::string>{"room"});
    CHECK(has(completed({"room", ""}), "create"));
    CHECK(has(completed({"room", "create", "--em"}), "--empty-timeout"));
    CHECK(has(completed({"room", "create", "--js"}), "--json"));
    CHECK(completed({"-o", "js"}) == std::vector<std::string>{"json", "jsonl"});
    CHECK(completed({"room", "list", "--output=js"}) == std::vector<std::string>{"--output=json", "--output=jsonl"});
    CHECK(completed({"completion", "z"}) == std::vector<std::string>{"zsh"});
    CHECK(completed({"token", "create", "--role", "ca"}) == std::vector<std::string>{"caller"});
    CHECK(completed({"docs"}).empty());  // hidden
    CommandBench bench;
    CHECK(candidates({"agent", "run", ""}, bench.env).follow == Follow::Files);
    CHECK(candidates({"e2e-call", "--record", ""}, bench.env).follow == Follow::Folders);
}

TEST_CASE("completion knows topics, words of commands behind help, and settings") {
    CHECK(completed({"help", "exit"}) == std::vector<std::string>{"exit-codes"});
    CHECK(has(completed({"help", ""}), "room"));
    CHECK(completed({"help", "room", "cre"}) == std::vector<std::string>{"create"});
    CHECK(completed({"config", "set", "requ"}) == std::vector<std::string>{"require_profile"});
}

TEST_CASE("completion is silent when there is no server") {
    CommandBench bench;
    bench.environment["LIVEKIT_URL"] = "ws://127.0.0.1:1";
    CHECK(complete({"room", "get", ""}, bench.env) == 0);
    CHECK(bench.results.str().empty());
    CHECK(bench.talk.str().empty());
    CommandBench none;
    none.environment.clear();
    CHECK(complete({"room", "get", ""}, none.env) == 0);
    CHECK(none.talk.str().empty());
}

TEST_CASE("every topic has a name of its own and a text") {
    std::set<std::string> names;
    for (const auto& one : topics()) {
        CHECK(names.insert(one.name).second);
        CHECK(std::string(one.text).size() > 50);
    }
}

}  // namespace voicectl::commands
