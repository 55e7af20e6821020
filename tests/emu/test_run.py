#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`make run` as a user meets it: keyboard on a terminal, exit codes, faults,
odd names."""
import os
import shutil
import subprocess
import sys
import tempfile

import machine
from terminal import HERE, LIMIT, Terminal, words

OUTPUT = os.path.abspath(os.environ.get("B") or "build")
ECHO = os.path.join(OUTPUT, "guests", "echo.elf")
failures = []


def expect(name, good, why=""):
    print(f"PASS {name}" if good else f"FAIL {name}: {why}", flush=True)
    if not good:
        failures.append(name)


def run(work, **settings):
    """Without a terminal: (status, text)."""
    argv, env = words(work, settings)
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=LIMIT, errors="replace", check=False)
    return done.returncode, done.stdout


def keyboard(work, emulator):
    """Each byte reaches the guest, Ctrl-C too; Ctrl-A twice is one."""
    t = Terminal(work, GUEST=ECHO, EMU=emulator, CMDLINE="code=7")
    told = t.wait("Ctrl-A X quits")
    ready = t.wait("echo: ready")
    t.type(b"a\x03\x01\x01\r")
    heard = t.wait("echo: 61(.|\n)*echo: 03(.|\n)*echo: 01(.|\n)*echo: 0d")
    t.type(b"q")
    status = t.status()
    expect(f"keyboard-{emulator}", told and ready and heard, t.text[-600:])
    expect(f"exit-code-{emulator}", status == 7, f"status {status}")
    expect(f"no-colour-{emulator}", "\x1b" not in t.text, repr(t.text))


def leaving(work):
    t = Terminal(work, GUEST=ECHO, EMU="qemu")
    t.wait("echo: ready")
    t.type(b"\x01x")
    status = t.status()
    expect("keyboard-leaves", status == 0 and "from the keyboard" in t.text,
           f"status {status}: {t.text[-300:]}")


def file_of(work, name, text):
    path = os.path.join(work, name)
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    return path


def names(work):
    """Whatever its file is called, a guest is a guest; its words arrive."""
    path = os.path.join(work, "host.elf")
    shutil.copy(os.path.join(OUTPUT, "guests", "hello.elf"), path)
    status, text = run(work, EMU="qemu", GUEST=path,
                       CMDLINE='name=#1 two  blanks')
    expect("guest-named-host", status == 0 and "hello, #1:" in text
           and '"name=#1 two  blanks"' in text, text[-600:])
    for i, bad in enumerate(('a "b" #c', "two\nlines", "x" * 512)):
        status, text = run(work, EMU="qemu", GUEST=path, CMDLINE=bad)
        expect(f"cmdline-refused-{i}", status and "CMDLINE= " in text, text)


def typed_twice(work):
    """make hands on the last one only; all count."""
    makefile = file_of(work, "Makefile", "export GUEST BLOCK EMU\nrun:\n\t@"
                       f"{sys.executable} -B {HERE}/run.py\n")
    env = {k: v for k, v in words(work, {"TIMEOUT": "9"})[1].items()
           if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    disk = file_of(work, "disk", " " * 1024)
    for name, why, block in (
            ("first", "/none/one: ", ["a:/none/one", f"b:{disk}"]),
            ("list", "/none/two: ", [f"a:{disk} b:/none/two", f"c:{disk}"]),
            ("last", "/none/three: ", [f"a:{disk}", "b:/none/three"]),
            ("same", "two devices", [f"a:{disk}", f"a:{disk}"])):
        done = subprocess.run(["make", "-f", makefile, "run", f"GUEST={ECHO}",
                               "EMU=qemu", *(f"BLOCK={b}" for b in block)],
                              env=env, text=True, stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=LIMIT,
                              stderr=subprocess.STDOUT, check=False)
        expect(f"typed-twice-{name}", done.returncode and why in done.stdout,
               done.stdout[-400:])


CONFIG = """[host]
memory = 32M
[guest a]
image = demo.elf
cmdline = "crc=%s"
disk = data:part=%s
"""


def faults(work):
    """Each ends with a status that is not 0, and says why."""
    for name, why, settings in (
            ("hung-guest", "no power-off within 8 s",
             {"GUEST": ECHO, "TIMEOUT": "8"}),
            ("checksum", "FAIL disk-crc: got ",
             {"CFG": file_of(work, "crc.cfg", CONFIG % ("1234", "data"))}),
            ("missing-disk", "there is no such partition",
             {"CFG": file_of(work, "disk.cfg", CONFIG % ("1234", "other"))}),
            ("emulator-ends", "the emulator ended",
             {"GUEST": ECHO, "QEMU_ARGS": "-no-such-option"}),
            ("no-kvm", "ACCEL=kvm: ", {"ACCEL": "kvm"}),
            ("kvm-in-bochs", "ACCEL= is QEMU's",
             {"EMU": "bochs", "ACCEL": "kvm"}),
            ("model-in-qemu", "MODEL= is ryzen", {"MODEL": "ryzen"})):
        if name == "no-kvm" and machine.kvm_nests()[0]:
            continue
        status, text = run(work, **{"EMU": "qemu", **settings})
        expect(f"fault-{name}", status and why in text,
               f"status {status}: {text[-500:]}")


with tempfile.TemporaryDirectory(prefix="parley-run-") as scratch:
    typed_twice(scratch)
    names(scratch)
    faults(scratch)
    keyboard(scratch, "qemu")
    keyboard(scratch, "bochs")
    leaving(scratch)
sys.exit(1 if failures else 0)
