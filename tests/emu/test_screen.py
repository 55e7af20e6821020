#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A machine without a UART: the console is on UEFI's frame buffer, and a PS/2
keyboard types. QEMU presses the keys; what the screen shows is read back, glyph
by glyph. test_screen.py [FILE.png] keeps the picture."""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import image
import machine

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../drivers/host"))
import psf  # noqa: E402

OUTPUT = os.path.abspath(os.environ.get("B") or "build")
FONT = os.environ.get("FONT") or \
    "/usr/share/consolefonts/Unifont-APL8x16.psf.gz"
LIMIT = 120
CONFIG = """[host]
memory = 32M
shell = yes
[guest alpha]
image = demo.elf
[guest beta]
image = ticker.elf
start = no
"""
KEYS = {" ": "spc", "\n": "ret", "\b": "backspace", "-": "minus", ".": "dot"}
failures = []


def expect(name, good, why=""):
    print(f"PASS {name}" if good else f"FAIL {name}: {why!r}", flush=True)
    if not good:
        failures.append(name)


class Qmp:
    """The machine's monitor."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + 20
        while True:
            try:
                self.sock.connect(path)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        self.file = self.sock.makefile("r", encoding="utf-8")
        self.file.readline()
        self.call("qmp_capabilities")

    def call(self, command, **arguments):
        self.sock.sendall(json.dumps(
            {"execute": command, "arguments": arguments}).encode())
        while True:
            line = self.file.readline()
            if not line:
                raise ConnectionError("the machine is off")
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(answer["error"])
            if "return" in answer:
                return answer["return"]

    def press(self, *names):
        self.call("send-key", keys=[{"type": "qcode", "data": n}
                                    for n in names])
        time.sleep(0.15)  # the key is held for 100 ms

    def type(self, text):
        for c in text:
            self.press(KEYS.get(c, c))


class Screen:
    """What a frame buffer shows, in characters."""

    def __init__(self):
        with open(FONT, "rb") as f:
            data = f.read()
        if data[:2] == b"\x1f\x8b":
            data = psf.gzip.decompress(data)
        self.glyph = {}
        for code, rows in psf.glyphs(data):
            self.glyph[rows] = chr(code)
            self.glyph[bytes(b ^ 255 for b in rows)] = chr(code)  # the cursor
        self.rows = self.width = self.height = None

    def read(self, path):
        """A PPM (P6), as rows of bits."""
        with open(path, "rb") as f:
            magic, size, _, data = f.read().split(b"\n", 3)
        assert magic == b"P6", magic
        self.width, self.height = map(int, size.split())
        lit = bytes(int(b > 0x60) for b in data[1::3])
        self.rows = [lit[y * self.width:(y + 1) * self.width]
                     for y in range(self.height)]

    def byte(self, y, x):
        return int("".join(map(str, self.rows[y][x:x + 8])), 2)

    def lines(self):
        return ["".join(self.glyph.get(
            bytes(self.byte(16 * row + y, 8 * col) for y in range(16)), "\ufffd")
            for col in range(self.width // 8)).rstrip()
            for row in range(self.height // 16)]

    def png(self, path):
        """One bit a pixel."""
        raw = b"".join(b"\0" + bytes(self.byte(y, x)
                                     for x in range(0, self.width, 8))
                       for y in range(self.height))
        head = struct.pack(">IIBBBBB", self.width, self.height, 1, 0, 0, 0, 0)
        with open(path, "wb") as f:
            f.write(b"\x89PNG\r\n\x1a\n")
            for kind, data in ((b"IHDR", head),
                               (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b"")):
                f.write(struct.pack(">I", len(data)) + kind + data + struct.pack(
                    ">I", zlib.crc32(kind + data)))


def command(work):
    """QEMU with a VGA, and without a serial line."""
    disk = os.path.join(work, "parley.img")
    image.from_config(disk, CONFIG, OUTPUT)
    settings = machine.Settings(disk, work, smp=1, vga=True)
    argv = machine.Qemu(settings).argv()
    for option, value in (("-chardev", "stdio,id=com1,signal=off"),
                          ("-serial", "chardev:com1")):
        at = argv.index(value)
        assert argv[at - 1] == option
        del argv[at - 1:at + 1]
    return argv + ["-qmp", f"unix:{work}/qmp,server=on,wait=off"]


def awaited(qmp, screen, work, found):
    """Looks at the screen until `found` is true of its lines."""
    dump, end, lines = os.path.join(work, "screen.ppm"), \
        time.monotonic() + LIMIT, []
    while time.monotonic() < end:
        qmp.call("screendump", filename=dump)
        screen.read(dump)
        lines = screen.lines()
        if found(lines):
            return True, lines
        time.sleep(0.5)
    return False, lines


def shows(*texts):
    return lambda lines: all(any(t in line for line in lines) for t in texts)


def operate(qmp, work, keep):
    """What an operator does there."""
    screen = Screen()
    good, lines = awaited(qmp, screen, work, shows(
        "parley: back end SVM", "host: the console is on the screen",
        "host: guest alpha: exit code"))
    expect("screen-console", good, lines)
    qmp.type("lisx\bt\n")
    good, lines = awaited(qmp, screen, work, shows("parley> list", "beta"))
    expect("screen-shell", good, lines)
    good = any(line.startswith("alpha") and " exited " in line
               for line in lines) and any(
        line.startswith("beta") and " off " in line for line in lines)
    expect("screen-list", good, lines)
    if keep:
        screen.png(keep)
    qmp.press("up")  # the history
    good, lines = awaited(qmp, screen, work,
                          lambda lines: "".join(lines).endswith("parley> list"))
    expect("screen-history", good, lines)
    for _ in range(4):
        qmp.press("backspace")
    qmp.type("off 3")
    try:
        qmp.press("ret")
    except ConnectionError:
        pass  # it was quicker than the answer


def main():
    keep = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(prefix="parley-") as work:
        process = subprocess.Popen(command(work), stdin=subprocess.DEVNULL,
                                   preexec_fn=machine.die_with_parent)
        try:
            operate(Qmp(os.path.join(work, "qmp")), work, keep)
            expect("screen-off", process.wait(timeout=60) == 3 << 1 | 1,
                   process.returncode)
        except (OSError, RuntimeError, ValueError,
                subprocess.TimeoutExpired) as error:
            expect("screen", False, str(error))
        finally:
            process.kill()
            process.wait()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
