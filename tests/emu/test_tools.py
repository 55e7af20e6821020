#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The harness itself: images refused, disk image, console bytes, verdicts."""
import os
import struct
import subprocess
import sys
import tempfile

import guestfile
import image
import machine

OUTPUT = os.environ.get("B") or "build"
HERE = os.path.dirname(os.path.abspath(__file__))
failures = []


def expect(name, good, why=""):
    print(f"PASS {name}" if good else f"FAIL {name}: {why}")
    if not good:
        failures.append(name)


def elf(bits=2, kind=2, cpu=62, segment=(1, 0x100000, 0x1000), extra=b""):
    p_type, addr, size = segment
    ident = b"\x7fELF" + bytes([bits, 1, 1]) + bytes(9)
    head = ident + struct.pack("<HHIQQQIHHHHHH", kind, cpu, 1, addr, 64, 0, 0,
                               64, 56, 1, 0, 0, 0)
    return head + struct.pack("<IIQQQQQQ", p_type, 5, 0, addr, addr, 0, size,
                              4096) + extra


MULTIBOOT1 = struct.pack("<III", 0x1BADB002, 0, 0x100000000 - 0x1BADB002)
MULTIBOOT2 = bytes(8) + struct.pack("<IIII", 0xE85250D6, 0, 16,
                                    0x100000000 - 0xE85250D6 - 16)
PE = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + bytes(64)
IMAGES = (
    ("multiboot1", MULTIBOOT1 + bytes(64), "a Multiboot 1 image"),
    ("multiboot2", MULTIBOOT2 + bytes(64), "a Multiboot 2 image"),
    ("multiboot-elf64", elf(extra=bytes(8) + MULTIBOOT1 + bytes(64)),
     "a Multiboot 1 kernel"),
    ("bzimage", b"MZ" + bytes(0x200) + b"HdrS" + bytes(64), "bzImage"),
    ("elf32", elf(bits=1), "a 32-bit ELF"),
    ("pe", PE, "a PE image"),
    ("text", b"hello, world\n" * 10, "not an image"),
    ("empty", b"", "an empty file"),
    ("arm", elf(cpu=183), "another machine"),
    ("relocatable", elf(kind=1), "not an executable"),
    ("pie", elf(kind=3), "not an executable"),
    ("interpreter", elf(segment=(3, 0, 10)), "dynamically linked"),
    ("no-segment", elf(segment=(4, 0, 10)), "without a segment"),
    ("too-big", elf(segment=(1, 0x100000, 0x10000000)), "above its"),
    ("cut", elf()[:70], "a damaged ELF"))


def refusals(work):
    for name, data, what in IMAGES:
        path = os.path.join(work, name)
        with open(path, "wb") as f:
            f.write(data)
        said = "it was accepted"
        try:
            guestfile.check(path, 16 << 20)
        except guestfile.Refused as error:
            said = str(error)
        expect(f"guest-refused-{name}", what in said
               and guestfile.ACCEPTED in said, said)
    path = os.path.join(work, "good")
    with open(path, "wb") as f:
        f.write(elf())
    guestfile.check(path, 16 << 20)
    done = subprocess.run(
        [sys.executable, "-B", os.path.join(HERE, "run.py")], text=True,
        env=dict(os.environ, GUEST=os.path.join(work, "missing")),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, check=False)
    expect("guest-refused-missing", done.returncode != 0
           and "No such file" in done.stdout, done.stdout)


def disk_image(work):
    cfg = "[guest a]\nimage = a.elf\ncmdline = @CRC@\n"
    for name in ("a.elf", "host.elf", "parley.efi"):
        with open(os.path.join(work, name), "wb") as f:
            f.write(b"\x01" * 5000)
    paths = [os.path.join(work, n) for n in ("one.img", "two.img")]
    for path in paths:
        image.from_config(path, cfg, work, folders=[work])
    with open(paths[0], "rb") as a, open(paths[1], "rb") as b:
        data = a.read()
        expect("image-reproducible", data == b.read())
    expect("image-has-data", image.pattern() in data)
    size = (len(data) - 3 * image.MIB) // image.MIB
    raw = os.path.join(work, "esp")
    with open(raw, "wb") as f:
        f.write(data[image.ESP_START:image.ESP_START + size * image.MIB])
    done = subprocess.run(["fsck.fat", "-n", raw], env=image.TOOL_ENV,
                          stdout=subprocess.PIPE, text=True, check=False)
    expect("image-fsck", done.returncode == 0, done.stdout)
    try:
        image.from_config(paths[0], "image = nosuch.elf\n", work)
        expect("image-names-what-is-missing", False)
    except RuntimeError as error:
        expect("image-names-what-is-missing", "nosuch.elf" in str(error))


def console():
    """Escape sequences go, also when cut in two; lines are judged."""
    result, shown = machine.Result(), []
    serial = machine.Serial(result, shown.append, None)
    for piece in (b"\x1b[2Ja\x1b[0", b"1;1Hb\r\nparley: power", b" off, "
                  b"status 3\r\nparley: panic: x\npartial"):
        serial.feed(piece)
    serial.finish()
    expect("console-escapes", b"".join(shown).startswith(b"ab\r\n"), shown)
    expect("console-lines", result.lines[0] == "ab"
           and result.lines[-1] == "partial", result.lines)
    expect("verdict-status", result.status == 3)
    expect("verdict-panic", result.panic and not result.good)


with tempfile.TemporaryDirectory(prefix="parley-tools-") as scratch:
    refusals(scratch)
    disk_image(scratch)
console()
sys.exit(1 if failures else 0)
