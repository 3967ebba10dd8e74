// What is stored: a file, read where it is needed, or a text. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "voicectl/egress/storage.h"

namespace voicectl::egress {

class Source {
 public:
    static Result<Source> open(const StoreJob& job);
    ~Source();
    Source(Source&& other) noexcept;
    Source& operator=(Source&&) = delete;

    std::int64_t size() const { return size_; }
    /// -1: a text.
    int file() const { return file_; }
    const std::string& path() const { return path_; }
    Result<std::string> read(std::int64_t from, std::int64_t bytes) const;

 private:
    Source(std::string path, std::string text, int file, std::int64_t size) : path_(std::move(path)), text_(std::move(text)), file_(file), size_(size) {}
    std::string path_, text_;
    int file_;
    std::int64_t size_;
};

Result<Stored> store_file(const StoreJob& job, const StoreHooks& hooks, const std::stop_token& stop);
Result<Stored> store_object(net::HttpClient& http, const StoreJob& job, const StoreHooks& hooks, const Patience& patience, std::stop_token stop);

}  // namespace voicectl::egress
