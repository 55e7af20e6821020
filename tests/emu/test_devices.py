#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""BLOCK=, NET=, FOLDER= and PCAP= of `make run`, without a machine: what is
refused, what the emulators get, a folder's way to a volume and back, captures."""
import os
import socket
import struct
import subprocess
import sys
import tempfile

import capture
import devices
import folder

failures = []


def expect(name, good, why=""):
    print(f"PASS {name}" if good else f"FAIL {name}: {why}")
    if not good:
        failures.append(name)


def file_of(work, name, data):
    path = os.path.join(work, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    return path


def read(path):
    with open(path, "rb") as f:
        return f.read()


def parse(work, emulator="qemu", **typed):
    return devices.parse(emulator, work, typed.get("block", ""),
                         typed.get("net", ""), typed.get("shared", ""),
                         typed.get("pcap", ""))


def refused(name, why, work, emulator="qemu", **typed):
    try:
        parse(work, emulator, **typed)
        expect(name, False, "it was taken")
    except devices.Refused as error:
        expect(name, why in str(error), str(error))


def refusals(work):
    disk = file_of(work, "disk", bytes(1024))
    odd = file_of(work, "odd", bytes(1000))
    empty = file_of(work, "empty", b"")
    for name, why, typed in (
            ("block-no-name", "NAME:FILE", {"block": disk}),
            ("block-bad-name", "is no name", {"block": f"a/b:{disk}"}),
            ("block-long-name", "is no name", {"block": f"{'n' * 24}:{disk}"}),
            ("block-missing", "truncate -s 64M", {"block": "a:/none/there"}),
            ("block-folder", "directory", {"block": f"a:{work}"}),
            ("block-odd", "1000 bytes", {"block": f"a:{odd}"}),
            ("block-empty", "0 bytes", {"block": f"a:{empty}"}),
            ("block-device", "neither a file nor a disk",
             {"block": "a:/dev/null:ro"}),
            ("block-twice", "two devices", {"block": f"a:{disk} a:{disk}"}),
            ("net-kind", "it is user", {"net": "bridge"}),
            ("net-option", "fwd=PORT:PORT only", {"net": "user,mac=1"}),
            ("net-port", "not `8080'", {"net": "user,fwd=8080"}),
            ("net-large-port", "not `8080:70000'",
             {"net": "user,fwd=8080:70000"}),
            ("net-zero-port", "not `0:80'", {"net": "user,fwd=0:80"}),
            ("net-protocol", "not `icmp:80:80'",
             {"net": "user,fwd=icmp:80:80"}),
            ("net-tap", "there is no interface", {"net": "tap:none9"}),
            ("net-tap-name", "is no interface's name", {"net": "tap:"}),
            ("net-many", "4 networks", {"net": "user " * 5}),
            ("folder-missing", "no such folder", {"shared": "/none/there"}),
            ("folder-no-tag", "is no name", {"shared": f":{work}"}),
            ("pcap-no-net", "NET=user", {"pcap": "x"}),
            ("pcap-more", "2 files for 1 network:",
             {"net": "user", "pcap": f"{work}/a {work}/b"}),
            ("pcap-fewer", "2 files for 3 networks:",
             {"net": "user user user", "pcap": f"{work}/a {work}/b"}),
            ("pcap-no-such-net", "no network net2, only net, net1",
             {"net": "user user", "pcap": f"net2:{work}/a"}),
            ("pcap-no-file", "it is FILE or NETWORK:FILE",
             {"net": "user user", "pcap": "net1:"}),
            ("pcap-one-file", "cannot be one file",
             {"net": "user user", "pcap": f"{work}/a {work}/../"
              f"{os.path.basename(work)}/a"}),
            ("pcap-net-twice", "net1 has a file already",
             {"net": "user user", "pcap": f"net1:{work}/a {work}/b"}),
            ("pcap-no-folder", "No such file",
             {"net": "user", "pcap": "/none/there"}),
            ("too-many", "at most seven", {"block": " ".join(
                f"d{i}:{disk}" for i in range(8))})):
        refused("refused-" + name, why, work, **typed)
    for name, why, typed in (
            ("forward", "without a way in", {"net": "user,fwd=8080:80"}),
            ("two-nets", "one card", {"net": "user user"}),
            ("tap", "EMU=qemu", {"net": "tap:lo"}),
            ("disks", "3 disks", {"block": " ".join(
                f"d{i}:{disk}" for i in range(4))})):
        refused("refused-bochs-" + name, why, work, "bochs", **typed)


def taken_port(work):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
        refused("refused-port-in-use", "in use", work,
                net=f"user,fwd={port}:80")


def accepted(work):
    disk = file_of(work, "d,1", bytes(1024))
    got = parse(work, block=f"a:{disk} b:{disk}:ro",
                net="user user,fwd=udp:5353:53",
                pcap=f"{work}/p")
    text = " ".join(got.settings()["devices"])
    expect("qemu-config", got.guest == [
        "disk = a:disk=1", "disk = b:disk=2:ro", "net = net:switch",
        "net = net1:switch=1"] and got.host == ["pcap = com3"], got.guest)
    expect("qemu-words", "d,,1" in text and "readonly=on" in text and
           "hostfwd=udp:127.0.0.1:5353-:53" in text and "0x3e8" in text, text)
    got = parse(work, "bochs", block=f"a:{disk} b:{disk}", net="user")
    text = "\n".join(got.settings()["lines"])
    expect("bochs-lines", "ata0-slave: type=disk" in text and
           "ata1: enabled=1" in text and "ata1-master: " in text, text)
    expect("bochs-mac", "mac=52:54:00:12:34:56" in got.guest[2], got.guest)
    expect("bochs-card", got.settings()["nic"] == "net", str(got.settings()))


# ---- folders ----

def mtool(*words):
    subprocess.run(words, check=True, env={**os.environ, "LC_ALL": "C.UTF-8",
                                           "MTOOLS_SKIP_CHECK": "1"})


def shared(work):
    root = os.path.join(work, "shared")
    file_of(root, "same", b"s")
    file_of(root, "changed", b"old")
    file_of(root, "gone/gone", b"g")
    file_of(root, "both", b"b")
    file_of(root, "kept", b"k")
    file_of(root, "Grüße und mehr.txt", b"x" * 70000)
    os.chmod(os.path.join(root, "changed"), 0o640)
    os.symlink("/", os.path.join(root, "link"))
    return root


def plays_guest(work, at):
    new = file_of(work, "src/new", b"new")
    mtool("mcopy", "-o", "-i", at, new, "::changed")
    mtool("mcopy", "-o", "-i", at, new, "::both")
    mtool("mdel", "-i", at, "::gone/gone", "::kept")
    mtool("mrd", "-i", at, "::gone")
    mtool("mmd", "-i", at, "::link", "::deep", "::deep/er")
    mtool("mcopy", "-i", at, new, "::link/evil")
    mtool("mcopy", "-i", at, new, "::deep/er/Ä b")


def back(work):
    root = shared(work)
    kept = folder.Folder(root, f"{work}/v.img", "folder1", False)
    plays_guest(work, kept.at)
    file_of(root, "both", b"here")
    file_of(root, "kept", b"here, too")
    told = "\n".join(kept.finish())
    have = {n: read(os.path.join(root, n)) for n in folder.tree(root)[1]}
    expect("folder-back", have == {
        "same": b"s", "changed": b"new", "both": b"here", "both.guest": b"new",
        "kept": b"here, too", "Grüße und mehr.txt": b"x" * 70000,
        "deep/er/Ä b": b"new"}, str(have))
    expect("folder-link", "link/evil is behind a link" in told and
           not os.path.exists("/evil"), told)
    expect("folder-told", "1 new, 1 changed, 1 removed, 1 kept apart" in told
           and "changed here, too" in told, told)
    expect("folder-mode", os.stat(f"{root}/changed").st_mode & 0o777 == 0o640)
    expect("folder-empty-gone", not os.path.exists(f"{root}/gone"))
    expect("folder-volume-gone", not os.path.exists(f"{work}/v.img"))


def stays(work):
    root = os.path.join(work, "ro")
    file_of(root, "a", b"a")
    kept = folder.Folder(root, f"{work}/v.img", "folder1", True)
    mtool("mdel", "-i", kept.at, "::a")
    expect("folder-ro", kept.finish() == [] and read(f"{root}/a") == b"a")
    kept = folder.Folder(root, f"{work}/v.img", "folder1", False)
    with open(f"{work}/v.img", "r+b") as f:
        f.seek(folder.START)
        f.write(bytes(4096))
    told = "\n".join(kept.finish())
    expect("folder-damaged", read(f"{root}/a") == b"a" and "not all" in told
           and os.path.exists(f"{work}/v.img"), told)


def bad_names(work):
    for name, why, files in (("colon", "no such name", ["a:b"]),
                             ("dot", "no such name", ["a."]),
                             ("case", "one name", ["A", "a"])):
        root = os.path.join(work, "names-" + name)
        for f in files:
            file_of(root, f, b"")
        refused("refused-folder-" + name, why, work, shared=f"t:{root}")


# ---- captures ----

STREAM = capture.SECTION + b"".join(
    map(capture.interface, ("switch0", "switch1"))) + \
    capture.packet(0, 1500000, 60, b"x" * 60) + \
    capture.packet(1, 1500001, 99, b"y" * 5) + \
    capture.packet(0, 5 << 32, 61, b"z" * 61)
NET0 = [(1500000, 60, b"x" * 60), (5 << 32, 61, b"z" * 61)]
NET1 = [(1500001, 99, b"y" * 5)]


def line(work, data):
    """What the line has brought so far."""
    file_of(work, "com3", data)


def split(work):
    """One file for each network, while the frames come in pieces."""
    got = parse(work, net="user user", pcap=f"{work}/p0 {work}/p1")
    for end in [*range(0, len(STREAM), 7), len(STREAM)]:
        line(work, b"firmware" + STREAM[:end])
        got.capture.turn()
    expect("pcap-grows", capture.frames(read(f"{work}/p0")) == NET0,
           read(f"{work}/p0"))
    line(work, b"firmware" + STREAM + STREAM[-96:-4])  # cut off at its end
    told = got.finish()
    expect("pcap-each", capture.frames(read(f"{work}/p0")) == NET0 and
           capture.frames(read(f"{work}/p1")) == NET1, told)
    expect("pcap-told", told == [f"PCAP: {work}/p0: 2 frames",
                                 f"PCAP: {work}/p1: 1 frames"], told)
    expect("pcap-line-gone", not os.path.exists(f"{work}/com3"))


def one_for_all(work):
    got = parse(work, net="user user", pcap=f"{work}/p")
    line(work, STREAM)
    got.finish()
    expect("pcap-one", sorted(capture.frames(read(f"{work}/p"))) ==
           sorted(NET0 + NET1))
    got = parse(work, net="user user", pcap=f"{work}/p.pcapng")
    line(work, STREAM)
    got.finish()
    data = read(f"{work}/p.pcapng")
    found, end = capture.blocks(data)
    expect("pcapng-one", end == len(data) and capture.packets(found) ==
           capture.packets(capture.blocks(STREAM)[0]), data)
    names = [body[12:].rstrip(b"\0") for kind, body in found
             if kind == capture.INTERFACE]
    expect("pcapng-names", names == [b"net", b"net1"], names)


def by_name(work):
    got = parse(work, net="user user", pcap=f"net1:{work}/only.pcapng")
    line(work, STREAM)
    got.finish()
    found = capture.blocks(read(f"{work}/only.pcapng"))[0]
    expect("pcap-by-name", capture.packets(found) == [(0, *NET1[0])], found)
    got = parse(work, net="user user", pcap=f"{work}/a net1:{work}/b")
    expect("pcap-mixed", [list(f.interfaces) for f in got.capture.files] ==
           [[0], [1]])
    got = parse(work, net="user", pcap=f"./net9:{work}".replace("/", "_"))
    expect("pcap-colon", os.path.basename(got.capture.files[0].path)[:6] ==
           "._net9", got.capture.files[0].path)
    os.unlink(got.capture.files[0].path)


def bad_lines(work):
    longer = capture.PACKET_HEAD.pack(0, 0, 0, 9, 9) + bytes(8)
    for name, data, told, want in (
            ("none", b"noise", "nothing was captured", []),
            ("length", STREAM + struct.pack("<III", 6, 4, 4), "has 4 bytes",
             NET0),
            ("two-lengths", STREAM[:-4] + bytes(4), "two lengths", NET0[:1]),
            ("packet", STREAM + capture.block(6, bytes(8)), "too short", []),
            ("longer", STREAM + capture.block(6, longer),
             "longer than its block", [])):
        got = parse(work, net="user", pcap=f"{work}/p")
        line(work, data)
        lines = got.finish()
        expect("pcap-bad-" + name, told in lines[-1] and
               capture.frames(read(f"{work}/p")) == want, lines)
    got = parse(work, net="user", pcap="/dev/full")
    line(work, STREAM)
    told = got.finish()
    expect("pcap-full", "No space left" in told[0], told)


def captures():
    good = capture.HEADER + capture.record(1500000, 60, b"x" * 60) + \
        capture.record(1500001, 99, b"y" * 5)
    expect("capture-frames", capture.frames(good) == [NET0[0], NET1[0]])
    for name, bad in (("head", good[:-8]), ("magic", good[1:]),
                      ("length", capture.HEADER +
                       capture.record(1, 3, b"four"))):
        try:
            capture.frames(bad)
            expect("capture-bad-" + name, False, "it was taken")
        except capture.Bad:
            expect("capture-bad-" + name, True)


with tempfile.TemporaryDirectory(prefix="parley-devices-") as scratch:
    refusals(scratch)
    taken_port(scratch)
    accepted(scratch)
    back(scratch)
    stays(scratch)
    bad_names(scratch)
    captures()
    for test in (split, one_for_all, by_name, bad_lines):
        test(scratch)
sys.exit(1 if failures else 0)
