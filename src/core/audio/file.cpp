#include "voicectl/audio/file.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "sound_libraries.h"
#include "voicectl/audio/resampler.h"
#include "voicectl/base/text.h"

// libsndfile makes its MP3 decoders by this function of libmpg123, which write to standard error whatever they find odd
// in a file. There is no way to it through libsndfile: so it finds ours first, which makes the same one and tells it to
// be quiet (MPG123_ADD_FLAGS 2, MPG123_QUIET 0x20 of mpg123.h).
extern "C" __attribute__((visibility("default"))) void* mpg123_new(const char* decoder, int* error) {
    using New = void* (*)(const char*, int*);
    using Param = int (*)(void*, int, long, double);
    static void* const library = dlopen("libmpg123.so.0", RTLD_NOW | RTLD_NOLOAD);  // there: it is what called us
    if (library == nullptr) return nullptr;
    static const auto theirs = reinterpret_cast<New>(dlsym(library, "mpg123_new"));
    static const auto set = reinterpret_cast<Param>(dlsym(library, "mpg123_param"));
    if (theirs == nullptr) return nullptr;
    auto* handle = theirs(decoder, error);
    if (handle != nullptr && set != nullptr) set(handle, 2, 0x20, 0);
    return handle;
}

namespace voicectl::audio {
namespace {

constexpr int kMaxChannels = 32;
constexpr int kMaxRateHz = 768'000;

/// Once a file was to be opened, which found the library.
const Sndfile& sf() { return **sndfile(); }

struct CloseFile {
    void operator()(SNDFILE* file) const { sf().close(file); }
};
using File = std::unique_ptr<SNDFILE, CloseFile>;

/// What libsndfile says, as a part of one line: some of its texts end in a dot and a newline.
std::string reason(SNDFILE* file) {
    std::string text(trim(sf().strerror(file)));
    while (text.ends_with('.')) text.pop_back();
    for (auto& c : text)
        if (c == '\n') c = ' ';
    // What it says of every MP3 that it finds no frame in.
    return text.starts_with("File does not exist or is not a regular file") ? "there is no sound in it" : text;
}

/// A folder, a pipe or a device would give errors that nobody understands, or block for ever.
Result<void> check_regular(const std::string& path) {
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) {
        const auto code = errno == ENOENT || errno == ENOTDIR ? Errc::NotFound : Errc::Io;
        return fail(code, "cannot read {}: {}", path, std::strerror(errno));
    }
    if (S_ISDIR(info.st_mode)) return fail(Errc::Io, "cannot read {}: it is a folder", path);
    if (!S_ISREG(info.st_mode)) return fail(Errc::Io, "cannot read {}: not a regular file", path);
    if (info.st_size == 0) return fail(Errc::Io, "cannot read {}: the file is empty", path);
    return {};
}

/// libsndfile takes a file for an MP3 by its name alone, and the decoder then talks on stderr.
bool looks_like_mp3(const std::string& path) {
    const auto start = [&] {
        std::string bytes(4096, '\0');
        std::ifstream in(path, std::ios::binary);
        in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        bytes.resize(static_cast<std::size_t>(in.gcount()));
        return bytes;
    }();
    if (start.starts_with("ID3")) return true;
    for (std::size_t i = 0; i + 1 < start.size(); ++i)  // eleven set bits begin every frame
        if (start[i] == '\xFF' && (start[i + 1] & 0xE0) == 0xE0) return true;
    return false;
}

/// One path for every form: whole numbers up to 16 bits survive it unchanged, floats are clipped.
std::int16_t to_sample(float value) {
    if (!(value > -1)) return value <= -1 ? std::numeric_limits<std::int16_t>::min() : std::int16_t{0};  // NaN: 0
    if (value >= 1) return std::numeric_limits<std::int16_t>::max();  // also infinity, which lrint does not take
    return static_cast<std::int16_t>(std::min(std::lrint(value * 32768), 32767L));
}

// ---- forms that can be written ----

constexpr std::array kOpusRates{8000, 12000, 16000, 24000, 48000};
constexpr std::array kMp3Rates{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000};

struct Form {
    std::string_view ending;
    int format;
    std::span<const int> rates;  // empty: any
    int max_channels;

