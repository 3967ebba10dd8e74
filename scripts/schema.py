#!/usr/bin/env python3
"""Write LiveKit's schema as FileDescriptorSets for protoc: schema.py OUT_DIR.

The descriptors come out of the installed (pinned) wheels: `livekit-protocol` for the server API and
the worker protocol, `livekit` for the C interface of LiveKit's core. That interface is unversioned,
so library and schema are always of the same wheel.
"""
import importlib
import os
import sys

from google.protobuf import descriptor_pb2


def modules(package_name):
    package = importlib.import_module(package_name)
    folder = list(package.__path__)[0]
    for name in sorted(os.listdir(folder)):
        if name.endswith(".py") and name != "__init__.py":
            module = importlib.import_module(f"{package_name}.{name[:-3]}")
            if hasattr(module, "DESCRIPTOR"):
                yield module.DESCRIPTOR


def descriptor_set(package_name, lite):
    out = descriptor_pb2.FileDescriptorSet()
    seen = set()

    def add(descriptor):
        if descriptor.name in seen:
            return
        seen.add(descriptor.name)
        for dependency in descriptor.dependencies:
            add(dependency)
        file = out.file.add()
        descriptor.CopyToProto(file)
        if lite:
            file.options.optimize_for = descriptor_pb2.FileOptions.LITE_RUNTIME

    for descriptor in modules(package_name):
        add(descriptor)
    return out.SerializeToString(deterministic=True)


def write_if_changed(path, data):
    if os.path.exists(path) and open(path, "rb").read() == data:
        return
    with open(path, "wb") as file:
        file.write(data)


out_dir = sys.argv[1]
os.makedirs(out_dir, exist_ok=True)
write_if_changed(os.path.join(out_dir, "livekit.fds"), descriptor_set("livekit.protocol", lite=False))
write_if_changed(os.path.join(out_dir, "livekit_ffi.fds"), descriptor_set("livekit.rtc._proto", lite=True))
