#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Hold the tree to its layers: who may include, and who may call, whom.

hv: main -> run -> {hcall, trap} -> core -> virt -> arch -> lib -> pvabi; boot
sees lib only and enters main once. hcall and trap are strangers, and so are
virt/vmx and virt/svm. drivers use their own environment and pvabi; guestkit
uses pvabi and drivers; hv uses neither.
"""
import os
import re
import subprocess
import sys

from files import ROOT, read, sources

LEVEL = {"main": 7, "run": 6, "hcall": 5, "trap": 5, "core": 4, "virt": 3,
         "arch": 2, "lib": 1, "pvabi": 0}
COMPILER = {"stdint.h", "stddef.h", "stdbool.h", "stdarg.h", "limits.h",
            "stdalign.h", "stdnoreturn.h", "float.h", "immintrin.h",
            "cpuid.h", "xmmintrin.h", "emmintrin.h"}
# What the loader's half and the hypervisor's half know of each other.
HANDOVER = {"hv_main", "hv_vectors"}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)
VENDOR = re.compile(r"^\s*#\s*(?:el)?if(?!ndef \w+_H$).*"
                    r"\b\w*(VMX|SVM|INTEL|AMD)\w*\b", re.M)


def room_of(path):
    """(top folder, room) of a file; a back end is a room of its own."""
    parts = path.split("/")
    if parts[0] != "hv":
        return parts[0], parts[1] if len(parts) > 2 else ""
    if parts[1] == "virt" and len(parts) > 3:
        return "hv", "virt/" + parts[2]
    return "hv", parts[1]


def hv_refuses(mine, theirs):
    """Why a file of room mine may not use room theirs of hv, or None."""
    a, b = mine.split("/")[0], theirs.split("/")[0]
    if mine == "boot":
        return None if theirs in ("boot", "lib", "pvabi") else \
            "boot sees lib only"
    if "boot" == b:
        return "nobody sees boot"
    if b not in LEVEL:
        return f"{theirs} is no room"
    if LEVEL[b] > LEVEL[a]:
        return f"{a} may not look up at {b}"
    if {a, b} == {"hcall", "trap"}:
        return "hcall and trap are strangers"
    if "/" in mine and "/" in theirs and mine != theirs:
        return "vmx and svm are strangers"
    return None


def target_of(name):
    """Room of an include's spelling, or None when it names none."""
    parts = name.split("/")
    if len(parts) == 1:
        return None
    if parts[0] == "virt" and len(parts) > 2:
        return "virt/" + parts[1]
    return parts[0]


def check_hv(path, name):
    mine = room_of(path)[1]
    theirs = target_of(name)
    if name == "version.h" or name in COMPILER:
        return None
    if theirs is None:
        if mine == "boot" and name in ("efi.h", "efilib.h"):
            return None
        return "an include spells the room"
    return hv_refuses(mine, theirs)


def check_other(path, name):
    top, room = room_of(path)
    theirs = name.split("/")[0] if "/" in name else ""
    if top == "tests" or name in COMPILER or theirs == "pvabi":
        return None
    if top == "pvabi":
        return None if not theirs else "pvabi uses pvabi only"
    if theirs in LEVEL and os.path.exists(os.path.join(ROOT, "hv", name)):
        return f"{top} does not see the hypervisor"
    if top == "drivers" and room != "host" and theirs == "kit":
        return "drivers use their own environment and pvabi only"
    return None


def includes():
    bad = []
    for path in sources(".c", ".h", ".S", ".inc"):
        check = check_hv if path.startswith("hv/") else check_other
        text = read(path)
        for name in INCLUDE.findall(text):
            why = check(path, name)
            if why:
                bad.append(f"{path} includes {name}: {why}")
        if path.startswith("hv/"):
            bad += [f"{path}: preprocessor test on a vendor: "
                    f"{m.group(0).strip()}" for m in VENDOR.finditer(text)]
    return bad


def symbols(obj):
    out = subprocess.run(["nm", "-g", obj], text=True, check=True,
                         stdout=subprocess.PIPE).stdout
    needs, gives = set(), set()
    for line in out.splitlines():
        kind, name = line.split()[-2:]
        (needs if kind in "Uw" else gives).add(name)
    return needs, gives


def calls(output):
    """The same arrows in the objects, whatever the headers say."""
    where, needs = {}, []
    for path in sources(".c", ".S", rooms=("hv",)):
        obj = os.path.join(output, "obj", os.path.splitext(path)[0] + ".o")
        if not os.path.exists(obj):
            continue
        need, give = symbols(obj)
        room = room_of(path)[1]
        needs.append((path, room, need))
        for name in give:
            where.setdefault(name, set()).add(room)
    bad = []
    for path, room, need in needs:
        for name in sorted(need - HANDOVER):
            theirs = where.get(name)
            why = theirs and room not in theirs and \
                all(hv_refuses(room, t) for t in theirs)
            if why:
                why = hv_refuses(room, sorted(theirs)[0])
                bad.append(f"{path} uses {name} of {sorted(theirs)[0]}: {why}")
    return bad


if __name__ == "__main__":
    wrong = includes() + calls(os.environ.get("B") or "build")
    print("\n".join(wrong))
    sys.exit(1 if wrong else 0)
