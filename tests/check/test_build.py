#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The build: reproducible, minimal, installable, well-behaved."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from files import ROOT

OUTPUT = os.path.abspath(os.environ.get("B") or "build")
MAKE = (os.environ.get("MAKE") or "make").split()[0]
PARTS = ("Makefile", "hv", "pvabi", "guestkit", "drivers", "tests")
failures = []

def expect(name, good, why=""):
    print(f"PASS {name}" if good else f"FAIL {name}: {why}")
    if not good:
        failures.append(name)


def run(*words, cwd=ROOT, **env):
    base = {k: v for k, v in os.environ.items()
            if k not in ("MAKEFLAGS", "MFLAGS", "B", "GUEST", "CFG")}
    done = subprocess.run(words, cwd=cwd, env={**base, **env}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, check=False)
    return done.returncode, done.stdout


def copy_tree(folder):
    for part in PARTS:
        source, target = os.path.join(ROOT, part), os.path.join(folder, part)
        if os.path.isdir(source):
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(
                "__pycache__", "build"))
        else:
            shutil.copy(source, target)


def products(folder):
    names = ["parley.efi", "host.elf"]
    guests = os.path.join(folder, "guests")
    names += ["guests/" + g for g in sorted(os.listdir(guests))]
    return names


def same(a, b):
    with open(a, "rb") as x, open(b, "rb") as y:
        return x.read() == y.read()


def commit():
    with open(os.path.join(OUTPUT, "gen/version.h"), encoding="utf-8") as f:
        return re.search(r'COMMIT "(.*)"', f.read()).group(1)


def reproducible(work):
    tree = os.path.join(work, "another-folder", "parley")
    os.makedirs(tree)
    copy_tree(tree)
    make = (MAKE, f"-j{os.cpu_count()}", f"COMMIT={commit()}", "all")
    code, out = run(*make, cwd=tree)
    expect("build-copy", code == 0, out[-500:])
    if code:
        return
    other = os.path.join(tree, "build")
    differ = [n for n in products(other) if not os.path.exists(
        os.path.join(OUTPUT, n)) or not same(os.path.join(OUTPUT, n),
                                            os.path.join(other, n))]
    expect("build-reproducible", not differ, " ".join(differ))
    code, out = run(*make, cwd=tree)
    work_done = re.findall(r"^  [A-Z]+\t.*$", out, re.M)
    expect("build-nothing-twice", code == 0 and not work_done,
           " ".join(work_done)[:300])
    os.utime(os.path.join(tree, "hv/lib/types.h"))
    code, out = run(*make, cwd=tree)
    expect("build-follows-headers", "parley.efi" in out, out[-300:])
    with open(os.path.join(tree, "pvabi/gen.py"), "r+", encoding="utf-8") as f:
        text = f.read().replace("Generated from", "Made from")
        f.seek(0)
        f.write(text)
        f.truncate()
    code, out = run(*make, cwd=tree)
    expect("build-follows-generated-headers", "parley.efi" in out
           and "libparleykit.a" in out, out[-300:])


def installs(work):
    target = os.path.join(work, "dest")
    code, out = run(MAKE, f"B={OUTPUT}", "install", f"DESTDIR={target}",
                    "PREFIX=/usr", f"COMMIT={commit()}")
    want = ("include/kit/kit.h", "include/pvabi/calls.h",
            "lib/libparleykit.a", "lib/pkgconfig/parley.pc",
            "share/parley/kit.lds")
    lost = [w for w in want if not os.path.exists(
        os.path.join(target, "usr", w))]
    expect("install", code == 0 and not lost, " ".join(lost) or out[-300:])


def quiet_dependencies():
    code, out = run("sh", "tests/check/deps.sh", "run")
    expect("deps-nothing-to-do", code == 0 and not out, out[-300:])
    code, out = run("sh", "tests/check/deps.sh", "run", NO_INSTALL="1")
    expect("deps-named", code == 0 and "qemu-system-x86" in out, out[-300:])


with tempfile.TemporaryDirectory(prefix="parley-build-") as scratch:
    reproducible(scratch)
    installs(scratch)
    quiet_dependencies()
sys.exit(1 if failures else 0)
