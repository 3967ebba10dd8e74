"""What is in a sound file, for tests and measurements."""
import ctypes

import numpy


class Sound:
    """What libsndfile reads in a file."""

    class Info(ctypes.Structure):
        _fields_ = [("frames", ctypes.c_int64), ("rate", ctypes.c_int), ("channels", ctypes.c_int), ("format", ctypes.c_int), ("sections", ctypes.c_int),
                    ("seekable", ctypes.c_int)]

    OGG_OPUS, MPEG = 0x200064, 0x230082

    def __init__(self, path):
        library, info = ctypes.CDLL("libsndfile.so.1"), self.Info()
        library.sf_open.restype = ctypes.c_void_p
        library.sf_readf_float.restype = ctypes.c_int64
        library.sf_readf_float.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
        library.sf_close.argtypes = [ctypes.c_void_p]
        file = library.sf_open(str(path).encode(), 0x10, ctypes.byref(info))
        assert file, f"{path} cannot be read"
        samples = numpy.zeros((min(info.frames, 1000 * info.rate) + info.rate, info.channels), numpy.float32)  # of a file that is cut it does not know
        frames = library.sf_readf_float(file, samples.ctypes.data, len(samples))
        library.sf_close(file)
        self.samples, self.rate, self.channels, self.form = samples[:frames], info.rate, info.channels, info.format
        self.ns = frames * 10**9 // info.rate

    def part(self, begin, seconds):
        out = Sound.__new__(Sound)
        out.__dict__.update(self.__dict__)
        out.samples = self.samples[int(begin * self.rate):int((begin + seconds) * self.rate)]
        return out

    def level(self, hertz, channel=0):
        """Amplitude of this tone in the middle half, as 16-bit samples have it: the median of windows of 50 ms, in which all tones have whole periods.
        (Over the whole of it, one packet that a busy machine lost would shift the phase.)"""
        window = self.rate // 20
        part = self.samples[len(self.samples) // 4:len(self.samples) * 3 // 4, channel] * 32768
        windows = part[:len(part) // window * window].reshape(-1, window)
        turning = numpy.exp(-2j * numpy.pi * hertz * numpy.arange(window) / self.rate)
        return float(numpy.median(2 * abs((windows * turning).mean(axis=1))))

    def assert_level(self, hertz, level, channel=0):
        assert abs(self.level(hertz, channel) - level) < level * 0.1, self.level(hertz, channel)

    def assert_none_of(self, hertz, channel=0):
        assert self.level(hertz, channel) < 100
