#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Find CBMC 6, or fetch a private copy of Debian's, as bochs.py does.

Order: CBMC= (a program), the system's own if new enough, our own copy in the
cache folder, Debian's trixie from the mirrors that the system's apt uses (or
DEBIAN_MIRROR=). Nothing is installed.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../emu"))

import bochs  # noqa: E402
import debian  # noqa: E402

RELEASE = "trixie"
PACKAGES = ("cbmc", "minisat", "zlib1g", "libc6", "libstdc++6", "libgcc-s1")
MAJOR = 6


def version(argv):
    try:
        out = subprocess.run(argv + ["--version"], text=True, check=False,
                             stdin=subprocess.DEVNULL, timeout=60,
                             stdout=subprocess.PIPE).stdout
    except OSError:
        return None
    found = re.match(r"(\d+)\.\d+", out)
    return found and int(found.group(1))


def private(root):
    """The copy's argv: with the C library that it was linked against."""
    lib = os.path.join(root, "usr/lib/x86_64-linux-gnu")
    return [os.path.join(lib, "ld-linux-x86-64.so.2"), "--library-path", f"{lib}:{root}/usr/lib",
            os.path.join(root, "usr/bin/cbmc")]


def fetch(target):
    own, snapshot = bochs.mirrors()
    why = "the system's apt names no Debian mirror: set DEBIAN_MIRROR="
    for mirror in own + snapshot:
        with tempfile.TemporaryDirectory(dir=os.path.dirname(target)) as work:
            try:
                apt = debian.Apt(work, mirror, RELEASE)
                apt("update")
                apt("download", *PACKAGES)
            except debian.Missing as error:
                why = str(error)
                continue
            root = os.path.join(work, "root")
            for deb in sorted(os.listdir(apt.got)):
                subprocess.run(["dpkg-deb", "-x", os.path.join(apt.got, deb),
                                root], check=True)
            if version(private(root)) != MAJOR:
                why = "its cbmc does not start"
                continue
            shutil.rmtree(target, True)
            os.rename(root, target)
            return
    raise debian.Missing(f"cannot fetch CBMC ({why}); CBMC= names a program")


def locate(output="build"):
    """argv of a CBMC, fetched if need be; raises debian.Missing."""
    for program in (os.environ.get("CBMC"), shutil.which("cbmc")):
        if program and (version([program]) or 0) >= MAJOR:
            return [program]
    target = debian.cache_folder(f"cbmc-{MAJOR}", output)
    if not os.path.exists(target):
        print(f"cbmc: fetching Debian's into {target}", flush=True)
        fetch(target)
    return private(target)


if __name__ == "__main__":
    print(" ".join(locate(os.environ.get("B") or "build")))
