#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""NET=tap:IF, in a network namespace of its own that ends with this program: the
http guest is pinged and gives a page by way of the interface, and fetches a file.
Needs root and /dev/net/tun."""
import http.server
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

import capture
import machine
from test_http import DISK, SENT, Run, Server, expect, failures, fetch

TAP, HERE, GUEST = "tap0", "10.98.0.1", "10.98.0.2"
ECHO, ECHO_REPLY = 8, 0
PINGS, PING_ID, PING_DATA = 3, 0x5459, b"p" * 900
ICMP = struct.Struct(">BBHHH")


def missing():
    """Why it cannot be tested here; empty: it can."""
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        return f"/dev/net/tun: {error.strerror}"
    for words in (["unshare", "--net", "true"], ["ip", "-V"]):
        try:
            done = subprocess.run(words, stdout=subprocess.PIPE, check=False,
                                  stderr=subprocess.STDOUT, text=True)
        except OSError as error:
            return f"{words[0]}: {error.strerror}"
        if done.returncode:
            return done.stdout.strip()
    return ""


# ---- inside the namespace ----

def interface_make():
    for words in (f"tuntap add dev {TAP} mode tap", "link set lo up",
                  f"addr add {HERE}/24 dev {TAP}", f"link set {TAP} up"):
        subprocess.run(["ip", *words.split()], check=True)


def checksum(data):
    """Of RFC 1071."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ping(seq):
    """Is an echo answered, with its own data?"""
    head = ICMP.pack(ECHO, 0, 0, PING_ID, seq)
    sent = ICMP.pack(ECHO, 0, checksum(head + PING_DATA), PING_ID,
                     seq) + PING_DATA
    with socket.socket(socket.AF_INET, socket.SOCK_RAW,
                       socket.IPPROTO_ICMP) as s:
        s.sendto(sent, (GUEST, 0))
        end = time.monotonic() + 5
        while time.monotonic() < end:
            s.settimeout(max(end - time.monotonic(), .01))
            try:
                got = s.recv(65536)[20:]
            except TimeoutError:
                return False
            kind, _, _, who, number = ICMP.unpack_from(got)
            if (kind, who, number) == (ECHO_REPLY, PING_ID, seq):
                return got[ICMP.size:] == PING_DATA and not checksum(got)
    return False


def echoes(path):
    """(kind, number) of our pings' frames in the capture."""
    with open(path, "rb") as f:
        frames = capture.frames(f.read())
    return [(data[34], struct.unpack_from(">H", data, 40)[0])
            for _, _, data in frames if data[12:14] == b"\x08\x00"
            and data[23] == 1 and data[34] in (ECHO, ECHO_REPLY)]


def inside(work):
    interface_make()
    disk, cap = os.path.join(work, "disk"), os.path.join(work, "cap")
    with open(disk, "wb") as f:
        f.write(DISK)
    server = http.server.ThreadingHTTPServer((HERE, 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    run = Run(work, EMU="qemu", GUEST="http", BLOCK=f"data:{disk}:ro",
              NET=f"tap:{TAP}", PCAP=cap, CMDLINE=f"ip={GUEST} gw={HERE} "
              f"get={HERE}:{server.server_port}/file "
              f"crc={zlib.crc32(SENT):08x} stay")
    try:
        expect("tap-gets", run.wait("http: 2 passed, 0 failed"),
               run.text()[-800:])
        answered = [ping(i) for i in range(PINGS)]
        expect("tap-pings", all(answered), answered)
        status, got = fetch(f"http://{GUEST}/disk")
        expect("tap-page", status == 200 and got == DISK,
               f"status {status}, {len(got)} bytes")
        run.process.send_signal(signal.SIGINT)
        status = run.status()
        expect("tap-ends", status == 0, f"status {status}: {run.text()[-400:]}")
        want = [(kind, i) for i in range(PINGS) for kind in (ECHO, ECHO_REPLY)]
        expect("tap-captured", echoes(cap) == want, echoes(cap))
    finally:
        run.process.kill()


def main():
    if sys.argv[1:2] == ["inside"]:
        inside(sys.argv[2])
        return 1 if failures else 0
    why = missing()
    if why:
        print(f"NOTE tap: NET=tap:IF is not tested: {why}")
        return 0
    with tempfile.TemporaryDirectory(prefix="parley-tap-") as work:
        return subprocess.run(
            ["unshare", "--net", sys.executable, "-B", __file__, "inside",
             work], preexec_fn=machine.die_with_parent, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
