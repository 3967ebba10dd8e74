#include "voicectl/base/load_meter.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "support/temp_folder.h"

namespace voicectl {
namespace {

using namespace std::chrono_literals;

struct Machine {
    test::TempFolder folder;
    void write(const std::string& path, const std::string& text) const {
        const auto file = std::filesystem::path(folder.path()) / path;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }
    /// `idle` and `worked` ticks since the start; waiting for disks is idle, and so is what is niced.
    void cpu(int worked, int idle, int niced = 0) const {
        write("proc/stat", "cpu  " + std::to_string(worked) + " " + std::to_string(niced) + " 0 " + std::to_string(idle) + " 7 0 0 0 3 0\ncpu0 1 1 1 1\n");
    }
    LoadMeter meter() const { return LoadMeter(folder.file("proc"), folder.file("cg")); }
};

}  // namespace

TEST_CASE("CPU is what was worked between looks, averaged over the last five") {
    const Machine machine;
    auto meter = machine.meter();
    TimePoint now{};
    machine.cpu(1000, 1000);
    meter.sample(now);
    CHECK(meter.cpu() == 0);
    machine.cpu(1075, 1025);
    meter.sample(now += 500ms);
    CHECK(meter.cpu() == doctest::Approx(0.75));
    machine.cpu(1100, 1100);
    meter.sample(now += 500ms);
    CHECK(meter.cpu() == doctest::Approx(0.5));
    for (int i = 1; i <= 5; ++i) {
        machine.cpu(1100 + i * 100, 1100);
        meter.sample(now += 500ms);
    }
    CHECK(meter.cpu() == doctest::Approx(1));
}

TEST_CASE("what is niced is no load") {
    const Machine machine;
    auto meter = machine.meter();
    TimePoint now{};
    machine.cpu(0, 0);
    meter.sample(now);
    machine.cpu(50, 0, 50);
    meter.sample(now += 500ms);
    CHECK(meter.cpu() == doctest::Approx(0.5));
}

TEST_CASE("a cgroup's quota counts when it is the tighter one") {
    const Machine machine;
    machine.write("proc/self/cgroup", "0::/agents.slice\n");
    machine.write("cg/agents.slice/cpu.max", "50000 100000\n");  // half a core
    machine.write("cg/agents.slice/cpu.stat", "usage_usec 1000000\nuser_usec 5\n");
    auto meter = machine.meter();
    TimePoint now{};
    machine.cpu(0, 1000);
    meter.sample(now);
    machine.cpu(10, 1090);
    machine.write("cg/agents.slice/cpu.stat", "usage_usec 1200000\nuser_usec 5\n");
    meter.sample(now += 500ms);
    CHECK(meter.cpu() == doctest::Approx(0.8));  // 0.2 s of the 0.25 s that it may have
}

TEST_CASE("memory is what is taken of the machine's, or of the cgroup's without its page cache") {
    const Machine machine;
    machine.write("proc/meminfo", "MemTotal:       1000 kB\nMemFree: 100 kB\nMemAvailable:    700 kB\n");
    CHECK(machine.meter().memory() == doctest::Approx(0.3));
    machine.write("proc/self/cgroup", "0::/a\n");
    machine.write("cg/a/memory.max", "max\n");
    machine.write("cg/a/memory.current", "900\n");
    CHECK(machine.meter().memory() == doctest::Approx(0.3));
    machine.write("cg/a/memory.max", "1000\n");
    machine.write("cg/a/memory.stat", "anon 500\ninactive_file 200\n");
    CHECK(machine.meter().memory() == doctest::Approx(0.7));
}

TEST_CASE("a machine that tells nothing is not loaded") {
    const Machine machine;
    auto meter = machine.meter();
    meter.sample({});
    meter.sample(TimePoint{} + 1s);
    CHECK(meter.cpu() == 0);
    CHECK(meter.memory() == 0);
}

}  // namespace voicectl
