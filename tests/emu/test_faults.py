#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Devices that fail while guests use them: the host partition says so, and
nothing else stops. QEMU only, whose monitor takes devices out as they work.

A guest reads each of five disks, one behind each driver and one with a sector
that cannot be read, while another guest reads the disk that stays. All are taken
out but that one. Two network cards that nobody uses are taken out, too: that is
noticed, and guests go on to exchange frames over the switch.
"""
import os
import re
import socket
import sys
import tempfile
import time

import image
from terminal import Terminal
from test_control import Control, expect, failures, in_time

LIMIT, NOTICED = 240, 10  # seconds
BAD = 1000  # the sector of the partition that cannot be read
START = 2048  # where the partition begins
OUT = "qom-set /machine/peripheral/{} realized false"
# name: (QEMU's devices, the driver, where it is, how it goes, what is said)
DISKS = {
    "sata": (("ich9-ahci,id=sata,addr=8", "ide-hd,bus=sata.0,drive=sata"),
             "ahci", "00:08.0", OUT.format("sata"), "is gone; given up"),
    "flash": (("nvme,id=flash,drive=flash,serial=3,addr=9",), "nvme",
              "00:09.0", OUT.format("flash"), "is gone; given up"),
    "virt": (("virtio-blk-pci,id=virt,drive=virt,disable-legacy=on,addr=a",),
             "virtio-blk", "00:0a.0", OUT.format("virt"), "is gone; given up"),
    "old": (("ide-hd,bus=ide.0,unit=0,drive=old",), "ide", "00:01.1",
            "drive_del old", "failed request"),
}
CARDS = {"e1000": "e1000,addr=0xb", "virtio-net":
         "virtio-net-pci,addr=0xd,disable-legacy=on"}
TALK = """[guest {0}]
image = net.elf
cmdline = "role={0}"
net = net:switch
start = no
"""
GUEST = """[guest {0}]
image = faults.elf
cmdline = "{1}"
disk = data:part={0}
"""
CONFIG = """[host]
memory = 32M
shell = yes
control = com2
""" + GUEST.format("data", "do=keep") + GUEST.format("worn", f"do=bad at={BAD}") \
    + "".join(GUEST.format(name, "do=lose") for name in DISKS) \
    + TALK.format("echo") + TALK.format("ping")


def disk_make(folder, name):
    """A disk with one partition of that name, which has the test data."""
    path = os.path.join(folder, name + ".img")
    with open(path, "wb") as f:
        f.truncate(4 << 20)
    image.tool("sgdisk", "-o", "-n", f"1:{START}:{START + 2047}", "-c",
               f"1:{name}", path)
    with open(path, "r+b") as f:
        f.seek(START * 512)
        f.write(image.pattern())
    return path


def drives(folder):
    """QEMU's arguments."""
    words = []
    for name, device in CARDS.items():
        words += ["-netdev", f"user,id=of-{name},restrict=on", "-device",
                  f"{device},id={name},romfile=,netdev=of-{name}"]
    for name, (devices, *_) in DISKS.items():
        words += ["-drive", f"if=none,id={name},format=raw,file="
                  + disk_make(folder, name)]
        for device in devices:
            words += ["-device", device]
    words += ["-drive", "if=none,id=worn,format=raw,file.driver=blkdebug,"
              f"file.image.filename={disk_make(folder, 'worn')},"
              "file.inject-error.0.event=read_aio,"
              f"file.inject-error.0.sector={START + BAD}", "-device",
              "virtio-blk-pci,drive=worn,disable-legacy=on,addr=c"]
    path = os.path.join(folder, "monitor")
    return words + ["-chardev", f"socket,id=hmp,path={path},server=on,wait=off",
                    "-mon", "chardev=hmp"]


class Monitor:
    def __init__(self, folder):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(os.path.join(folder, "monitor"))
        self.answer()

    def answer(self):
        text = b""
        while not text.rstrip().endswith(b"(qemu)"):
            text += self.socket.recv(65536)
        return text.decode(errors="replace")

    def do(self, command):
        self.socket.sendall(command.encode() + b"\n")
        return self.answer()


def row_of(control, place):
    """What `devices` says of the one at that place."""
    return next((r for r in control.json("devices") if r["at"] == place), {})


def reads_on(control, name):
    """Does that guest read on?"""
    def requests():
        return {r["name"]: r["io"] for r in control.json("stats")}.get(name, 0)
    before = requests()
    return in_time(lambda: requests() > before + 20)


def lost(t, control, name):
    """A disk that went: its guest was told, and can end."""
    _, driver, place, _, said = DISKS[name]
    expect(f"{name}-guest", t.wait(rf"\[{name}\] faults: 5 passed, 0 failed"),
           t.text[-800:])
    expect(f"{name}-told", re.search(rf"host: disk \d \({driver}\): .*{said}",
                                     t.text), t.text[-800:])
    row = row_of(control, place)
    expect(f"{name}-state", row.get("driver") == driver and
           (row["state"] == "lost" or said == "failed request"
            and row["errors"] > 50), row)


def cards(t, control, monitor):
    """Cards go while nobody sends."""
    for number, name in enumerate(CARDS):
        row = next(r for r in control.json("devices") if r["driver"] == name)
        expect(f"{name}-works", row["state"] == "works", row)
        monitor.do(OUT.format(name))
        began = time.monotonic()
        told = t.wait(rf"host: net {number} \({name}\): is gone; given up")
        expect(f"{name}-told", told and time.monotonic() < began + NOTICED,
               t.text[-800:])
        row = row_of(control, row["at"])
        expect(f"{name}-state", row["state"] == "lost", row)
    for guest in ("echo", "ping"):
        control.run("start", guest)
    expect("switch-goes-on", t.wait(r"\[ping\] PASS net-echo"), t.text[-800:])


def machine(folder):
    path = os.path.join(folder, "t.cfg")
    with open(path, "w", encoding="ascii") as f:
        f.write(CONFIG)
    t = Terminal(folder, CFG=path, EMU="qemu", ACCEL="tcg",
                 QEMU_ARGS=" ".join(drives(folder)))
    t.end = time.monotonic() + LIMIT
    try:
        t.wait(r"control channel: ")
        control = Control(os.path.join(folder, "control.sock"))
        ready = [t.wait(rf"\[{name}\] reads") for name in ["data", *DISKS]]
        expect("all-disks-read", all(ready), t.text[-2000:])
        expect("worn-guest", t.wait(r"\[worn\] faults: 4 passed, 0 failed")
               and re.search(r"host: disk \d \(virtio-blk\): 1 failed request",
                             t.text), t.text[-800:])
        row = row_of(control, "00:0c.0")
        expect("worn-state", row.get("state") == "works" and
               row["errors"] == 2 and not row["restarts"], row)
        monitor = Monitor(folder)
        for name, (_, _, _, how, _) in DISKS.items():
            monitor.do(how)
            expect(f"{name}-others", reads_on(control, "data"), name)
        cards(t, control, monitor)
        for name in DISKS:
            lost(t, control, name)
        expect("others", reads_on(control, "data"), control.states())
        control.run("shutdown", "data")
        expect("data-guest", t.wait(r"\[data\] faults: 3 passed, 0 failed"),
               t.text[-800:])
        control.run("off", "3")
        expect("off", t.status() == 3, t.text[-800:])
    finally:
        t.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="parley-") as work:
        machine(work)
    sys.exit(1 if failures else 0)
