# SPDX-License-Identifier: BSD-2-Clause
"""Start an emulator on a disk image, follow its serial line, judge the run."""
import contextlib
import ctypes
import os
import re
import select
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import bochs as bochs_module
import relay
from kvm import kvm_nests  # noqa: F401
from lines import ESCAPE, Serial

OVMF_4M = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"
OVMF_2M = ("/usr/share/ovmf/OVMF.fd", "/usr/share/qemu/OVMF.fd")
# Under icount the TSC advances by 2^shift for each instruction. With 0, OVMF's
# search for a TPM, 2 s by the clock, takes more than a minute. Idle time passes
# as it does outside (sleep=on): skipping it, as sleep=off does, would let every
# time-out expire before the machine that runs QEMU has read its disk.
ICOUNT_SHIFT = 4
DISKS = {"virtio": "virtio-blk-pci,drive=disk,disable-legacy=on,bootindex=0",
         "ahci": "ich9-ahci,id=a -device ide-hd,bus=a.0,drive=disk,bootindex=0",
         "nvme": "nvme,drive=disk,serial=1,bootindex=0",
         "ide": "ide-hd,bus=ide.0,unit=0,drive=disk,bootindex=0",
         "usb": "qemu-xhci,id=u -device usb-storage,bus=u.0,drive=disk,bootindex=0"}
MAC = "52:54:00:12:34:56"
# What the card is connected to: nothing, or a network of the emulator's own.
GATEWAY = {"qemu": "10.0.2.2", "bochs": "192.168.10.1"}
NET = {"yes": ((), "", "ethmod=null"),
       "net": (("-netdev", "user,id=net,restrict=on"), ",netdev=net",
               "ethmod=vnet, ethdev=., script=")}
GRACE = 5  # seconds from the last line, or a panic, to the end


class Failure(Exception):
    """The machine could not be run at all; the text says why."""


class Result:
    """What a boot came to. why is empty when it powered off by itself."""

    def __init__(self):
        self.lines, self.status, self.why = [], None, ""
        self.panic = self.quit = self.stayed_on = False
        self.seconds = 0.0
        self.command = ""

    @property
    def good(self):
        return not self.why and self.status == 0 and not self.panic

    def verdict(self):
        if self.panic:
            return "the hypervisor panicked"
        return self.why or f"status {self.status}"


class Settings:
    """A machine: what `make run` and the test cases can choose."""

    def __init__(self, image, rundir, **kw):
        self.image, self.rundir = os.path.abspath(image), rundir
        self.smp, self.mem, self.timeout = 2, 512, 120
        self.icount = self.gdb = self.keyboard = False
        self.disk = "virtio"  # of DISKS; usb: the image is a stick, on Bochs too
        self.vga = False
        self.nic = "no"  # or a key of NET: there is an e1000
        self.accel, self.model, self.args, self.devices = "tcg", "", "", ()
        self.control = ""  # a Unix socket for the second serial line
        self.lines = ()  # more of Bochs' configuration
        for key, value in kw.items():
            if not hasattr(self, key):
                raise AttributeError(key)
            setattr(self, key, value)


def die_with_parent():
    """In the child: end when the runner is killed; no job control signals."""
    os.setpgid(0, 0)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def control_relay(settings):
    """What stands between the second serial line and the socket, if any."""
    try:
        return relay.Relay(settings.control) if settings.control else None
    except (relay.Unusable, OSError) as error:
        raise Failure(f"no control channel: {error}") from None


def client_of(listener):
    """A serial line of Bochs, as its configuration has it."""
    return f"mode=socket-client, dev=127.0.0.1:{listener.getsockname()[1]}"


def readable(*paths):
    return next((p for p in paths if p and os.access(p, os.R_OK)), None)