    bool is_wav() const { return ending == ".wav"; }
    bool is_ogg() const { return ending == ".ogg"; }
    bool is_mp3() const { return ending == ".mp3"; }
};
constexpr std::array kForms{
    Form{".wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, {}, kMaxChannels},
    Form{".flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, {}, 8},
    Form{".ogg", SF_FORMAT_OGG | SF_FORMAT_OPUS, kOpusRates, 8},
    Form{".mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, kMp3Rates, 2},
};

Result<Form> form_of(const std::string& path) {
    const auto lower = to_lower_ascii(path);
    for (const auto& form : kForms)
        if (lower.ends_with(form.ending)) return form;
    return fail_with_hint(Errc::Usage, fmt::format("cannot tell the audio form of {} from its ending", path),
                          "end the name in .wav, .flac, .ogg or .mp3");
}

/// The lowest allowed rate that loses nothing, or the highest there is.
int allowed_rate(const Form& form, int rate_hz) {
    if (form.rates.empty()) return rate_hz;
    const auto at = std::lower_bound(form.rates.begin(), form.rates.end(), rate_hz);
    return at == form.rates.end() ? form.rates.back() : *at;
}

// ---- reading ----

/// libsndfile knows none of this family, and says only that the format is not recognised.
bool is_mp4(const std::string& path) {
    std::array<char, 12> start{};
    std::ifstream(path, std::ios::binary).read(start.data(), start.size());
    return std::string_view(start.data() + 4, 4) == "ftyp";
}

struct FormatName {
    int format;
    std::string_view name;
};
constexpr std::array kContainers{
    FormatName{SF_FORMAT_WAV, "wav"},   FormatName{SF_FORMAT_WAVEX, "wav"},   FormatName{SF_FORMAT_RF64, "wav"}, FormatName{SF_FORMAT_FLAC, "flac"},
    FormatName{SF_FORMAT_OGG, "ogg"},   FormatName{SF_FORMAT_MPEG, "mp3"},    FormatName{SF_FORMAT_AIFF, "aiff"}, FormatName{SF_FORMAT_AU, "au"},
};
constexpr std::array kCodecs{
    FormatName{SF_FORMAT_PCM_16, "pcm_s16"}, FormatName{SF_FORMAT_PCM_24, "pcm_s24"}, FormatName{SF_FORMAT_PCM_32, "pcm_s32"},
    FormatName{SF_FORMAT_PCM_S8, "pcm_s8"},  FormatName{SF_FORMAT_PCM_U8, "pcm_u8"},  FormatName{SF_FORMAT_FLOAT, "pcm_f32"},
    FormatName{SF_FORMAT_DOUBLE, "pcm_f64"}, FormatName{SF_FORMAT_ULAW, "ulaw"},      FormatName{SF_FORMAT_ALAW, "alaw"},
    FormatName{SF_FORMAT_VORBIS, "vorbis"},  FormatName{SF_FORMAT_OPUS, "opus"},      FormatName{SF_FORMAT_MPEG_LAYER_III, "mp3"},
};

std::string name_of(std::span<const FormatName> names, int format) {
    for (const auto& one : names)
        if (one.format == format) return std::string(one.name);
    return "other";
}

FileInfo describe(const std::string& path, const SF_INFO& info) {
    struct stat status {};
    stat(path.c_str(), &status);
    const bool known = info.frames > 0 && info.frames < SF_COUNT_MAX;
    return {name_of(kContainers, info.format & SF_FORMAT_TYPEMASK), name_of(kCodecs, info.format & SF_FORMAT_SUBMASK), info.samplerate,
            info.channels, known ? info.frames : 0, status.st_size};
}

class SndfileReader final : public FileReader {
 public:
    SndfileReader(std::string path, File file, FileInfo info) : path_(std::move(path)), file_(std::move(file)), info_(std::move(info)) {}
    const FileInfo& info() const override { return info_; }

    Result<std::size_t> read(std::span<std::int16_t> out) override {
        const auto channels = static_cast<std::size_t>(info_.channels);
        buffer_.resize(out.size() / channels * channels);
        const auto got = sf().read_float(file_.get(), buffer_.data(), static_cast<sf_count_t>(buffer_.size()));
        if (got <= 0 && sf().error(file_.get()) != SF_ERR_NO_ERROR) return fail(Errc::Io, "cannot read {}: {}", path_, reason(file_.get()));
        const auto whole = static_cast<std::size_t>(std::max<sf_count_t>(got, 0)) / channels * channels;  // without a torn last frame
        const auto end = buffer_.begin() + static_cast<std::ptrdiff_t>(whole);
        not_finite_ += std::count_if(buffer_.begin(), end, [](float one) { return !std::isfinite(one); });
        std::transform(buffer_.begin(), end, out.begin(), to_sample);
        return whole;
    }
    std::int64_t not_finite() const override { return not_finite_; }

    Result<void> rewind() override {
        if (sf().seek(file_.get(), 0, SEEK_SET) == 0) return {};
        return fail(Errc::Io, "cannot go back to the beginning of {}: {}", path_, reason(file_.get()));
    }

 private:
    std::string path_;
    File file_;
    FileInfo info_;
    std::vector<float> buffer_;
    std::int64_t not_finite_ = 0;
};

/// Interleaved resampling: one filter per channel.
class ChannelResampler {
 public:
    ChannelResampler(int from_hz, int to_hz, int channels) {
        for (int i = 0; i < channels; ++i) filters_.emplace_back(from_hz, to_hz);
    }
    Samples process(SampleView in) {
        const auto channels = filters_.size();
        Samples out, one(in.size() / channels);
        for (std::size_t channel = 0; channel < channels; ++channel) {
            for (std::size_t i = 0; i < one.size(); ++i) one[i] = in[i * channels + channel];
            interleave(filters_[channel].process(one), channel, out);
        }
        return out;
    }
    Samples flush() {
        Samples out;
        for (std::size_t channel = 0; channel < filters_.size(); ++channel)
            interleave(filters_[channel].flush(), channel, out);
        return out;
    }

 private:
    void interleave(const Samples& one, std::size_t channel, Samples& out) const {
        out.resize(one.size() * filters_.size());  // the same length for every channel: same filter, same input
        for (std::size_t i = 0; i < one.size(); ++i) out[i * filters_.size() + channel] = one[i];
    }
    std::vector<Resampler> filters_;
};

/// The file under a writer. libsndfile's own output keeps quiet about a full disk for everything but WAV.
class Target {
 public:
    explicit Target(int file) : file_(file) {}
    ~Target() {
        if (file_ >= 0) ::close(file_);
    }
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;

    static SF_VIRTUAL_IO* calls() {
        static SF_VIRTUAL_IO io{[](void* at) { return self(at).size_; },
                                [](sf_count_t offset, int whence, void* at) { return static_cast<sf_count_t>(lseek(self(at).file_, offset, whence)); },
                                [](void*, sf_count_t, void*) { return sf_count_t{0}; },
                                [](const void* bytes, sf_count_t count, void* at) { return self(at).write(static_cast<const char*>(bytes), count); },
                                [](void* at) { return static_cast<sf_count_t>(lseek(self(at).file_, 0, SEEK_CUR)); }};
        return &io;
    }
    int error() const { return error_; }
    std::int64_t size() const { return size_; }
    /// The last errors of some file systems come here.
    int close() {
        if (::close(std::exchange(file_, -1)) != 0 && error_ == 0) error_ = errno;
        return error_;
    }

 private:
    static Target& self(void* at) { return *static_cast<Target*>(at); }
    sf_count_t write(const char* bytes, sf_count_t count) {
        sf_count_t done = 0;
        while (done < count && error_ == 0) {
            const auto now = ::write(file_, bytes + done, static_cast<std::size_t>(count - done));
            if (now >= 0) {
                done += now;
            } else if (errno != EINTR) {
                error_ = errno;
            }
        }
        size_ = std::max(size_, static_cast<sf_count_t>(lseek(file_, 0, SEEK_CUR)));
        return done;
    }

    int file_;
    int error_ = 0;
    sf_count_t size_ = 0;
};

Error write_error(const std::string& path, int error) {
    return {Errc::Io, fmt::format("cannot write {}: {}", path, std::strerror(error)), error == ENOSPC ? "make room on the disk" : ""};
}

/// libsndfile knows no bit rates, but a level from 0 to 1 that each encoder turns into one (1.2.0: ogg_opus.c and mpeg_l3_encode.c).
double level_for(const Form& form, int bit_rate, int rate_hz, int channels) {
    if (!form.is_mp3()) return std::clamp(1 - (bit_rate / channels - 6000) / 250'000.0, 0.0, 1.0);
    const double lowest = rate_hz >= 32000 ? 32 : 8, highest = rate_hz >= 32000 ? 320 : rate_hz >= 16000 ? 160 : 64;
    // The half is for its cutting the fraction off.
    return std::clamp((highest - bit_rate / 1000.0 - 0.5) / (highest - lowest), 0.0, 1.0);
}

class SndfileWriter final : public FileWriter {
 public:
    SndfileWriter(std::string path, const Form& form, std::unique_ptr<Target> target, File file, int channels,
                  std::unique_ptr<ChannelResampler> resampler)
        : path_(std::move(path)),
          form_(form),
          target_(std::move(target)),
          file_(std::move(file)),
          channels_(channels),
          resampler_(std::move(resampler)) {}
    ~SndfileWriter() override { std::ignore = close(); }

    Result<void> write(SampleView interleaved) override {
        if (!file_) return fail(Errc::Io, "cannot write {}: already closed", path_);
        if (interleaved.size() % static_cast<std::size_t>(channels_) != 0)
            return fail(Errc::Usage, "cannot write {}: {} samples do not fill {} channels", path_,
                        interleaved.size(), channels_);
        return resampler_ ? put(resampler_->process(interleaved)) : put(interleaved);
    }
    std::int64_t bytes() const override { return target_->size(); }

    Result<void> close() override {
        if (!file_) return {};
        auto flushed = resampler_ ? put(resampler_->flush()) : Result<void>{};
        const int error = sf().close(file_.release());
        const int system_error = target_->close();
        if (!flushed) return flushed;
        if (system_error != 0) return std::unexpected(write_error(path_, system_error));
        if (error != 0) return fail(Errc::Io, "cannot finish {}: {}", path_, sf().error_number(error));
        return {};
    }

 private:
    Result<void> put(SampleView samples) {
        const auto count = static_cast<sf_count_t>(samples.size());
        sf_count_t written = 0;
        if (form_.is_mp3()) {  // libsndfile 1.2.0 mixes the channels of an MP3 up when it is given whole numbers
            floats_.resize(samples.size());
            std::transform(samples.begin(), samples.end(), floats_.begin(), [](int sample) { return static_cast<float>(sample) / 32768; });
            written = sf().write_float(file_.get(), floats_.data(), count);
        } else {
            written = sf().write_short(file_.get(), samples.data(), count);
        }
        if (target_->error() != 0) return std::unexpected(write_error(path_, target_->error()));
        if (written == count) return {};
        return fail(Errc::Io, "cannot write {}: {}", path_, reason(file_.get()));
    }

    std::string path_;
    Form form_;
    std::unique_ptr<Target> target_;
    File file_;  // writes to target_ as it closes
    int channels_;
    std::unique_ptr<ChannelResampler> resampler_;
    std::vector<float> floats_;
};

void tell_encoder(SNDFILE* file, const Form& form, const FileOptions& options, int rate_hz, int channels) {
    sf().command(file, SFC_SET_CLIPPING, nullptr, SF_TRUE);
    // After every write, so that a recording is readable whatever happens to us.
    if (form.is_wav()) sf().command(file, SFC_SET_UPDATE_HEADER_AUTO, nullptr, SF_TRUE);
    double page_ms = static_cast<double>(options.flush.count());
    if (form.is_ogg()) sf().command(file, SFC_SET_OGG_PAGE_LATENCY_MS, &page_ms, sizeof page_ms);
    if (options.bit_rate == 0 || !(form.is_ogg() || form.is_mp3())) return;
    int constant = SF_BITRATE_MODE_CONSTANT;
    if (form.is_mp3()) sf().command(file, SFC_SET_BITRATE_MODE, &constant, sizeof constant);
    double level = level_for(form, options.bit_rate, rate_hz, channels);
    sf().command(file, SFC_SET_COMPRESSION_LEVEL, &level, sizeof level);
}

}  // namespace

Result<std::unique_ptr<FileReader>> FileReader::open(const std::string& path) {
    VC_TRY(check_regular(path));
    if (is_mp4(path)) {
        return fail_with_hint(Errc::Usage, fmt::format("cannot read {} as audio: it is an MP4", path),
                              "its sound can be taken out with: ffmpeg -i IN.mp4 -vn OUT.wav");
    }
    if (to_lower_ascii(path).ends_with(".mp3") && !looks_like_mp3(path))
        return fail(Errc::Io, "{} is not readable as audio: there is no MP3 in it", path);
    VC_TRY(sndfile());
    SF_INFO info{};
    File file(sf().open(path.c_str(), SFM_READ, &info));
    if (!file) return fail(Errc::Io, "{} is not readable as audio: {}", path, reason(nullptr));
    if (info.channels < 1 || info.channels > kMaxChannels || info.samplerate < 1 || info.samplerate > kMaxRateHz)
        return fail(Errc::Io, "cannot read {}: {} channels at {} Hz", path, info.channels, info.samplerate);
    return std::make_unique<SndfileReader>(path, std::move(file), describe(path, info));
}

Result<Pcm> read_file(const std::string& path, int max_seconds) {
    VC_TRY_ASSIGN(const auto reader, FileReader::open(path));
    // The length in the header may be a lie or unknown: what is read counts.
    Pcm pcm{reader->info().rate_hz, reader->info().channels, {}};
    const auto limit = static_cast<std::size_t>(max_seconds) * static_cast<std::size_t>(pcm.rate_hz);
    Samples block(static_cast<std::size_t>(pcm.channels) * 16384);
    while (true) {
        VC_TRY_ASSIGN(const auto got, reader->read(block));
        if (got == 0) return pcm;
        pcm.samples.insert(pcm.samples.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(got));
        if (pcm.frames() > limit) return fail(Errc::Usage, "{} is longer than {} seconds", path, max_seconds);
    }
}

Result<std::unique_ptr<FileWriter>> FileWriter::create(const std::string& path, int rate_hz, int channels, const FileOptions& options) {
    VC_TRY_ASSIGN(const auto form, form_of(path));
    if (rate_hz < 1 || rate_hz > kMaxRateHz) return fail(Errc::Usage, "cannot write {} at {} Hz", path, rate_hz);
    if (channels < 1 || channels > form.max_channels)
        return fail(Errc::Usage, "cannot write {}: {} channels, a {} file holds 1 to {}", path, channels,
                    form.ending.substr(1), form.max_channels);
    const int file_rate = allowed_rate(form, options.rate_hz != 0 ? options.rate_hz : rate_hz);
    VC_TRY(sndfile());
    const int opened = ::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, options.mode);
    if (opened < 0) return std::unexpected(write_error(path, errno));
    auto target = std::make_unique<Target>(opened);
    SF_INFO info{};
    info.samplerate = file_rate;
    info.channels = channels;
    info.format = form.format;
    File file(sf().open_virtual(Target::calls(), SFM_WRITE, &info, target.get()));
    if (target->error() != 0) return std::unexpected(write_error(path, target->error()));
    if (!file) return fail(Errc::Io, "cannot write {}: {}", path, reason(nullptr));
    tell_encoder(file.get(), form, options, file_rate, channels);
    auto resampler =
        file_rate == rate_hz ? nullptr : std::make_unique<ChannelResampler>(rate_hz, file_rate, channels);
    return std::make_unique<SndfileWriter>(path, form, std::move(target), std::move(file), channels, std::move(resampler));
}

Result<void> write_file(const std::string& path, const Pcm& pcm) {
    VC_TRY_ASSIGN(auto writer, FileWriter::create(path, pcm.rate_hz, pcm.channels));
    VC_TRY(writer->write(pcm.samples));
    return writer->close();
}

std::string library_version() {
    const auto library = sndfile();
    return library ? (*library)->version_string() : "not there";
}

}  // namespace voicectl::audio
