#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`make size`: the image's bytes and the lines of code in root mode."""
import os
import sys

from files import code_lines, read, sources

OUTPUT = os.environ.get("B") or "build"
IMAGE_LIMIT = 256 * 1024
# Root mode: both back ends, and all that is not hv/boot.
IOMMU = ("hv/arch/iommu.", "hv/arch/vtd.", "hv/arch/amdvi.", "hv/lib/iommu.")
RESTART = ("hv/core/renew.", "hv/core/quiet.", "hv/lib/stop.",
           "hv/main/again.")  # the host partition's
ROOT_LIMIT = 12_000


def lines_of(prefix="hv/", without=()):
    return sum(code_lines(read(p)) for p in sources(".c", ".h", ".S", ".inc",
                                                    rooms=("hv",))
               if p.startswith(prefix) and not p.startswith(tuple(without)))


def image_size():
    try:
        return os.path.getsize(os.path.join(OUTPUT, "parley.efi"))
    except OSError:
        return None


def over():
    """What exceeds its bound."""
    bad, image = [], image_size()
    if image is not None and image > IMAGE_LIMIT:
        bad.append(f"parley.efi is {image} bytes, more than {IMAGE_LIMIT}")
    root = lines_of(without=["hv/boot/"])
    if root >= ROOT_LIMIT:
        bad.append(f"root mode is {root} lines, not under {ROOT_LIMIT}")
    return bad


def main():
    rooms = ("main", "run", "hcall", "trap", "core", "virt", "arch", "lib")
    rows = [("parley.efi, bytes", image_size(), IMAGE_LIMIT),
            ("root mode, lines", lines_of(without=["hv/boot/"]), ROOT_LIMIT),
            ("of these, IOMMUs", sum(map(lines_of, IOMMU)), ""),
            ("of these, the host partition's restart",
             sum(map(lines_of, RESTART)), ""),
            ("of these, the back end VMX", lines_of("hv/virt/vmx/"), ""),
            ("of these, the back end SVM", lines_of("hv/virt/svm/"), ""),
            *((f"hv/{r}, lines", lines_of(f"hv/{r}/"), "") for r in rooms),
            ("hv/boot (not root mode), lines", lines_of("hv/boot/"), "")]
    for name, value, limit in rows:
        bound = f"   of {limit:,}" if limit else ""
        print(f"{name:40} {value if value is not None else 0:>9,}{bound}")
    print("lines: neither blank nor comment")
    return 1 if over() else 0


if __name__ == "__main__":
    sys.exit(main())
