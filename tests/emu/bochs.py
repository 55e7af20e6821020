#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Find Bochs 3.1 or later, or fetch a private copy of Debian's.

Order: BOCHS_DIR=, the system's own if new enough, our own copy in the cache
folder, Debian's forky from the mirror that the system's apt uses (or
DEBIAN_MIRROR=), Debian's snapshot archive. Nothing is installed.
"""
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

import debian
from debian import Apt, Missing

VERSION = "3.1+dfsg-1"
LEAST = (3, 1)
RELEASE = "forky"
SNAPSHOT = "http://snapshot.debian.org/archive/debian/20261120T000000Z"
PINNED = {  # package: (version, SHA-256 of the .deb)
    "bochs": (VERSION, "fd931f19cf7d018f003841f6625602357d9a37f58d4de117a8"
              "2d44eb80cf57e2"),
    "bochs-term": (VERSION, "9edeffe3c1b2642bb18ae881e31b6e35a92ddb7a0075ac"
                   "55c4f51014af03bdb7"),
}
LIBC = "libc6"  # what it is linked against; moves often, and does not matter
# The build whose 64-bit IDIV is wrong, and where its functions are.
IDIV_SHA = "18a8d445498ac03bc54b28a2d3890e3e3d4f113617e7e03408a69f5e58a91e05"
LONG_DIV, LONG_IDIV, IDIV_ROOM = 0x26b530, 0x26b610, 0x8e
HERE = os.path.dirname(os.path.abspath(__file__))
LIBDIR = "/usr/lib/x86_64-linux-gnu"


class Bochs:
    """A Bochs that can be started: argv prefix, environment, identity."""

    def __init__(self, root, program, loader=None, note=""):
        self.program, self.note = program, note
        self.argv = [program]
        self.env = dict(os.environ, TERM="xterm")
        if loader:
            own = root + LIBDIR
            self.argv = [loader, "--library-path", f"{own}:{LIBDIR}", program]
        plugins = first(root, "usr/lib/x86_64-linux-gnu/bochs/plugins",
                        "lib/bochs/plugins", "usr/lib/bochs/plugins")
        share = first(root, "usr/share/bochs", "share/bochs")
        if plugins and root != "/":
            self.env["LTDL_LIBRARY_PATH"] = plugins
        if share and root != "/":
            self.env["BXSHARE"] = share
        self.share = share or "/usr/share/bochs"
        self.sha256 = digest(program)
        self.version = self._version()

    def _version(self):
        out = subprocess.run(self.argv + ["--help"], env=self.env, text=True,
                             stdin=subprocess.DEVNULL, errors="replace",
                             stdout=subprocess.PIPE, timeout=60,
                             stderr=subprocess.STDOUT, check=False).stdout
        found = re.search(r"Bochs x86 Emulator (\d+)\.(\d+)", out)
        if not found:
            raise Missing(f"{self.program} does not start: "
                          + " ".join(out.split())[:300])
        return tuple(int(x) for x in found.groups())

    def name(self):
        major, minor = self.version
        return f"Bochs {major}.{minor}{self.note}"


def first(root, *paths):
    for path in paths:
        full = os.path.join(root, path)
        if os.path.exists(full):
            return full
    return None


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def open_folder(root):
    """A folder of the user's or of ours that holds Bochs."""
    program = first(root, "usr/bin/bochs-bin", "usr/bin/bochs",
                    "bin/bochs-bin", "bin/bochs", "bochs-bin", "bochs")
    if not program:
        raise Missing(f"no bochs program in {root}")
    loader = first(root, "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
    note = ""
    if os.path.exists(os.path.join(root, ".idiv-repaired")):
        note = " (Debian, IDIV repaired)"
    try:
        found = Bochs(root, program, loader if root != "/" else None, note)
    except (OSError, subprocess.SubprocessError) as error:
        raise Missing(f"{program} does not start: {error}") from None
    if found.version < LEAST:
        raise Missing(f"{program} is {found.name()}; 3.1 or later is needed")
    if found.sha256 == IDIV_SHA:
        found.note = " (Debian, IDIV r64 is wrong)"
    return found


def system_own():
    """The system's, if it is new enough and not the build with the wrong
    division: that one is repaired in a copy of our own."""
    path = shutil.which("bochs-bin") or shutil.which("bochs")
    if not path:
        return None
    try:
        found = Bochs("/", path)
    except (Missing, OSError, subprocess.SubprocessError):
        return None
    return found if found.version >= LEAST and found.sha256 != IDIV_SHA \
        else None


def cache_folder(output):
    return debian.cache_folder("bochs-" + VERSION, output)


def mirrors():
    """Debian's, as the system's own apt has it, and the snapshot."""
    return debian.mirrors(), [SNAPSHOT]


def download(work, mirror, pinned):
    apt = Apt(work, mirror, RELEASE)
    apt("update")
    apt("download", LIBC, *(f"{name}={PINNED[name][0]}" if pinned else name
                            for name in PINNED))
    for deb in sorted(os.listdir(apt.got)):
        name = deb.split("_")[0]
        got = digest(os.path.join(apt.got, deb))
        if name == LIBC or got == PINNED[name][1]:
            continue
        if pinned:
            raise Missing(f"{deb} has SHA-256 {got}, not the pinned one")
        print(f"bochs: {deb} is not the pinned version, SHA-256 {got}")
    return apt.got


def fetch_debs(work):
    own, snapshot = mirrors()
    tries = [(m, True) for m in own + snapshot] + [(m, False) for m in own]
    why = "the system's apt names no Debian mirror: set DEBIAN_MIRROR="
    for number, (mirror, pinned) in enumerate(tries):
        try:
            return download(os.path.join(work, str(number)), mirror, pinned)
        except Missing as error:
            why = str(error)
            print(f"bochs: {mirror}: {why}", file=sys.stderr)
    raise Missing(f"cannot fetch Bochs {VERSION} ({why}); BOCHS_DIR= names a "
                  "folder that has one")


def repair_idiv(root):
    """Replace the miscompiled division of that one build, in our copy."""
    program = os.path.join(root, "usr/bin/bochs-bin")
    if digest(program) != IDIV_SHA:
        return
    obj = os.path.join(root, "idiv.o")
    subprocess.run(["gcc", "-c", f"-Wa,--defsym,LONG_DIV={LONG_DIV}",
                    f"-Wa,--defsym,LONG_IDIV={LONG_IDIV}", "-o", obj,
                    os.path.join(HERE, "bochs-idiv.S")], check=True)
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", obj,
                    obj + ".bin"], check=True)
    with open(obj + ".bin", "rb") as f:
        code = f.read()
    if len(code) > IDIV_ROOM:
        raise Missing("the replacement of long_idiv is too long")
    with open(program, "r+b") as f:
        f.seek(LONG_IDIV)
        f.write(code.ljust(IDIV_ROOM, b"\xcc"))
    os.unlink(obj)
    os.unlink(obj + ".bin")
    with open(os.path.join(root, ".idiv-repaired"), "w", encoding="ascii"):
        pass
    print("bochs: this build computes IDIV r64 wrongly; repaired in our copy "
          f"({len(code)} bytes of code)")


def install_private(target):
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Missing("no apt here: install Bochs 3.1 or later, or set "
                      "BOCHS_DIR=")
    print(f"bochs: fetching Debian's {VERSION} into {target}", flush=True)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target)) as work:
        debs = fetch_debs(work)
        root = os.path.join(work, "root")
        for deb in sorted(os.listdir(debs)):
            subprocess.run(["dpkg-deb", "-x", os.path.join(debs, deb), root],
                           check=True)
        shutil.rmtree(os.path.join(root, "usr/share/locale"), True)
        repair_idiv(root)
        shutil.rmtree(target, True)
        os.rename(root, target)


def locate(output="build"):
    """The Bochs to use, fetched if need be; raises Missing."""
    if os.environ.get("BOCHS_DIR"):
        return open_folder(os.environ["BOCHS_DIR"])
    found = system_own()
    if found:
        return found
    target = cache_folder(output)
    if not os.path.exists(target):
        with open(target + ".lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(target):
                install_private(target)
    return open_folder(target)


if __name__ == "__main__":
    try:
        bochs = locate(os.environ.get("B", "build"))
    except Missing as error:
        sys.exit(f"bochs: {error}")
    print(f"{bochs.name()}\n{bochs.program}\nSHA-256 {bochs.sha256}")