class Qemu:
    """QEMU: SVM under TCG, or whatever the machine's KVM nests."""

    def __init__(self, s):
        self.s = s
        self.program = os.environ.get("QEMU") or "qemu-system-x86_64"
        if not shutil.which(self.program):
            raise Failure(f"{self.program} is not installed")
        self.monitor = self.process = None
        self.relay = control_relay(s)

    def name(self):
        out = subprocess.run([self.program, "--version"], text=True,
                             stdout=subprocess.PIPE, check=True).stdout
        return out.splitlines()[0].replace(" emulator version", "")

    def firmware(self):
        path = readable(os.environ.get("OVMF"), *OVMF_2M)
        if path:
            return ["-bios", path]
        if not readable(OVMF_4M) or not readable(OVMF_VARS):
            raise Failure("no UEFI firmware: install the package ovmf, "
                          "or set OVMF=file")
        return ["-drive", "if=pflash,unit=0,format=raw,readonly=on,file="
                + OVMF_4M, "-drive",
                "if=pflash,unit=1,format=raw,snapshot=on,file=" + OVMF_VARS]

    def argv(self, monitor_fd=None, control_fd=None):
        s = self.s
        cpu = s.model or ("host" if s.accel == "kvm" else "max,-x2apic")
        words = [self.program, "-nodefaults", "-no-user-config", "-machine",
                 "pc", "-accel",
                 "kvm" if s.accel == "kvm" else "tcg,thread=single,tb-size=256", "-cpu", cpu,
                 "-smp", str(s.smp), "-m", str(s.mem), *self.firmware(),
                 "-drive", f"if=none,id=disk,format=raw,cache=unsafe,file="
                 f"{s.image.replace(',', ',,')}",
                 *self.nic(), *("-device", "VGA") * self.s.vga, "-device", *DISKS[s.disk].split(),
                 "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
                 "-chardev", "stdio,id=com1,signal=off",
                 "-serial", "chardev:com1", *self.com2(control_fd),
                 "-display", "none", "-no-reboot",
                 "-d", "cpu_reset", "-D",
                 os.path.join(s.rundir, "qemu.log"), *s.devices]
        if s.icount:
            words += ["-icount", f"shift={ICOUNT_SHIFT},sleep=on", "-rtc",
                      "clock=vm,base=2024-01-01", "-seed", "42"]
        if s.gdb:
            words += ["-S", "-gdb", "tcp:127.0.0.1:1234"]
        if monitor_fd is not None:
            words += ["-chardev", f"socket,id=mon,fd={monitor_fd}",
                      "-mon", "chardev=mon"]
        return words + shlex.split(s.args)

    def com2(self, fd):
        if not self.s.control:
            return ()
        end = f"path={self.s.control},server=on,wait=off" if fd is None \
            else f"fd={fd}"
        return "-chardev", f"socket,id=com2,{end}", "-serial", "chardev:com2"

    def nic(self):
        net = NET.get(self.s.nic)
        return (*net[0], "-device", f"e1000,mac={MAC},romfile=,addr=2"
                + net[1]) if net else ()

    def start(self):
        self.monitor, theirs = socket.socketpair()
        control, com2 = socket.socketpair()
        argv = self.argv(theirs.fileno(), com2.fileno())
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE if self.s.keyboard
            else subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, preexec_fn=die_with_parent,
            pass_fds=(theirs.fileno(), com2.fileno()))
        theirs.close()
        com2.close()
        if self.relay:
            self.relay.begin(control)
        os.set_blocking(self.process.stdout.fileno(), False)

    def command(self):
        return shlex.join(self.argv())

    def wait_fds(self):
        return [self.process.stdout.fileno()]

    def read(self):
        try:
            return os.read(self.process.stdout.fileno(), 65536)
        except BlockingIOError:
            return b""

    def write(self, data):
        with contextlib.suppress(OSError):
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def state(self):
        """Every CPU's registers, as QEMU's monitor shows them."""
        text = b""
        with contextlib.suppress(OSError):
            self.monitor.settimeout(2)
            self.monitor.sendall(b"info registers -a\n")
            end = time.monotonic() + 4
            while time.monotonic() < end and text.count(b"(qemu)") < 2:
                text += self.monitor.recv(65536)
        return cpu_lines(text.decode(errors="replace"))

    def last_words(self):
        """After a reset: the registers of the last CPU reset."""
        log = os.path.join(self.s.rundir, "qemu.log")
        with contextlib.suppress(OSError), \
                open(log, encoding="utf-8", errors="replace") as f:
            text = f.read()
            at = text.rfind("Triple fault")
            if at >= 0:
                return cpu_lines(text[at:])[:60]
        return []


def cpu_lines(text):
    keep = re.compile(r"^(Triple|CPU|EIP|RIP|[ER]AX|[ER]SI|R8|R12|[CDEFGS]S "
                      r"|LDT|TR|GDT|IDT|CR|DR|EFER)")
    lines = [ESCAPE.sub(b"", l.encode()).decode().strip("\r")
             for l in text.split("\n")]
    return [l for l in lines if keep.match(l.replace("=", " "))]


