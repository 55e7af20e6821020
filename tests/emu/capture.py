# SPDX-License-Identifier: BSD-2-Clause
"""Reads capture files as the host partition writes them: libpcap's format 2.4,
Ethernet, little-endian."""
import struct

HEADER = struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
RECORD = struct.Struct("<IIII")


class Bad(Exception):
    """It is no such file; the text says why."""


def cut(data):
    """Only the capture: without what firmware wrote before it, and without a
    record that was cut off at its end."""
    begin = data.find(HEADER)
    if begin < 0:
        return b""
    at = begin + len(HEADER)
    while at + RECORD.size <= len(data):
        end = at + RECORD.size + RECORD.unpack_from(data, at)[2]
        if end > len(data):
            break
        at = end
    return data[begin:at]


def frames(data):
    """[(microseconds, length on the wire, bytes)]"""
    if not data.startswith(HEADER):
        raise Bad("it does not begin with the header")
    found, at = [], len(HEADER)
    while at < len(data):
        if at + RECORD.size > len(data):
            raise Bad(f"a record's head is cut off at {at}")
        seconds, us, kept, length = RECORD.unpack_from(data, at)
        at += RECORD.size
        if us >= 1000000 or kept > length or at + kept > len(data):
            raise Bad(f"the record before {at} is none")
        found.append((seconds * 1000000 + us, length, data[at:at + kept]))
        at += kept
    return found


def tidy(path):
    """Leaves whole records only; a line about the file."""
    with open(path, "rb") as f:
        data = f.read()
    kept = cut(data)
    if kept != data:
        with open(path, "wb") as f:
            f.write(kept)
    if not kept:
        return f"PCAP: {path}: nothing was captured"
    return f"PCAP: {path}: {len(frames(kept))} frames"
