// Objects in S3 and what is compatible with it: where they are, signed requests for them, and what refusals mean.
// Values, any thread.
#pragma once

#include <chrono>
#include <string>

#include "livekit_egress.pb.h"
#include "voicectl/base/result.h"
#include "voicectl/net/http.h"

namespace voicectl::livekit {

/// The store's region, else Amazon's first.
std::string s3_region(const ::livekit::S3Upload& store);
/// "https://bucket.s3.eu-west-1.amazonaws.com" or "https://host/bucket"; Usage when the endpoint is no URL.
Result<std::string> bucket_url(const ::livekit::S3Upload& store);
/// Where requests for an object go.
Result<std::string> object_url(const ::livekit::S3Upload& store, const std::string& key);
/// How a finished object is named to people: as LiveKit's own egress names it, but always a URL.
std::string object_location(const ::livekit::S3Upload& store, const std::string& key);

/// Signed with the store's keys and through its proxy. `query` must be sorted and encoded, with a "=" after each name: libcurl
/// signs it as it stands.
net::HttpRequest s3_request(const ::livekit::S3Upload& store, std::string method, const std::string& url, const std::string& query = {});

/// The text between <name> and </name> from `from` on, entities resolved; what S3's answers need of XML. Empty: none.
std::string xml_element(const std::string& xml, const std::string& name, std::size_t from = 0);
/// Why S3 refused, and what to do.
Error explain_s3(const net::HttpResponse& response, const ::livekit::S3Upload& store, std::chrono::system_clock::time_point now);

}  // namespace voicectl::livekit
