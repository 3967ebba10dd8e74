"""order.py PROGRAM OUT: writes the names of the functions of PROGRAM that its commonest commands run, one a line."""
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

COMMANDS = [
    ["version"],
    ["--help"],
    ["room", "list", "--help"],
    ["token", "create", "--join", "--room", "r", "--identity", "i"],
    ["room", "create", "r"],
    ["room", "list"],
    ["dispatch", "list", "r"],
]
# A constructor and a destructor are often called by another name than their section's.
ALIASES = [("C1E", "C2E"), ("C2E", "C1E"), ("D1E", "D2E"), ("D2E", "D1E")]


def local_server(folder):
    """The development server, whose keys are known, on a port of its own; and the environment that leads to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([os.environ["VOICECTL_LIVEKIT_SERVER"], "--dev", "--bind", "127.0.0.1", "--port", str(port),
                                "--rtc.tcp_port", str(port + 1), "--udp-port", str(port + 2)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    return process, {"LIVEKIT_URL": f"http://127.0.0.1:{port}", "LIVEKIT_API_KEY": "devkey", "LIVEKIT_API_SECRET": "secret",
                     "HOME": folder, "PATH": "/usr/bin:/bin"}


def functions(program, command, folder, environment):
    """Mangled names of PROGRAM's own functions that ran, from callgrind's file (names are told once, then numbered)."""
    out = pathlib.Path(folder) / "callgrind.out"
    subprocess.run(["valgrind", "--tool=callgrind", "--demangle=no", f"--callgrind-out-file={out}", program, *command],
                   env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=120)
    known, ours, found = {"ob": {}, "fn": {}}, False, set()
    for line in out.read_text().splitlines():
        told = re.match(r"(c?)(ob|fn)=\((\d+)\)(?: (.*))?", line)
        if not told:
            continue
        called, kind, number, name = told.groups()
        if name:
            known[kind][number] = name
        if kind == "ob" and not called:
            ours = known["ob"][number].endswith("/voicectl")
        if kind == "fn" and not called and ours:
            found.add(known["fn"][number].split("'")[0])  # 'name'2 is a recursion
    return found


def main():
    program, out = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    names = set()
    with tempfile.TemporaryDirectory() as folder:
        server, environment = local_server(folder)
        try:
            for command in COMMANDS:
                names |= functions(str(program), command, folder, environment)
                print(f"{len(names):5} functions after voicectl {' '.join(command)}", file=sys.stderr)
        finally:
            server.kill()
            server.wait()
    names |= {name.replace(old, new) for name in names for old, new in ALIASES if old in name}
    out.write_text("".join(name + "\n" for name in sorted(names) if re.fullmatch(r"_Z[\w.$]+|main", name)))


main()
