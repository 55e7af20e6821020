#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a user types for a guest's devices, on machines: a file by HTTP in both
directions between the guest and this machine, pings in the capture, Ctrl-C at the
keyboard, disks and folders that keep what guests write."""
import contextlib
import http.server
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import urllib.error
import urllib.request
import zlib

import capture
from terminal import LIMIT, OUTPUT, Terminal, words

SENT = os.urandom(200000)
DISK = os.urandom(300 * 512)
PINGS, PING_FRAME = 3, 14 + 20 + 8 + 32  # as tests/guests/http/client.c
failures = []


def expect(name, good, why=""):
    print(f"PASS {name}" if good else f"FAIL {name}: {why}", flush=True)
    if not good:
        failures.append(name)
    return good


class Run:
    """`make run` without a terminal, while it goes on."""

    def __init__(self, work, **settings):
        # two CPUs, as `make run` has by itself; one in Bochs, for its time
        cpus = "1" if settings.get("EMU") == "bochs" else "2"
        argv, env = words(os.path.join(work, "run"),
                          {"SMP": cpus, **settings})
        self.log = open(os.path.join(work, "log"), "w+b")
        self.process = subprocess.Popen(argv, env=env, stdout=self.log,
                                        stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL)
        self.end = time.monotonic() + LIMIT

    def text(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait(self, text):
        while text not in self.text():
            if time.monotonic() > self.end or self.process.poll() is not None:
                return False
            time.sleep(0.2)
        return True

    def status(self):
        try:
            return self.process.wait(max(self.end - time.monotonic(), 1))
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Server(http.server.BaseHTTPRequestHandler):
    """Of this machine: one file."""

    def do_GET(self):
        self.send_response(200 if self.path == "/file" else 404)
        self.send_header("Content-Length", str(len(SENT)))
        self.end_headers()
        self.wfile.write(SENT)

    def log_message(self, *_):
        pass


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""
    except OSError as error:
        return 0, str(error).encode()


def pings(name, path):
    """Each echo and its answer is in the capture, once, as long as it was."""
    with open(path, "rb") as f:
        frames = capture.frames(f.read())
    kinds = {8: [], 0: []}
    for _, length, data in frames:
        if data[12:14] == b"\x08\x00" and data[23] == 1 and data[34] in kinds:
            kinds[data[34]].append((length, len(data),
                                    struct.unpack(">H", data[40:42])[0]))
    want = [(PING_FRAME, PING_FRAME, i) for i in range(PINGS)]
    expect(name, kinds == {8: want, 0: want}, str(kinds))
    times = [us for us, _, _ in frames]
    expect(name + "-times", times == sorted(times), str(times))


def forwarded(work, disk):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port, cap = free_port(), os.path.join(work, "cap")
    none = os.path.join(work, "none.pcapng")
    url = f"http://localhost:{port}/"
    run = Run(work, EMU="qemu", GUEST="http", BLOCK=f"data:{disk}:ro",
              NET=f"user user,fwd={port}:80", PCAP=f"{none} {cap}",
              CMDLINE="net=net1 ping=10.0.2.2 "
              f"get=10.0.2.2:{server.server_port}/file "
              f"crc={zlib.crc32(SENT):08x} stay")
    up = run.wait("http: 3 passed, 0 failed")
    expect("outside", up, run.text()[-800:])
    expect("url-told", f"run: open {url}" in run.text(), run.text()[-800:])
    status, got = fetch(url + "disk")
    expect("fetched", status == 200 and got == DISK,
           f"status {status}, {len(got)} bytes")
    expect("fetched-list", b'href="/disk"' in fetch(url)[1])
    expect("fetched-none", fetch(url + "none")[0] == 404)
    run.process.send_signal(signal.SIGINT)
    status = run.status()
    expect("sigint", status == 0 and "power off, status 0" in run.text(),
           f"status {status}: {run.text()[-400:]}")
    pings("pings-qemu", cap)
    with open(none, "rb") as f:
        blocks = capture.blocks(f.read())[0]
    expect("no-pings-there", len(blocks) == 2, str(blocks))
    with open(disk, "rb") as f:
        expect("disk-ro-qemu", f.read() == DISK)


def vnet(work, disk):
    cap = os.path.join(work, "cap")
    run = Run(work, EMU="bochs", GUEST="http", BLOCK=f"data:{disk}:ro",
              NET="user", PCAP=cap, CMDLINE="ping=192.168.10.1")
    status = run.status()
    expect("ping-bochs", status == 0, f"status {status}: {run.text()[-800:]}")
    pings("pings-bochs", cap)


def attributes(terminal):
    """Of the terminal: does it edit lines, echo, make signals of keys?"""
    flags = termios.tcgetattr(terminal.fd)[3]
    return [bool(flags & f) for f in (termios.ICANON, termios.ECHO,
                                      termios.ISIG)]


def children(pid):
    """What a process has started: (process, its time of start)."""
    found = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), \
                open(f"/proc/{name}/stat", encoding="utf-8",
                     errors="replace") as f:
            words = f.read().rpartition(")")[2].split()
            if words[0] != "Z" and pid in (None, int(words[1])):
                found.add((name, words[19]))
    return found


def interrupted(work, disk, emulator):
    """Ctrl-C at the keyboard: the guest ends, and all with it."""
    port = free_port()
    net = f"user,fwd={port}:80" if emulator == "qemu" else "user"
    t = Terminal(os.path.join(work, "run"), EMU=emulator, GUEST="http",
                 BLOCK=f"data:{disk}:ro", NET=net)
    before = termios.tcgetattr(t.fd)
    try:
        expect(f"ctrl-c-up-{emulator}", t.wait("http: address ") and
               t.wait("http: 1 files"), t.text[-800:])
        started = children(t.pid)
        expect(f"ctrl-c-raw-{emulator}", attributes(t) == [False] * 3 and
               started, f"{attributes(t)}, {started}")
        if emulator == "qemu":
            status, got = fetch(f"http://localhost:{port}/disk")
            expect("ctrl-c-page", status == 200 and got == DISK, status)
        t.type(b"\x03")
        status = t.status()
        expect(f"ctrl-c-status-{emulator}", status == 0 and
               "host: guest http: exit code 0" in t.text,
               f"status {status}: {t.text[-600:]}")
        expect(f"ctrl-c-sane-{emulator}", attributes(t) == [True] * 3 and
               termios.tcgetattr(t.fd) == before, termios.tcgetattr(t.fd))
        expect(f"ctrl-c-no-orphan-{emulator}",
               not started & children(None), started)
    finally:
        t.close()


def disks(work, emulator):
    path = os.path.join(work, "disk.img")
    for ro, want in ((":ro", False), ("", True)):
        with open(path, "wb") as f:
            f.write(DISK.ljust(1 << 20, b"\xee"))
        with open(path, "rb") as f:
            before = f.read()
        run = Run(work, EMU=emulator, GUEST="restart",
                  BLOCK=f"data:{path}{ro}", CMDLINE="rounds=8 restarts=0")
        status = run.status()
        with open(path, "rb") as f:
            after = f.read()
        changed = after[:1 << 18] != before[:1 << 18]
        expect(f"disk-{emulator}{ro or ':rw'}", changed == want and
               after[1 << 18:] == before[1 << 18:] and ("PASS no-wrong-byte" in run.text()) == want,
               f"status {status}, changed {changed}: {run.text()[-600:]}")


def folders(work, emulator):
    root = os.path.join(work, "folder-" + emulator)
    os.makedirs(root)
    with open(os.path.join(root, "mine"), "wb") as f:
        f.write(b"mine")
    run = Run(work, EMU=emulator, GUEST="folder", FOLDER=f"share:{root}")
    status = run.status()
    expect(f"folder-{emulator}", status == 0 and os.path.getsize(
        os.path.join(root, "work/speed")) == 400000 and
        os.path.exists(os.path.join(root, "mine")),
        f"status {status}: {run.text()[-800:]}")


def refused(work):
    for name, why, settings in (
            ("no-guest", "NET= goes with GUEST=", {"NET": "user"}),
            ("bad-value", "BLOCK=x: it is NAME:FILE",
             {"GUEST": os.path.join(OUTPUT, "guests/echo.elf"), "BLOCK": "x"})):
        run = Run(work, EMU="qemu", **settings)
        status = run.status()
        expect(f"refused-{name}", status == 1 and why in run.text(),
               f"status {status}: {run.text()}")


def main():
    with tempfile.TemporaryDirectory(prefix="parley-http-") as work:
        disk = os.path.join(work, "image")
        with open(disk, "wb") as f:
            f.write(DISK)
        refused(work)
        forwarded(work, disk)
        vnet(work, disk)
        for emulator in ("qemu", "bochs"):
            interrupted(work, disk, emulator)
            disks(work, emulator)
            folders(work, emulator)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
