#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""FAT32 volumes after random operations, and after cuts at random writes, as
fsck.fat and mtools see them."""
import os
import re
import subprocess
import sys
import tempfile

PLAY = os.path.abspath(os.path.join(os.environ.get("B") or "build",
                                    "fat-play"))
ENV = {**os.environ, "LC_ALL": "C.UTF-8", "MTOOLS_SKIP_CHECK": "1",
       "ASAN_OPTIONS": "detect_leaks=0",
       "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
# Sectors of a cluster, KiB of the volume, seed. mtools takes none for FAT32
# that has less than 65,525 clusters.
LARGE = [(1, 36000, s) for s in range(8)] + [(2, 68000, 8)]
SMALL = [(1, 4096, s) for s in range(8)] + [(2, 2048, s) for s in range(8)] + \
    [(8, 8192, s) for s in range(4)] + [(2, 512, s) for s in range(8)]
CUTS = [(1, 512, s) for s in range(8)] + [(2, 1024, s) for s in range(4)] + \
    [(8, 1024, s) for s in range(2)] + [(1, 256, s) for s in range(10)] + \
    [(2, 1024, 109)]  # a name that moved away is used anew
# After a cut: orphaned and over-long chains, copies of the table that differ,
# and the dirty bit (which the boot sector's backup does not have; while it
# is set, FSInfo says nothing).
ALLOWED = re.compile("|".join((
    r"fsck\.fat 4.*", r"/.*", r"\s*", r".*: \d+ files, \d+/\d+ clusters",
    r"  File size is (\d+) bytes, cluster chain length is > (\d+) bytes\.",
    r"  Truncating file to \d+ bytes\.",
    r"Reclaimed \d+ unused clusters? \(\d+ bytes\)\.",
    r"FATs differ but appear to be intact\.", r"  Using first FAT\.",
    r"Dirty bit is set\. Fs was not properly unmounted and some data may be "
    r"corrupt\.", r" Automatically removing dirty bit\.",
    r"There are differences between boot sector and its backup\.",
    r"This is mostly harmless\. Differences: \(offset:original/backup\)",
    r"  65:01/00", r"  Not automatically fixing this\.",
    r"Free cluster summary uninitialized \(should be \d+\)",
    r"Leaving filesystem unchanged\.",
    # of the size of these volumes
    r"Warning: Filesystem is FAT32 according to fat_length.*",
    r"  but has only \d+ clusters, less than.*",
    r"  This may lead to problems on some systems\.")))
CLEAN = re.compile(r"fsck\.fat 4.*|.*: \d+ files, \d+/\d+ clusters"
                   r"|Warning: Filesystem is FAT32.*|  but has only \d+ .*"
                   r"|  This may lead to problems.*")


class Wrong(Exception):
    pass


def run(*command, ok=(0,)):
    done = subprocess.run(command, check=False, env=ENV, timeout=300,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    out = done.stdout.decode("utf-8", "replace")
    if done.returncode not in ok:
        raise Wrong(f"{' '.join(command)}: status {done.returncode}\n"
                    + out[-2000:])
    return out


def make(path, per_cluster, kib):
    if os.path.exists(path):
        os.unlink(path)
    run("mkfs.fat", "-F", "32", "-s", str(per_cluster), "-C", path, str(kib))


def checked(path, allowed):
    out = run("fsck.fat", "-n", path, ok=(0, 1))
    bad = [line for line in out.splitlines() if not allowed.fullmatch(line)]
    if bad:
        raise Wrong(f"fsck.fat says: {bad[0]}\n{out}")


def fnv(data):
    a = 2166136261
    for byte in data:
        a = (a ^ byte) * 16777619 & 0xffffffff
    return a


def by_mtools(image, folder):
    """What mcopy takes out of the image, as the program lists it."""
    run("mcopy", "-s", "-n", "-i", image, "::/", folder)
    found = []
    for at, dirs, files in os.walk(folder):
        here = "/" + os.path.relpath(at, folder)
        here = "" if here == "/." else here
        found += [("d", "0", f"{here}/{d}") for d in dirs]
        for name in files:
            with open(os.path.join(at, name), "rb") as f:
                data = f.read()
            found.append(("f", str(len(data)), str(fnv(data)),
                          f"{here}/{name}"))
    return found


def same_tree(listed, found):
    """Names in mtools' output miss what is outside of Unicode's first plane."""
    def key(entry):
        return entry[:-1], re.sub(r"[^\x00-\x7f]+|_+", "?", entry[-1])
    want = sorted(key(tuple(x for i, x in enumerate(line.split("\t"))
                            if line[0] == "f" or i != 2))
                  for line in listed.splitlines())
    have = sorted(key(e) for e in found)
    if want != have:
        odd = [x for x in want if x not in have] + \
            [x for x in have if x not in want]
        raise Wrong(f"mtools sees another tree: {odd[:4]}")


def play_ops(folder, per_cluster, kib, seed):
    image = os.path.join(folder, "ops.img")
    make(image, per_cluster, kib)
    listed = run(PLAY, "ops", image, str(seed), "600")
    checked(image, CLEAN)
    with tempfile.TemporaryDirectory(dir=folder) as out:
        if (per_cluster, kib, seed) in LARGE:
            same_tree(listed, by_mtools(image, out))
    return len(listed.splitlines())


def play_cuts(folder, per_cluster, kib, seed, cuts=60):
    image = os.path.join(folder, "cut.img")
    make(image, per_cluster, kib)
    out = os.path.join(folder, "out")
    run(PLAY, "cut", image, str(seed), "200", str(cuts), out)
    for n in range(cuts):
        for name in (f"{out}.{n}.img", f"{out}.{n}.on.img"):
            checked(name, ALLOWED)
            os.unlink(name)
    return cuts


def case(name, play, rows):
    total = 0
    with tempfile.TemporaryDirectory(prefix="parley-fat-") as folder:
        for row in rows:
            try:
                total += play(folder, *row)
            except Wrong as error:
                print(f"FAIL fat {name}: {row}: "
                      + str(error).splitlines()[0])
                print(error)
                return
    print(f"PASS fat {name} ({len(rows)} volumes, {total})")


def main():
    if not os.path.exists(PLAY):
        sys.exit("FAIL fat: build/fat-play is not built")
    case("operations", play_ops, LARGE + SMALL)
    case("cuts", play_cuts, CUTS)


if __name__ == "__main__":
    main()
