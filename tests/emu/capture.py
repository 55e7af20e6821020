# SPDX-License-Identifier: BSD-2-Clause
"""Captures. The host partition writes pcapng with an interface for each switch
(drivers/host/pcap.h); its frames go to files of libpcap's format 2.4, or of pcapng,
while they come."""
import os
import struct
import threading

HEADER = struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
RECORD = struct.Struct("<IIII")
INTERFACE, PACKET = 1, 6
PACKET_HEAD = struct.Struct("<IIIII")
TURN = 0.5  # seconds between looks at the line


class Bad(Exception):
    """It is no such file; the text says why."""


# ---- pcapng ----

def block(kind, body):
    body += bytes(-len(body) % 4)
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


SECTION = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))


def interface(name):
    name = name.encode()
    return block(INTERFACE, struct.pack("<HHI", 1, 0, 65535) + struct.pack(
        "<HH", 2, len(name)) + name + bytes(-len(name) % 4) + bytes(4))


def packet(net, us, length, data):
    return block(PACKET, PACKET_HEAD.pack(net, us >> 32, us & 0xffffffff,
                                          len(data), length) + data)


def blocks(data):
    """([(kind, body), ...], how many bytes they are): the whole ones, up to one
    that is none."""
    found, at, why = [], 0, ""
    while at + 12 <= len(data) and not why:
        kind, length = struct.unpack_from("<II", data, at)
        if length < 12 or length % 4 or length > 1 << 20:
            why = f"a block has {length} bytes"
        elif at + length > len(data):
            break
        elif data[at + length - 4:at + length] != data[at + 4:at + 8]:
            why = "a block has two lengths"
        else:
            found.append((kind, data[at + 8:at + length - 4]))
            at += length
    if why and not found:
        raise Bad(why)
    return found, at


def packets(found):
    """[(network, microseconds, length on the wire, bytes)] of the blocks."""
    got = []
    for kind, body in found:
        if kind != PACKET:
            continue
        if len(body) < PACKET_HEAD.size:
            raise Bad("a packet's block is too short")
        net, high, low, kept, length = PACKET_HEAD.unpack_from(body)
        data = body[PACKET_HEAD.size:PACKET_HEAD.size + kept]
        if len(data) < kept or kept > length:
            raise Bad("a packet is longer than its block")
        got.append((net, high << 32 | low, length, data))
    return got


# ---- libpcap's format ----

def record(us, length, data):
    return RECORD.pack(us // 1000000, us % 1000000, len(data), length) + data


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


# ---- from the line to files ----

class File:
    """One file, of the networks whose numbers and names are given: pcapng, with
    an interface for each, if it is called so."""

    def __init__(self, path, nets):
        self.path, self.count, self.why = path, 0, ""
        self.interfaces = {n: i for i, n in enumerate(nets)}
        self.ng = path.endswith(".pcapng")
        self.file = open(path, "wb", buffering=0)
        self.put(SECTION + b"".join(map(interface, nets.values()))
                 if self.ng else HEADER)

    def put(self, data):
        try:
            while data and not self.why:
                data = data[self.file.write(data):]
        except OSError as error:
            self.why = error.strerror

    def add(self, got):
        mine = [p for p in got if p[0] in self.interfaces]
        self.put(b"".join(packet(self.interfaces[net], us, length, data)
                          if self.ng else record(us, length, data)
                          for net, us, length, data in mine))
        self.count += len(mine)

    def finish(self, begun):
        self.file.close()
        what = f"{self.count} frames" if begun else "nothing was captured"
        return f"PCAP: {self.path}: {self.why or what}"


class Split:
    """Parts what comes on a line, into a file that grows, among files."""

    def __init__(self, line, files):
        self.line, self.files = line, files
        self.at, self.rest, self.begun, self.why = 0, b"", False, ""
        self.end, self.thread = threading.Event(), None

    def turn(self):
        """Takes the whole blocks that have come."""
        try:
            with open(self.line, "rb") as f:
                f.seek(self.at)
                new = f.read()
        except FileNotFoundError:
            return
        self.at += len(new)
        self.rest += new
        if not self.begun:  # firmware may have written there before
            start = self.rest.find(SECTION)
            self.begun = start >= 0
            self.rest = self.rest[max(start, 0):]
        if not self.begun or self.why:
            return
        try:
            while self.part():
                pass
        except Bad as error:
            self.why = str(error)

    def part(self):
        found, n = blocks(self.rest)
        self.rest = self.rest[n:]
        got = packets(found)
        for file in self.files:
            file.add(got)
        return found

    def follow(self):
        """Begins, if there is a file."""
        if not self.files:
            return

        def turns():
            while not self.end.wait(TURN):
                self.turn()
        self.thread = threading.Thread(target=turns, daemon=True)
        self.thread.start()

    def finish(self):
        """Takes the rest; a line about each file."""
        self.end.set()
        if self.thread:
            self.thread.join()
        self.turn()
        if os.path.exists(self.line):
            os.unlink(self.line)
        told = [file.finish(self.begun) for file in self.files]
        if self.why:
            told.append(f"PCAP: not all of it could be read: {self.why}")
        return told
