# SPDX-License-Identifier: BSD-2-Clause
"""A guest's devices as `make run` takes them: BLOCK=, NET=, FOLDER=, PCAP=, each
a list with blanks between. What the emulator needs, what the configuration says,
and what is to be told."""
import os
import re
import socket
import stat

import capture
import folder

NAME = re.compile(r"[A-Za-z0-9_.-]{1,23}")
PORT = re.compile(r"[1-9]\d{0,4}")
NETS_MOST, BOCHS_DISKS = 4, 3  # beside the one that is booted from
FIRST_DISK, FIRST_NET = 8, 24  # PCI device numbers, behind QEMU's own choice
SECTOR = 512
MAC = "52:54:00:12:34:{:02x}"
ATA = ("ata0-slave", "ata1-master", "ata1-slave")


class Refused(Exception):
    """Something cannot be as it was typed; the text says why."""


def one_name(kind, name, taken):
    if not NAME.fullmatch(name):
        raise Refused(f"{kind}: `{name}' is no name: 1 to 23 letters, digits, "
                      "and _ . -")
    if name in taken:
        raise Refused(f"{kind}: there are two devices with the name {name}")
    taken.add(name)
    return name


def read_only(text):
    """(the rest, whether `:ro` is at its end)."""
    return (text[:-3], True) if text.endswith(":ro") else (text, False)


