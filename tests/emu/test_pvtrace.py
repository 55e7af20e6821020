#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""build/pvtrace: images of rings, and what it refuses."""
import os
import struct
import subprocess
import sys
import tempfile
import zlib

OUTPUT = os.environ.get("B") or "build"
TOOL = os.path.join(OUTPUT, "pvtrace")
RECORDS = 1023
failed = 0


def run(data, *options):
    with tempfile.NamedTemporaryFile() as f:
        f.write(data)
        f.flush()
        done = subprocess.run([TOOL, *options, f.name], text=True,
                              errors="replace", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.PIPE, timeout=60)
    return done.returncode, done.stdout, done.stderr


def check(name, ok, why):
    global failed
    failed += not ok
    print(f"PASS pvtrace {name}" if ok else f"FAIL pvtrace {name}: {why}")


def record(seq, tsc, nr, vcpu=0, flags=0):
    return struct.pack("<QQQHHHHIIQQ6Q3Q", seq, tsc, 1, 3, vcpu, 0, nr, flags,
                       0, 0, 0, *[0] * 9)


def ring(records, head, magic=b"PVTRACE1"):
    """An image with these records, by number."""
    slots = [bytes(128)] * RECORDS
    for n, data in records.items():
        slots[(n - 1) % RECORDS] = data
    return magic + struct.pack("<IIQQ", 0, RECORDS, 1000, head) + \
        bytes(96) + b"".join(slots)


def line(body):
    return f"pvtrace {body} #{zlib.crc32(body.encode()):08x}\r\n"


def images():
    one = ring({n: record(n, 1000 * n, 0) for n in range(3, 1026)}, 1025)
    two = ring({1: record(1, 2500, 8), 2: record(2, 5500, 9, 1, 1)}, 2)
    status, out, err = run(one + two)
    lines = out.splitlines()
    check("rings are merged by time",
          status == 0 and len(lines) == RECORDS + 2 and
          "vcpu_yield" in lines[0] and "vcpu_wait" in lines[-1] and
          "part3.0" in lines[0] and "2 records were lost" in err,
          (lines[:1], lines[-1:], err))
    for name, data, said in (
            ("a piece of a ring", one[:-1], "not a whole number of rings"),
            ("a ring of another version", one + ring({}, 0, b"PVTRACE9"),
             "ring 1 is none of this version")):
        status, out, err = run(data)
        check(f"refuses {name}", status == 2 and said in err, err)


def logs():
    good = line("time 0 3e8") + line("part 3 pv") + line("rec 1 7d0 5 3")
    status, out, err = run(good.encode())
    check("a log", (status, out) ==
          (0, "pv.0       0.002000 nop() = PV_OK <5 ticks>\n"), (out, err))
    status, out, err = run((good + good.replace("rec 1", "rec 2")).encode())
    check("a bad checksum is told, and the rest is read",
          status == 1 and len(out.splitlines()) == 1 and
          ":6: the checksum is wrong" in err, (out, err))
    odd = line('part 3 a"b\\,c') + line("rec 1 7d0 5 3")
    check("JSON and CSV with an odd name",
          '"part": "a\\"b\\\\,c"' in run(odd.encode(), "--json")[1] and
          '\n"a""b\\,c",0' in run(odd.encode(), "--csv")[1],
          run(odd.encode(), "--csv")[1] + run(odd.encode(), "--json")[1])
    for name, data, options, said in (
            ("an empty file", b"", (), "no records in it"),
            ("a log without a trace", b"hello\n\0\xff\n", (),
             "no records in it"),
            ("a filter that nothing passes", good.encode(),
             ("--call", "batch"), "no record of that kind"),
            ("an unknown option", b"", ("--xml",), "usage: pvtrace"),
            ("an option without its value", b"", ("--part",), "usage: pvtrace")):
        status, out, err = run(data, *options)
        check(f"refuses {name}", status == 2 and said in err, err)
    done = subprocess.run([TOOL, "/nowhere/x"], stderr=subprocess.PIPE,
                          text=True, check=False, timeout=60)
    check("refuses a file that is not there", done.returncode == 2 and
          "No such file" in done.stderr, done.stderr)


if __name__ == "__main__":
    images()
    logs()
    sys.exit(1 if failed else 0)
