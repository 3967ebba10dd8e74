#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "support/temp_folder.h"
#include "voicectl/base/atomic_file.h"
#include "voicectl/base/text.h"

namespace voicectl {
namespace {

std::size_t entries(const std::string& folder) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
    return count;
}

TEST_CASE("a file is written whole, over what was there, with its mode") {
    test::TempFolder folder;
    const auto path = folder.file("a");
    CHECK(write_file_atomically(path, "old"));
    CHECK(write_file_atomically(path, std::string("new\0text", 8), 0600));
    CHECK(*read_file(path) == std::string("new\0text", 8));
    struct stat status {};
    CHECK(stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(entries(folder.path()) == 1);
}

TEST_CASE("a file that is not committed was never there") {
    test::TempFolder folder;
    const auto path = folder.file("a");
    {
        auto file = *AtomicFile::create(path);
        CHECK(file.write("half"));
        CHECK_FALSE(std::filesystem::exists(path));
    }
    CHECK(entries(folder.path()) == 0);
    auto file = *AtomicFile::create(path);
    auto moved = std::move(file);
    CHECK(moved.write("one, "));
    CHECK(moved.write("two"));
    CHECK(moved.commit());
    CHECK(*read_file(path) == "one, two");
}

TEST_CASE("a link stays a link, and a device is written straight") {
    test::TempFolder folder;
    CHECK(write_file_atomically(folder.file("target"), "old"));
    std::filesystem::create_symlink("target", folder.file("link"));
    CHECK(write_file_atomically(folder.file("link"), "new"));
    CHECK(std::filesystem::is_symlink(folder.file("link")));
    CHECK(*read_file(folder.file("target")) == "new");

    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    CHECK(write_file_atomically(fmt::format("/proc/self/fd/{}", ends[1]), "through a pipe"));
    char got[64] = {};
    CHECK(read(ends[0], got, sizeof(got)) == 14);
    close(ends[0]);
    close(ends[1]);
    CHECK(write_file_atomically("/dev/null", "gone"));
    CHECK(std::filesystem::is_character_file("/dev/null"));
    const auto full = write_file_atomically("/dev/full", "text");
    CHECK(full.error().message == "cannot write /dev/full: No space left on device");
}

TEST_CASE("files that cannot be written or read say which and why") {
    test::TempFolder folder;
    CHECK(write_file_atomically(folder.file("no/file"), "x").error().message == "cannot write " + folder.file("no/file") + ": No such file or directory");
    CHECK(write_file_atomically(folder.path(), "x").error().code == Errc::Io);
    CHECK(read_file(folder.file("absent")).error().code == Errc::NotFound);
    CHECK(read_file(folder.path()).error().code == Errc::Io);
    CHECK(write_file_atomically(folder.file("ten"), "0123456789"));
    CHECK(*read_file(folder.file("ten"), 10) == "0123456789");
    CHECK(read_file(folder.file("ten"), 9).error().code == Errc::Io);
}

}  // namespace
}  // namespace voicectl