class Devices:
    """What was typed, for one emulator."""

    def __init__(self, emulator, rundir):
        self.emulator, self.rundir = emulator, rundir
        self.guest, self.host = [], []  # lines of the configuration
        self.args, self.lines = [], []  # of QEMU, of Bochs
        self.names, self.images = set(), []
        self.nets, self.uplink = 0, False
        self.forwards = []  # (port here, port of the guest), by TCP
        self.folders, self.capture = [], None
        self.nic_names = {}  # of networks, by the number of their switch

    # ---- disks ----

    def disk_add(self, path, ro=False):
        """A whole disk; its number in the host partition."""
        number = len(self.images)
        self.images.append(path)
        if self.emulator == "qemu":
            name = path.replace(",", ",,")
            self.args += ["-drive", f"if=none,id=more{number},format=raw,"
                          f"cache=unsafe,readonly={'on' if ro else 'off'},"
                          f"file={name}", "-device", "virtio-blk-pci,"
                          f"drive=more{number},disable-legacy=on,"
                          f"addr={FIRST_DISK + number:#x}"]
        elif number == BOCHS_DISKS:
            raise Refused(f"Bochs has room for {BOCHS_DISKS} disks and folders "
                          "only: EMU=qemu has more")
        else:
            if number == 1:
                self.lines.append("ata1: enabled=1, ioaddr1=0x170, "
                                  "ioaddr2=0x370, irq=15")
            self.lines.append(f"{ATA[number]}: type=disk, path={path}, "
                              "mode=flat")
        return number + 1

    def block(self, text):
        rest, ro = read_only(text)
        name, _, path = rest.partition(":")
        what = f"BLOCK={text}"
        if not name or not path:
            raise Refused(f"{what}: it is NAME:FILE or NAME:FILE:ro")
        one_name(what, name, self.names)
        try:
            mode = os.stat(path).st_mode
            with open(path, "rb" if ro else "r+b") as f:
                size = f.seek(0, os.SEEK_END)
        except OSError as error:
            hint = f"; `truncate -s 64M {path}' makes an empty one" \
                if isinstance(error, FileNotFoundError) else ""
            raise Refused(f"{what}: {path}: {error.strerror}{hint}") from None
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            raise Refused(f"{what}: {path} is neither a file nor a disk")
        if not size or size % SECTOR:
            raise Refused(f"{what}: {path} has {size} bytes, which are not "
                          f"whole sectors of {SECTOR}")
        number = self.disk_add(os.path.abspath(path), ro)
        self.guest.append(f"disk = {name}:disk={number}" + (":ro" if ro else ""))

    def folder(self, text):
        rest, ro = read_only(text)
        tag, colon, path = rest.partition(":")
        what = f"FOLDER={text}"
        if not colon:
            path = rest
            tag = os.path.basename(os.path.abspath(path))
        if not path:
            raise Refused(f"{what}: it is FOLDER, TAG:FOLDER, also with :ro")
        one_name(what, tag, self.names)
        part = f"folder{len(self.folders) + 1}"
        volume = os.path.abspath(os.path.join(self.rundir, part + ".img"))
        try:
            shared = folder.Folder(path, volume, part, ro)
        except (folder.Refused, OSError, RuntimeError) as error:
            raise Refused(f"{what}: {error}") from None
        self.folders.append(shared)
        self.disk_add(volume)
        self.guest.append(f"folder = {tag}:part={part}")

    # ---- networks ----

    def forward(self, what, text):
        kind, _, ports = text.rpartition(":")[0].rpartition(":")
        here, there = ports, text.rpartition(":")[2]
        if kind not in ("", "tcp", "udp") or not all(
                PORT.fullmatch(p) and int(p) < 65536 for p in (here, there)):
            raise Refused(f"{what}: fwd is PORT:PORT, the first of this machine,"
                          f" the second of the guest, not `{text}'")
        kind = kind or "tcp"
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp"
                           else socket.SOCK_DGRAM) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", int(here)))
            except OSError as error:
                raise Refused(f"{what}: port {here} of this machine: "
                              f"{error.strerror}") from None
        if kind == "tcp":
            self.forwards.append((int(here), int(there)))
        return f",hostfwd={kind}:127.0.0.1:{here}-:{there}"

    def netdev(self, what, text):
        """What QEMU connects the card to."""
        kind, *options = text.split(",")
        if kind.startswith("tap:") and not options:
            name = kind[4:]
            if not re.fullmatch(r"[^\s,/:]{1,15}", name):
                raise Refused(f"{what}: `{name}' is no interface's name")
            if name not in (n for _, n in socket.if_nameindex()):
                raise Refused(f"{what}: there is no interface {name}; `ip "
                              f"tuntap add {name} mode tap' makes one")
            return f"tap,id=net{self.nets},ifname={name},script=no," \
                "downscript=no"
        if kind != "user":
            raise Refused(f"{what}: it is user, user,fwd=PORT:PORT or tap:IF")
        words = [o.partition("=") for o in options]
        if any(key != "fwd" for key, _, _ in words):
            raise Refused(f"{what}: user takes fwd=PORT:PORT only")
        return f"user,id=net{self.nets}" + "".join(
            self.forward(what, value) for _, _, value in words)

    def net(self, text):
        what, n = f"NET={text}", self.nets
        if n == NETS_MOST:
            raise Refused(f"{what}: {NETS_MOST} networks are all that there are")
        if self.emulator == "bochs" and (n or text != "user"):
            raise Refused(f"{what}: Bochs has one card, and a network of its "
                          "own (NET=user) without a way in: EMU=qemu has more")
        if self.emulator == "qemu":
            self.args += ["-netdev", self.netdev(what, text), "-device",
                          f"virtio-net-pci,netdev=net{n},romfile=,"
                          f"disable-legacy=on,mac={MAC.format(0x56 + n)},"
                          f"addr={FIRST_NET + n:#x}"]
        # Bochs' network answers the card's own address only.
        name = one_name(what, f"net{n}" if n else "net", self.names)
        self.nets, self.uplink, self.nic_names[n] = n + 1, True, name
        self.guest.append(f"net = {name}:switch" + (f"={n}" if n else "") + (
            f",mac={MAC.format(0x56)}" if self.emulator == "bochs" else ""))

    # ---- captures ----

    def pcap_nets(self, text, index, count):
        """(the file, the numbers of its networks): PCAP= has so many words."""
        what = f"PCAP={text}"
        name, colon, path = text.partition(":")
        if colon and re.fullmatch(r"net\d*", name):
            found = [n for n, have in self.nic_names.items() if have == name]
            if not found:
                raise Refused(f"{what}: there is no network {name}, only "
                              + ", ".join(self.nic_names.values()))
            return path, found
        if count == 1:
            return text, list(self.nic_names)
        if count != self.nets:
            raise Refused(f"{what}: {count} files for {self.nets} network"
                          f"{'s' * (self.nets > 1)}: it is one file for all, one "
                          "for each NET=, or NETWORK:FILE")
        return text, [index]

    def pcap_file(self, text, path, numbers):
        what = f"PCAP={text}"
        if not path:
            raise Refused(f"{what}: it is FILE or NETWORK:FILE")
        path = os.path.abspath(path)
        for other in self.capture.files:
            if os.path.exists(path) and os.path.samefile(path, other.path):
                raise Refused(f"{what}: two captures cannot be one file")
            if set(numbers) & set(other.interfaces):
                raise Refused(f"{what}: {self.nic_names[numbers[0]]} has a file "
                              "already")
        try:
            self.capture.files.append(capture.File(
                path, {n: self.nic_names[n] for n in numbers}))
        except OSError as error:
            raise Refused(f"{what}: {error.strerror}") from None

    def pcaps(self, words):
        """All words of PCAP=: what goes where depends on how many they are."""
        if words and not self.nets:
            raise Refused(f"PCAP={words[0]}: there is no network: NET=user")
        line = os.path.abspath(os.path.join(self.rundir, "com3"))
        self.capture = capture.Split(line, [])
        for i, word in enumerate(words):
            self.pcap_file(word, *self.pcap_nets(word, i, len(words)))
        if words:
            self.third_line(line)

    def third_line(self, path):
        """COM3, into a file."""
        with open(path, "wb"):
            pass
        self.host.append("pcap = com3")
        if self.emulator == "qemu":
            name = path.replace(",", ",,")
            self.args += ["-chardev", f"file,id=com3,path={name}", "-device",
                          "isa-serial,chardev=com3,iobase=0x3e8,irq=5,index=2"]
        else:
            self.lines.append(f"com3: enabled=1, mode=file, dev={path}")

    # ---- all of it ----

    def settings(self):
        """For machine.Settings; from now on captures go to their files."""
        self.capture.follow()
        if self.emulator == "qemu":
            return {"devices": self.args}
        for path in self.images:  # a Bochs that was killed leaves its lock
            if os.path.exists(path + ".lock"):
                os.unlink(path + ".lock")
        return {"lines": self.lines, "nic": "net" if self.uplink else "no"}

    def urls(self):
        return [(f"http://localhost:{here}/", there)
                for here, there in self.forwards]

    def finish(self):
        """The machine has ended: lines that say what became of the devices."""
        told = [line for shared in self.folders for line in shared.finish()]
        return told + self.capture.finish()


def parse(emulator, rundir, block="", net="", shared="", pcap=""):
    """The devices of those lists."""
    os.makedirs(rundir, exist_ok=True)
    devices = Devices(emulator, rundir)
    for words, take in ((block, devices.block), (shared, devices.folder),
                        (net, devices.net)):
        for word in words.split():
            take(word)
    devices.pcaps(pcap.split())
    if len(devices.guest) > 7:
        raise Refused("a guest has at most seven of BLOCK=, NET= and FOLDER=")
    return devices
