#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make a PE file reproducible and small: fixpe.py FILE.

The time stamp becomes zero. The zeros that .data ends in (.bss) leave the
file: a loader zeroes what VirtualSize has over SizeOfRawData (PE/COFF, section
table).
"""
import struct
import sys

COFF, OPTIONAL, SECTION = 4, 24, 40  # from the signature; an entry's size


def fix_stamp(data, pe):
    struct.pack_into("<I", data, pe + COFF + 4, 0)  # TimeDateStamp
    struct.pack_into("<I", data, pe + OPTIONAL + 64, 0)  # CheckSum, optional


def drop_zeros(data, pe):
    """Of the last section, which nothing in the file may follow."""
    count, = struct.unpack_from("<H", data, pe + COFF + 2)
    optional_size, = struct.unpack_from("<H", data, pe + COFF + 16)
    file_align, = struct.unpack_from("<I", data, pe + OPTIONAL + 36)
    last = pe + OPTIONAL + optional_size + SECTION * (count - 1)
    size, offset = struct.unpack_from("<II", data, last + 16)
    if data[last:last + 8].rstrip(b"\0") != b".data" or \
            offset + size != len(data):
        sys.exit(f"{sys.argv[1]}: .data is not at its end")
    used = len(data[offset:].rstrip(b"\0"))
    kept = -(-used // file_align) * file_align
    struct.pack_into("<I", data, last + 16, kept)  # SizeOfRawData
    struct.pack_into("<I", data, pe + OPTIONAL + 8,  # SizeOfInitializedData
                     struct.unpack_from("<I", data, pe + OPTIONAL + 8)[0]
                     - size + kept)
    del data[offset + kept:]


def main():
    with open(sys.argv[1], "r+b") as f:
        data = bytearray(f.read())
        pe = struct.unpack_from("<I", data, 0x3c)[0]
        if data[pe:pe + 4] != b"PE\0\0":
            sys.exit(f"{sys.argv[1]}: not a PE file")
        fix_stamp(data, pe)
        drop_zeros(data, pe)
        f.seek(0)
        f.write(data)
        f.truncate()


main()
