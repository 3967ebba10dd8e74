// Against the examples that Amazon gives in "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)".
#include <doctest/doctest.h>

#include <algorithm>

#include "core/net/sigv4.h"

namespace voicectl::net {
namespace {

const auto kThen = std::chrono::system_clock::time_point(std::chrono::seconds(1'369'353'600));  // 2013-05-24

std::string signature_of(const HttpRequest& request) {
    for (const auto& [name, value] : signed_headers(request, *parse_url(request.url), kThen))
        if (name == "Authorization") return value.substr(value.rfind('=') + 1);
    return {};
}

HttpRequest example(std::string method, const std::string& path) {
    HttpRequest out;
    out.method = std::move(method);
    out.url = "https://examplebucket.s3.amazonaws.com" + path;
    out.sigv4 = SigV4{"us-east-1", "s3", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
    return out;
}

}  // namespace

TEST_CASE("requests are signed as in Amazon's own examples") {
    auto get = example("GET", "/test.txt");
    get.headers = {{"Range", "bytes=0-9"}};
    CHECK(signature_of(get) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    auto put = example("PUT", "/test%24file.text");
    put.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
    put.body = "Welcome to Amazon S3.";
    CHECK(signature_of(put) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    CHECK(signature_of(example("GET", "/?lifecycle")) == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    CHECK(signature_of(example("GET", "/?prefix=J&max-keys=2")) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("blanks and the order of headers do not matter, the port does") {
    auto one = example("GET", "/a"), other = example("GET", "/a");
    one.headers = {{"x-amz-meta-call-id", "a  b "}, {"x-amz-meta-call", "1"}};
    other.headers = {{"X-Amz-Meta-Call", "1"}, {"x-amz-meta-call-id", "a b"}};
    CHECK(signature_of(one) == signature_of(other));
    one.url = "https://examplebucket.s3.amazonaws.com:443/a";
    CHECK(signature_of(one) == signature_of(other));
    one.url = "https://examplebucket.s3.amazonaws.com:444/a";
    CHECK(signature_of(one) != signature_of(other));
}

}  // namespace voicectl::net