class Bochs:
    """Bochs: VMX (or SVM, with model=ryzen)."""

    def __init__(self, s):
        self.s = s
        if s.gdb:
            raise Failure("GDB=1 needs EMU=qemu")
        try:
            self.bochs = bochs_module.locate(os.path.dirname(s.rundir)
                                             or "build")
        except bochs_module.Missing as error:
            raise Failure(f"bochs: {error}") from None
        self.dir = os.path.abspath(s.rundir)
        self.process = self.file = self.conn = self.listener = None
        self.control, self.relay = None, control_relay(s)

    def name(self):
        return self.bochs.name()

    def rom(self):
        """Path and address of the firmware: 2 MiB, or both halves of 4."""
        one = readable(os.environ.get("OVMF"), *OVMF_2M)
        if not one:
            parts = [readable(OVMF_VARS), readable(OVMF_4M)]
            if not all(parts):
                raise Failure("no UEFI firmware: install the package ovmf, "
                              "or set OVMF=file")
            one = os.path.join(self.dir, "OVMF.fd")
            with open(one, "wb") as f:
                for part in parts:
                    with open(part, "rb") as p:
                        f.write(p.read())
        size = os.path.getsize(one)
        return one, 0x100000000 - size

    def config(self):
        s = self.s
        rom, address = self.rom()
        vga = readable("/usr/share/vgabios/vgabios.bin", *(
            os.path.join(self.bochs.share, "VGABIOS-lgpl-latest" + end)
            for end in ("", ".bin")))
        if not vga:
            raise Failure("no vgabios.bin: install the package vgabios")
        com1 = "mode=file, dev=com1.txt"
        if s.keyboard:
            com1 = client_of(self.listener)
        com2 = f"com2: enabled=1, {client_of(self.control)}" \
            if s.control else ""
        model = s.model or "corei7_skylake_x"
        return "\n".join([
            "display_library: term", "config_interface: textconfig",
            "plugin_ctrl: fw_cfg=1", "speaker: enabled=1, mode=none",
            "sound: driver=dummy",
            f"romimage: file={rom}, address={address:#x}",
            "fw_cfg: enabled=1", f"vgaromimage: file={vga}",
            f"cpu: model={model}, count={s.smp}, ips=200000000, "
            "reset_on_triple_fault=0, ignore_bad_msrs=1, cpuid_freq=ips",
            f"memory: guest={s.mem}, host={s.mem}",
            *self.disk(), *s.lines, f"com1: enabled=1, {com1}", com2,
            "port_e9_hack: enabled=1", "clock: sync=none, time0=946684800",
            "log: bochs.log",
            # `term` draws no graphics, and says so
            "panic: action=fatal" + ", term=report" * s.vga,
            "error: action=report", "info: action=report",
            "debug: action=ignore", ""])

    def disk(self):
        ata = "ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14"
        if self.s.disk == "usb":
            return ("pci: enabled=1, chipset=i440fx, slot1=usb_ehci", ata,
                    "usb_ehci: enabled=1, port1=disk, "
                    f'options1="speed:high, path:{self.s.image}"')
        slot, nic = ", slot2=pcivga" * self.s.vga, ()
        if self.s.nic != "no":
            slot += ", slot1=e1000"
            nic = (f"e1000: enabled=1, mac={MAC}, {NET[self.s.nic][2]}",)
        return (f"pci: enabled=1, chipset=i440fx{slot}", ata,
                f"ata0-master: type=disk, path={self.s.image}, mode=flat",
                "boot: disk", *nic)

    def command(self):
        env = " ".join(f"{k}={shlex.quote(self.bochs.env[k])}" for k in
                       ("TERM", "BXSHARE", "LTDL_LIBRARY_PATH")
                       if k in self.bochs.env)
        return (f"cd {shlex.quote(self.dir)} && {env} "
                f"{shlex.join(self.bochs.argv)} -q -f bochsrc </dev/null")

    def start(self):
        for name in ("com1.txt", "bochs.log"):
            with open(os.path.join(self.dir, name), "wb"):
                pass
        # A Bochs that was killed leaves its lock on the image behind.
        stale = os.path.join(self.dir, f"{self.s.image}.lock")
        if os.path.exists(stale):
            os.unlink(stale)
        if self.s.keyboard:
            self.listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        if self.s.control:
            self.control = socket.create_server(("127.0.0.1", 0), backlog=1)
        with open(os.path.join(self.dir, "bochsrc"), "w",
                  encoding="utf-8") as f:
            f.write(self.config())
        with open(os.path.join(self.dir, "bochs.out"), "wb") as out:
            self.process = subprocess.Popen(
                [*self.bochs.argv, "-q", "-f", "bochsrc"], cwd=self.dir,
                env=self.bochs.env, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
        if self.listener:
            self.conn = self.accept(self.listener)
            self.conn.setblocking(False)
        else:
            self.file = open(os.path.join(self.dir, "com1.txt"), "rb")
        if self.control:
            self.relay.begin(self.accept(self.control))

    def accept(self, listener):
        """One of Bochs' serial lines; nobody else may have it."""
        listener.settimeout(20)
        try:
            return listener.accept()[0]
        except OSError:
            raise Failure("Bochs did not start: "
                          + " ".join(self.last_words())) from None
        finally:
            listener.close()

    def wait_fds(self):
        return [self.conn.fileno()] if self.conn else []

    def read(self):
        if self.file:
            return self.file.read()
        try:
            return self.conn.recv(65536)
        except OSError:
            return b""

    def write(self, data):
        if self.conn:
            with contextlib.suppress(OSError):
                self.conn.sendall(data)

    def state(self):
        return self.last_words()

    def last_words(self):
        lines = []
        for name, count in (("bochs.log", 40), ("bochs.out", 5)):
            with contextlib.suppress(OSError), \
                    open(os.path.join(self.dir, name), encoding="utf-8",
                         errors="replace") as f:
                lines += f.read().splitlines()[-count:]
        return lines


class Run:
    """One boot, from start to verdict."""

    def __init__(self, machine, settings, show=None, on_line=None, keys=None):
        self.machine, self.s = machine, settings
        self.result = Result()
        self.serial = Serial(self.result, show, on_line)
        self.keys = keys  # reads the terminal: (descriptor, translate)
        self.dump = []
        self.leave_at = None

    def pump(self):
        """Move bytes once; False when the run is over."""
        machine, result = self.machine, self.result
        fds = machine.wait_fds() + ([self.keys.fd] if self.keys else [])
        ready = select.select(fds, [], [], 0.05 if fds == [] or not
                              machine.wait_fds() else 0.2)[0]
        ended = machine.process.poll() is not None
        data = machine.read()
        if data:
            self.serial.feed(data)
        if self.keys and self.keys.fd in ready:
            keys = self.keys.read()
            if keys is None:
                result.why, result.quit = "stopped from the keyboard", True
                return False
            machine.write(keys)
        if self.leave_at is None and (result.status is not None
                                      or result.panic):
            self.leave_at = time.monotonic() + GRACE
        return not ended or bool(data)

    def go(self):
        start = time.monotonic()
        self.machine.start()
        result, limit = self.result, self.s.timeout
        try:
            while self.pump():
                now = time.monotonic()
                if self.leave_at is not None and now > self.leave_at:
                    break
                if limit and now - start > limit:
                    result.why = f"no power-off within {limit} s"
                    break
            self.judge()
        finally:
            self.stop()
        result.seconds = time.monotonic() - start
        return result

    def judge(self):
        result, machine = self.result, self.machine
        self.serial.finish()
        alive = machine.process.poll() is None
        result.stayed_on = alive and result.status is not None
        if result.quit:
            return
        if alive and (result.status is None or result.why):
            self.dump = machine.state()
        if result.status is None and not result.why:
            result.why = "the panic did not power off" if result.panic else \
                f"the emulator ended (exit status {machine.process.poll()}) " \
                "without the line of a power-off"
            self.dump = self.dump or machine.last_words()

    def stop(self):
        process = self.machine.process
        if process.poll() is None:
            process.kill()
        process.wait()


def make_machine(emulator, settings):
    return (Bochs if emulator == "bochs" else Qemu)(settings)


def boot(emulator, settings, show=None, on_line=None, keys=None, log=None):
    """Boot; log is an open binary file that gets the command and the bytes."""
    os.makedirs(settings.rundir, exist_ok=True)
    machine = make_machine(emulator, settings)

    def both(data):
        if log:
            log.write(data)
            log.flush()
        if show:
            show(data)
    if log:
        log.write(b"# " + machine.command().encode() + b"\n")
        log.flush()
    run = Run(machine, settings, both, on_line, keys)
    result = run.go()
    result.command = machine.command()
    result.dump = run.dump
    return result


def scratch(prefix="parley-"):
    return tempfile.TemporaryDirectory(prefix=prefix)
