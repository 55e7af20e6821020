#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`make size`: the image's bytes and the lines of code in root mode."""
import os
import sys

from files import code_lines, read, sources

OUTPUT = os.environ.get("B") or "build"
IMAGE_LIMIT = 256 * 1024
# What runs: one back end, and all that is not hv/boot. The bound is 12,000, with
# IOMMUs; this is to notice growth.
ROOT_LIMIT = 10400


def lines_of(prefix="hv/", without=()):
    return sum(code_lines(read(p)) for p in sources(".c", ".h", ".S", ".inc",
                                                    rooms=("hv",))
               if p.startswith(prefix) and not p.startswith(tuple(without)))


def image_size():
    try:
        return os.path.getsize(os.path.join(OUTPUT, "parley.efi"))
    except OSError:
        return None


def root_mode(backend):
    """On a machine with that back end: the other one's code never runs."""
    other = {"vmx": "svm", "svm": "vmx"}[backend]
    return lines_of(without=["hv/boot/", f"hv/virt/{other}/"])


def over():
    """What exceeds its bound."""
    bad, image = [], image_size()
    if image is not None and image > IMAGE_LIMIT:
        bad.append(f"parley.efi is {image} bytes, more than {IMAGE_LIMIT}")
    bad += [f"root mode on {b} is {root_mode(b)} lines, more than {ROOT_LIMIT}"
            for b in ("vmx", "svm") if root_mode(b) > ROOT_LIMIT]
    return bad


def main():
    vmx, svm = lines_of("hv/virt/vmx/"), lines_of("hv/virt/svm/")
    rooms = ("main", "run", "hcall", "trap", "core", "virt", "arch", "lib")
    rows = [("parley.efi, bytes", image_size(), IMAGE_LIMIT),
            ("root mode on VMX, lines", root_mode("vmx"), ROOT_LIMIT),
            ("root mode on SVM, lines", root_mode("svm"), ROOT_LIMIT),
            ("of these, the back end VMX", vmx, ""),
            ("of these, the back end SVM", svm, ""),
            ("both back ends and all else", root_mode("vmx") + svm, ""),
            *((f"hv/{r}, lines", lines_of(f"hv/{r}/"), "") for r in rooms),
            ("hv/boot (not root mode), lines", lines_of("hv/boot/"), "")]
    for name, value, limit in rows:
        bound = f"   of {limit:,}" if limit else ""
        print(f"{name:36} {value if value is not None else 0:>9,}{bound}")
    print("lines: neither blank nor comment")
    return 1 if over() else 0


if __name__ == "__main__":
    sys.exit(main())
