#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make a PE file reproducible: fixpe.py FILE sets its time stamp to zero."""
import struct
import sys

with open(sys.argv[1], "r+b") as f:
    data = bytearray(f.read())
    pe = struct.unpack_from("<I", data, 0x3c)[0]
    if data[pe:pe + 4] != b"PE\0\0":
        sys.exit(f"{sys.argv[1]}: not a PE file")
    struct.pack_into("<I", data, pe + 8, 0)     # TimeDateStamp
    struct.pack_into("<I", data, pe + 24 + 64, 0)  # CheckSum, optional
    f.seek(0)
    f.write(data)
