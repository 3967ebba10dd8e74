#include "core/speech/sherpa/onnx_file.h"

#include <doctest/doctest.h>

#include <fstream>

#include "support/temp_folder.h"

using namespace voicectl;
using namespace voicectl::speech::sherpa;

namespace {

std::string varint(std::uint64_t value) {
    std::string out;
    do {
        out += static_cast<char>((value & 0x7F) | (value > 0x7F ? 0x80 : 0));
        value >>= 7;
    } while (value != 0);
    return out;
}
std::string field(unsigned number, const std::string& bytes) { return varint(number << 3 | 2) + varint(bytes.size()) + bytes; }
std::string note(const std::string& key, const std::string& value) { return field(14, field(1, key) + field(2, value)); }

const std::string kSmallModel = varint(1 << 3) + varint(8) + field(2, "pytorch") + field(7, std::string(300, 'g')) + note("sample_rate", "22050") +
                                field(8, "x") + note("comment", "") + note("n_speakers", "1");

struct ModelFolder {
    test::TempFolder folder;
    std::string path = folder.file("model.onnx");
    const std::string& with(const std::string& bytes) const {
        std::ofstream(path, std::ios::binary) << bytes;
        return path;
    }
};

}  // namespace

TEST_CASE("a model's notes are read past its graph") {
    const ModelFolder file;
    const auto notes = read_onnx_notes(file.with(kSmallModel));
    REQUIRE(notes);
    CHECK(*notes == std::map<std::string, std::string>{{"sample_rate", "22050"}, {"comment", ""}, {"n_speakers", "1"}});
    CHECK(check_onnx(file.path, {"sample_rate", "n_speakers"}));
    CHECK(check_onnx(file.path, {"sample_rate", "language"}).error().message.ends_with("does not tell its language"));
    CHECK(!check_onnx(file.path, {"comment"}));
}

TEST_CASE("what is no model, or only a part of one, is refused") {
    const ModelFolder file;
    CHECK(read_onnx_notes("/nowhere/model.onnx").error().code == Errc::NotFound);
    CHECK(read_onnx_notes("/tmp").error().code == Errc::NotFound);
    int whole = 0;
    for (std::size_t length = 0; length < kSmallModel.size(); ++length) whole += read_onnx_notes(file.with(kSmallModel.substr(0, length))) ? 1 : 0;
    CHECK(whole <= 4);  // after its graph, between two of its notes
    for (const auto& bytes : {std::string(), std::string("<html>"), std::string(1000, '\0'), std::string(1000, '\xFF'), std::string("PK\x03\x04"), kSmallModel + "x",
                              varint(1 << 3) + varint(8) + varint(7 << 3 | 2) + varint(1ULL << 62), varint(8) + varint(8), field(7, "graph"),
                              kSmallModel + field(14, varint(1 << 3 | 2) + varint(1ULL << 40)), kSmallModel + field(14, field(3, "x"))}) {
        CAPTURE(bytes.size());
        const auto notes = read_onnx_notes(file.with(bytes));
        REQUIRE(!notes);
        CHECK(notes.error().code == Errc::Config);
    }
    std::string many = kSmallModel;
    for (int i = 0; i < 2000; ++i) many += note(std::to_string(i), "x");
    CHECK(!read_onnx_notes(file.with(many)));
}

TEST_CASE("a list of symbols has a number in each line") {
    const ModelFolder file;
    CHECK(check_tokens(file.with("<blk> 0\n\xE2\x96\x81THE 1\n  2\r\nx\t3\n")));
    for (const std::string text : {"", "\n\n", "a b\n", "a 1\nb\n", "a -1\n", "<html>\n", "a 99999999999\n"}) CHECK(!check_tokens(file.with(text)));
    CHECK(check_tokens("/nowhere/tokens.txt").error().code == Errc::NotFound);
}
