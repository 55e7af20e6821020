#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A kernel outside the tree links with the kit, its own linker script, memcpy
and printf; and every global name of the kit's archive has its prefix."""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUTPUT = os.path.abspath(os.environ.get("B") or os.path.join(ROOT, "build"))
MAKE = os.environ.get("MAKE") or "make"


def run(*words, cwd=None):
    env = {k: v for k, v in os.environ.items()
           if not k.startswith("MAKE") and k != "MFLAGS"}
    done = subprocess.run(words, cwd=cwd, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, env=env)
    return done.returncode, done.stdout


def result(name, why):
    print(f"FAIL {name}: {why}" if why else f"PASS {name}")
    return bool(why)


def prefix():
    _, text = run("nm", "-g", "--defined-only",
                  os.path.join(OUTPUT, "libparleykit.a"))
    names = [l.split()[2] for l in text.splitlines() if len(l.split()) == 3]
    bad = [n for n in names if not n.startswith("kit_")]
    return "not prefixed: " + ", ".join(bad) if bad or not names else ""


def outside():
    with tempfile.TemporaryDirectory() as work:
        folder = os.path.join(work, "kernel")
        shutil.copytree(os.path.join(HERE, "outside"), folder)
        status, text = run(MAKE, f"PARLEY={ROOT}", f"KIT_B={OUTPUT}",
                           cwd=folder)
        if status:
            return text.strip().replace("\n", " / ")[-600:]
        elf = os.path.join(folder, "outside.elf")
        _, text = run("readelf", "-hlW", elf)
        if "0x0000000000400000" not in text:
            return "the linker script was not used"
        _, text = run("nm", elf)
        if "libc_assert_fail" in text or " kit_entry" not in text:
            return "the wrong archives were linked"
        kept = os.path.join(OUTPUT, "guests", "outside.elf")
        os.makedirs(os.path.dirname(kept), exist_ok=True)
        shutil.copy(elf, kept)
    return ""


if __name__ == "__main__":
    sys.exit(result("kit prefix", prefix())
             | result("kernel outside the tree", outside()))
