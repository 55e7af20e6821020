# SPDX-License-Identifier: BSD-2-Clause
"""Tell what a guest's image is, and whether Parley can run it."""
import struct

ACCEPTED = ("accepted is a statically linked 64-bit x86 ELF executable, built "
            "with the guestkit or as docs/pvabi.md describes")
MULTIBOOT = 0x1BADB002
MULTIBOOT2 = 0xE85250D6
PT_LOAD, PT_INTERP = 1, 3
ET_EXEC = 2


class Refused(Exception):
    """The image cannot be run; the text says what it is."""


def multiboot(data):
    """The version of a Multiboot header in the image, or 0."""
    for at in range(0, min(len(data) - 12, 32768), 4):
        magic, a, b = struct.unpack_from("<III", data, at)
        if magic == MULTIBOOT and at < 8192 and \
                (magic + a + b) & 0xffffffff == 0:
            return 1
        if magic == MULTIBOOT2 and at % 8 == 0 and at <= len(data) - 16:
            check = struct.unpack_from("<I", data, at + 12)[0]
            if (magic + a + b + check) & 0xffffffff == 0:
                return 2
    return 0


def not_elf(data):
    if len(data) > 0x210 and data[0x202:0x206] == b"HdrS":
        return "a Linux kernel image (bzImage)"
    if data[:2] == b"MZ":
        at = struct.unpack_from("<I", data, 0x3c)[0] if len(data) > 64 else 0
        if data[at:at + 4] == b"PE\0\0":
            return "a PE image (an EFI application or a Windows program)"
        return "a DOS program"
    version = multiboot(data)
    if version:
        return f"a Multiboot {version} image"
    return "not an image" if data else "an empty file"


def segments(data):
    at, size, count = struct.unpack_from("<Q", data, 32)[0], *\
        struct.unpack_from("<HH", data, 54)
    for i in range(count):
        yield struct.unpack_from("<IIQQQQQQ", data, at + i * size)


def elf64(data, memory):
    kind, machine = struct.unpack_from("<HH", data, 16)
    if machine != 62:
        return f"a 64-bit ELF for another machine (e_machine {machine})"
    if kind != ET_EXEC:
        return "an ELF that is not an executable at fixed addresses " \
            "(relocatable, position-independent or a core dump)"
    version = multiboot(data)
    if version:
        return f"a Multiboot {version} kernel in an ELF file (its entry " \
            "point is 32-bit code)"
    loads = []
    for p_type, _, _, vaddr, paddr, _, memsz, _ in segments(data):
        if p_type == PT_INTERP:
            return "a dynamically linked program of an operating system"
        if p_type == PT_LOAD and memsz:
            loads.append((paddr, memsz, vaddr))
    if not loads:
        return "an ELF without a segment to load"
    end = max(p + m for p, m, _ in loads)
    if memory and end > memory:
        return f"an ELF that ends at {end:#x}, above its " \
            f"{memory >> 20} MiB of memory (GUEST_MEM=)"
    return ""


def size_bytes(text):
    units = {"K": 10, "M": 20, "G": 30}
    text = text.strip()
    shift = units.get(text[-1:].upper(), 0)
    return int(text[:-1] if shift else text, 0) << shift


def check(path, memory=0):
    """Raise Refused unless the file is something that Parley can run."""
    try:
        with open(path, "rb") as f:
            data = f.read()
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}; {ACCEPTED}") from None
    try:
        if data[:4] != b"\x7fELF":
            what = not_elf(data)
        elif data[4] == 1:
            version = multiboot(data)
            what = "a 32-bit ELF" + (f" with a Multiboot {version} header"
                                     if version else "")
        else:
            what = elf64(data, memory)
    except (struct.error, IndexError):
        what = "a damaged ELF"
    if what:
        raise Refused(f"{path} is {what}; {ACCEPTED}")
