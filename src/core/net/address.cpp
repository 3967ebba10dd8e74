#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "voicectl/net/url.h"

namespace voicectl::net {
namespace {

struct Block {
    std::array<std::uint8_t, 16> bytes;
    int bits;
};

// IANA IPv4 and IPv6 Special-Purpose Address Registries, and multicast.
constexpr std::array kSpecialV4{
    Block{{0}, 8},           Block{{10}, 8},           Block{{100, 64}, 10},      Block{{127}, 8},          Block{{169, 254}, 16},
    Block{{172, 16}, 12},    Block{{192, 0, 0}, 24},   Block{{192, 0, 2}, 24},    Block{{192, 88, 99}, 24}, Block{{192, 168}, 16},
    Block{{198, 18}, 15},    Block{{198, 51, 100}, 24}, Block{{203, 0, 113}, 24}, Block{{224}, 3},
};
constexpr std::array kSpecialV6{
    Block{{0xFC}, 7},                    // unique local
    Block{{0xFE, 0x80}, 10},             // link
    Block{{0xFE, 0xC0}, 10},             // site, of old
    Block{{0xFF}, 8},                    // multicast
    Block{{0x01, 0x00}, 64},             // discard
    Block{{0x20, 0x01}, 23},             // protocol assignments, Teredo among them
    Block{{0x20, 0x01, 0x0D, 0xB8}, 32}, // documentation
    Block{{0x3F, 0xFF}, 20},             // documentation
    Block{{0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01}, 48},  // translation within a network
};

bool lies_in(const std::uint8_t* address, const Block& block) {
    for (int bit = 0; bit < block.bits; bit += 8) {
        const auto left = std::min(8, block.bits - bit);
        const auto mask = static_cast<std::uint8_t>(0xFF << (8 - left));
        const auto at = static_cast<std::size_t>(bit / 8);
        if ((address[at] & mask) != (block.bytes[at] & mask)) return false;
    }
    return true;
}

template<class Blocks>
bool lies_in_any(const std::uint8_t* address, const Blocks& blocks) {
    return std::any_of(blocks.begin(), blocks.end(), [&](const Block& block) { return lies_in(address, block); });
}

/// Where an IPv6 address has an IPv4 one in it: mapped, compatible (with :: and ::1), NAT64 and 6to4.
const std::uint8_t* embedded_v4(const std::uint8_t* v6) {
    constexpr Block kCompatible{{}, 96}, kMapped{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 96}, kNat64{{0x00, 0x64, 0xFF, 0x9B}, 96}, k6to4{{0x20, 0x02}, 16};
    if (lies_in(v6, kCompatible) || lies_in(v6, kMapped) || lies_in(v6, kNat64)) return v6 + 12;
    return lies_in(v6, k6to4) ? v6 + 2 : nullptr;
}

}  // namespace

bool is_public_address(std::string_view address) {
    const std::string text(address.substr(0, address.find('%')));  // fe80::1%eth0
    std::array<std::uint8_t, 16> bytes{};
    if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return !lies_in_any(bytes.data(), kSpecialV4);
    if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return false;
    if (const auto* v4 = embedded_v4(bytes.data())) return !lies_in_any(v4, kSpecialV4);
    return !lies_in_any(bytes.data(), kSpecialV6);
}

}  // namespace voicectl::net
