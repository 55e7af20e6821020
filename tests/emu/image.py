#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make a bootable disk image: image.py IMAGE CFG [FILE...].

GPT with an EFI system partition and a partition named `data`. The ESP holds
EFI/BOOT/BOOTX64.EFI and a folder parley/ with the configuration, the host
partition's program and the files that the configuration names. Two runs over
the same files give the same bytes.
"""
import os
import re
import subprocess
import sys
import tempfile
import zlib

GUESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../guests")
MIB = 1 << 20
ESP_START, DATA_SIZE = 1 * MIB, 1 * MIB
ESP_MIN = 36 * MIB  # FAT32 has at least 65,525 clusters
SIZE = r"(0x[0-9a-fA-F]+|\d+)[KMG]?"  # of an empty disk in memory
EPOCH = "1704067200"  # 2024-01-01
TOOL_ENV = dict(os.environ, SOURCE_DATE_EPOCH=EPOCH, MTOOLS_SKIP_CHECK="1",
                PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin",
                TZ="UTC", LC_ALL="C")


def pattern():
    """The test data: 64-bit word w is w * phi64 ^ (w << 32)."""
    mask = (1 << 64) - 1
    return b"".join(((w * 0x9E3779B97F4A7C15 & mask) ^ (w << 32 & mask))
                    .to_bytes(8, "little") for w in range(DATA_SIZE // 8))


def pattern_crc():
    return zlib.crc32(pattern())


def tool(*words):
    done = subprocess.run(words, env=TOOL_ENV, text=True, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, errors="replace")
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout.strip()}")


def configured_files(text):
    """The names of the files that a configuration refers to."""
    names = re.findall(r"^\s*image\s*=\s*\"?([^\s\"]+)", text, re.M)
    disks = re.findall(r"^\s*disk\s*=\s*\"?[^\s:]+:ram=([^\s\",:]+)", text,
                       re.M)
    names += [d for d in disks if not re.fullmatch(SIZE, d)]
    return list(dict.fromkeys(names))


def expand(text):
    """@CRC@ in a configuration stands for the test data's CRC-32."""
    if "@CRC@" in text:
        text = text.replace("@CRC@", f"{pattern_crc():08x}")
    return text


def stripped(path, work):
    """A copy without debugging sections; symbols stay, for crash reports."""
    out = os.path.join(work, "strip-" + os.path.basename(path))
    tool("objcopy", "--strip-debug", path, out)
    return out


def find(name, output, folders):
    for folder in [*folders, os.path.join(output, "guests"), output]:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    note = ""
    if os.path.exists(os.path.join(GUESTS, name.removesuffix(".elf"),
                                   "guest.mk")):
        note = ": it is made of sources of Debian's, and `make guests-src` " \
            "says why they could not be had"
    raise RuntimeError(f"the configuration names {name}, which is neither "
                       f"in {output}/guests nor beside it{note}")


def is_elf(path):
    with open(path, "rb") as f:
        return f.read(4) == b"\x7fELF"


def partition(path, size):
    """Write the table; the same identifiers each time."""
    tool("sgdisk", "-o", "-U", "5061726C-6579-4001-8000-000000000001",
         "-n", f"1:{ESP_START // 512}:{(ESP_START + size) // 512 - 1}",
         "-t", "1:ef00", "-c", "1:esp",
         "-u", "1:5061726C-6579-4001-8000-000000000002",
         "-n", f"2:{(ESP_START + size) // 512}:"
         f"{(ESP_START + size + DATA_SIZE) // 512 - 1}",
         "-t", "2:8300", "-c", "2:data",
         "-u", "2:5061726C-6579-4001-8000-000000000003", path)


def make(path, cfg, files, efi):
    """Image at path from the text cfg and files {name on ESP: real path}."""
    total = sum(os.path.getsize(f) if f else DATA_SIZE
                for f in files.values())
    size = max(ESP_MIN, (total * 5 // 4 + 4 * MIB + MIB - 1) // MIB * MIB)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        out = path + ".new"
        with open(out, "wb") as f:
            f.truncate(ESP_START + size + DATA_SIZE + MIB)
        partition(out, size)
        tool("mkfs.vfat", "--invariant", "-F", "32", "-s", "1", "-i",
             "50415256", "-n", "PARLEY", "--offset", str(ESP_START // 512),
             out, str(size // 1024))
        at = f"{out}@@{ESP_START}"
        tool("mmd", "-i", at, "::EFI", "::EFI/BOOT", "::parley")
        tool("mcopy", "-i", at, efi, "::EFI/BOOT/BOOTX64.EFI")
        cfg_file = os.path.join(work, "parley.cfg")
        with open(cfg_file, "w", encoding="utf-8") as f:
            f.write(cfg)
        for name, real in [("parley.cfg", cfg_file), *sorted(files.items())]:
            if not real:
                real = os.path.join(work, name)
                with open(real, "wb") as f:
                    f.write(pattern())
            elif is_elf(real):
                real = stripped(real, work)
            tool("mcopy", "-i", at, real, "::parley/" + name)
        with open(out, "r+b") as f:
            f.seek(ESP_START + size)
            f.write(pattern())
        os.replace(out, path)


def undated(part):
    """Entries that have no time of their own: FAT begins with 1980."""
    done = subprocess.run(["mdir", "-/", "-i", part, "::"], text=True,
                          env=TOOL_ENV, check=False, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return [f"mdir: {line}" for line in done.stdout.splitlines()
            if done.returncode or " 1980-01-01 " in line]


def check_esp(path):
    """What fsck.fat finds wrong with the EFI system partition, and what of its
    entries has no date."""
    with tempfile.NamedTemporaryFile() as part, open(path, "rb") as f:
        f.seek(ESP_START)
        while data := f.read(MIB):
            part.write(data)
        part.flush()
        done = subprocess.run(["fsck.fat", "-n", part.name], env=TOOL_ENV,
                              text=True, check=False, errors="replace",
                              stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        dates = undated(part.name)
    lines = [line for line in done.stdout.splitlines()
             if not re.match(r"fsck\.fat |.*: \d+ files, ", line)]
    return [f"fsck.fat: {line}" for line in lines[:4]] + dates[:4]


def from_config(path, cfg, output, extra=(), folders=(), efi="parley.efi"):
    """Image for a configuration's text; extra are more files to put on it."""
    cfg = expand(cfg)
    files = {"host.elf": os.path.join(output, "host.elf")}
    spare = [os.path.basename(real) for real in extra]
    for name in configured_files(cfg):
        if name in spare:
            continue
        files[name] = find(name, output, folders)
    for real in extra:
        files[os.path.basename(real)] = real
    for name, real in files.items():
        if name.endswith(".img") and not os.path.exists(real):
            files[name] = None  # a copy of the test data
        elif not os.path.isfile(real):
            raise RuntimeError(f"{real} is not there")
    make(path, cfg, files, os.path.join(output, efi))
    return cfg


if __name__ == "__main__":
    with open(sys.argv[2], encoding="utf-8") as config:
        CONFIG = config.read()
    # for machines with a disk that the host partition has no driver for
    SPARE = ["data.img"] if ":part=data" in CONFIG else []
    from_config(sys.argv[1], CONFIG, os.environ.get("B", "build"),
                sys.argv[3:] + SPARE)
