#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`make run`: boot the demonstration, a guest or a configuration.

Everything is set by environment variables, as `make help` lists them.
"""
import atexit
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import termios

import devices
import guestfile
import image
import machine
import relay
import typed as typed_to_make

OUTPUT = os.environ.get("B") or "build"
RUN = os.environ.get("RUN_DIR") or os.path.join(OUTPUT, "run")
HERE = os.path.dirname(os.path.abspath(__file__))
DEMO = os.path.join(HERE, "demo.cfg")
BENCH = os.path.join(HERE, "../bench/bench.py")
DEMO_LIMIT = 180
OFF_LIMIT = 15  # seconds until a machine that was asked to is off
PROFILES = ("pv", "hvm", "classic")
NAME_MOST, CMDLINE_MOST = 23, 511  # docs/configuration.md


def setting(name, default=""):
    return os.environ.get(name) or default


def stop(text):
    print(f"run: {text}", file=sys.stderr)
    sys.exit(1)


def number(name, default, least=1):
    text = setting(name, str(default))
    if not text.isdigit() or int(text) < least:
        stop(f"{name}={text} is not a number of at least {least}")
    return int(text)


def memory_mib():
    text = setting("MEM", "512")
    if text.isdigit():
        return int(text)
    try:
        return guestfile.size_bytes(text) >> 20
    except ValueError:
        return stop(f"MEM={text} is not a size, as 512 or 1G")


def pick():
    """(emulator, accel, sentence that says why)."""
    emu, accel = setting("EMU"), setting("ACCEL")
    if emu not in ("", "qemu", "bochs") or accel not in ("", "kvm", "tcg"):
        stop("EMU= is qemu or bochs, ACCEL= is kvm or tcg")
    if emu == "bochs" and accel:
        stop("ACCEL= is QEMU's: it does not go with EMU=bochs")
    if setting("MODEL") not in ("", "ryzen") or (setting("MODEL")
                                               and emu != "bochs"):
        stop("MODEL= is ryzen, and goes with EMU=bochs")
    if emu == "bochs" and setting("MODEL"):
        return "bochs", "", "Bochs with SVM: EMU=bochs MODEL=ryzen"
    if emu == "bochs":
        return "bochs", "", "Bochs with VMX: EMU=bochs"
    good, why = machine.kvm_nests()
    if accel == "kvm" and not good:
        stop(f"ACCEL=kvm: {why}")
    if accel == "tcg":
        return "qemu", "tcg", "QEMU TCG with SVM: ACCEL=tcg"
    if good:
        return "qemu", "kvm", f"QEMU with {why}"
    return "qemu", "tcg", f"QEMU TCG with SVM: {why}"


class Keyboard:
    """The terminal, passed on key by key; Ctrl-A X ends the run."""

    def __init__(self):
        self.fd = sys.stdin.fileno()
        self.escape = False
        saved = termios.tcgetattr(self.fd)
        atexit.register(termios.tcsetattr, self.fd, termios.TCSANOW, saved)
        raw = termios.tcgetattr(self.fd)
        raw[0] &= ~(termios.ICRNL | termios.IXON)
        raw[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG
                    | termios.IEXTEN)
        termios.tcsetattr(self.fd, termios.TCSANOW, raw)

    def read(self):
        """Bytes for the guest; None when the user wants to leave."""
        out = b""
        for byte in os.read(self.fd, 256):
            if self.escape:
                self.escape = False
                if byte in b"xX":
                    return None
                out += bytes([byte]) if byte == 1 else bytes([1, byte])
            elif byte == 1:
                self.escape = True
            else:
                out += bytes([byte])
        return out


def config_value(text):
    """A command line as a value of the configuration file, which has quotes,
    but nothing that takes away their meaning."""
    if '"' not in text:
        value = f'"{text}"'
    elif text[0] != '"' and "#" not in text and text == text.strip():
        value = text
    else:
        stop("CMDLINE= can hold no quotes together with a #, or at its "
             "beginning")
    if not text.isprintable() or len(text.encode()) > CMDLINE_MOST:
        stop(f"CMDLINE= is one line of at most {CMDLINE_MOST} bytes")
    return value


def devices_typed(emulator, path):
    """What BLOCK=, NET=, FOLDER= and PCAP= say, and what http has without."""
    block, net, folder, pcap = map(typed_to_make.every,
                                   ("BLOCK", "NET", "FOLDER", "PCAP"))
    if os.path.basename(path) == "http.elf" and not net:
        net = "user,fwd=8080:80" if emulator == "qemu" else "user"
    try:
        return devices.parse(emulator, RUN, block, net, folder, pcap)
    except devices.Refused as error:
        return stop(str(error))


def guest_config(path, typed):
    """The configuration for GUEST= and what goes with it."""
    profile, memory = setting("PROFILE", "pv"), setting("GUEST_MEM", "32M")
    vcpus = number("VCPUS", 1)
    if profile not in PROFILES:
        stop(f"PROFILE={profile} is none of {', '.join(PROFILES)}")
    try:
        size = guestfile.size_bytes(memory)
        guestfile.check(path, size)
    except guestfile.Refused as error:
        stop(str(error))
    except ValueError:
        stop(f"GUEST_MEM={memory} is not a size, as 16M")
    name = re.sub(r"[^A-Za-z0-9_-]", "-", os.path.splitext(
        os.path.basename(path))[0])[:NAME_MOST] or "guest"
    lines = ["[hypervisor]", "[host]", "memory = 32M", "control = com2",
             f"[guest {name}]",
             "image = guest.elf", f"profile = {profile}",
             f"memory = {memory}", f"vcpus = {vcpus}", "console = keyboard",
             *typed.guest]
    lines[3:3] = typed.host
    if "data" not in typed.names:
        lines.append("disk = data:part=data")
    if setting("CMDLINE"):
        lines.append(f"cmdline = {config_value(setting('CMDLINE'))}")
    staged = os.path.join(RUN, "guest.elf")
    os.makedirs(RUN, exist_ok=True)
    with open(path, "rb") as src, open(staged, "wb") as dst:
        dst.write(src.read())
    return "\n".join(lines) + "\n", [staged]


def guest_file():
    """What GUEST= says: a file, or the name of a guest of the tree."""
    name = setting("GUEST")
    own = os.path.join(OUTPUT, "guests", name + ".elf")
    return own if "/" not in name and not os.path.exists(name) \
        and os.path.exists(own) else name


def kind_of_run():
    """guest, config or demo; stops where settings do not go together."""
    guest, cfg = setting("GUEST"), setting("CFG")
    if guest and cfg:
        stop("GUEST= and CFG= exclude each other")
    for name in ("BLOCK", "NET", "FOLDER", "PCAP"):
        if setting(name) and not guest:
            stop(f"{name}= goes with GUEST=: a configuration of your own names "
                 "its devices itself")
    return "guest" if guest else "config" if cfg else "demo"


def prepare(typed):
    """(configuration, more files, folders to look in)."""
    if typed:
        text, files = guest_config(guest_file(), typed)
        return text, files, [RUN]
    path = setting("CFG") or DEMO
    try:
        with open(path, encoding="utf-8") as f:
            text = f.read()
    except OSError as error:
        stop(f"{path}: {error.strerror}")
    return text, [], [os.path.dirname(os.path.abspath(path))]


def show(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def report(result):
    """Say how the run ended; the exit status of `make run`."""
    print(f"run: ended after {result.seconds:.1f} s: {result.verdict()}")
    if result.good or result.quit:
        return 0
    if result.dump:
        print("run: state of the machine:")
        print("\n".join("    " + line for line in result.dump))
    shown = [line for line in result.lines if line.strip()][-8:]
    print("run: last lines of the console:")
    print("\n".join("    " + line for line in shown))
    print(f"run: FAILED: {result.verdict()}")
    return result.status if 0 < (result.status or 0) < 126 else 1


def gdb_help(settings, emulator):
    """Find out where the image is loaded by a first boot, then say how."""
    print("run: GDB=1: a first boot, to learn where the image is loaded")
    base = []

    def look(line):
        found = re.search(r"image at (0x[0-9a-f]+)", line)
        if found and not base:
            base.append(found.group(1))
    first = machine.Settings(settings.image, settings.rundir,
                             **{k: getattr(settings, k) for k in
                                ("smp", "mem", "accel", "args", "devices",
                                 "nic", "lines")}, timeout=60)
    run = machine.Run(machine.make_machine(emulator, first), first,
                      on_line=look)
    run.machine.start()
    while not base and run.pump():
        pass
    run.stop()
    words = ["gdb", "-ex 'set architecture i386:x86-64'"]
    if base:
        words.append(f"-ex 'add-symbol-file {OUTPUT}/parley.elf -o {base[0]}'")
    words.append(f"-ex 'add-symbol-file {OUTPUT}/host.elf'")
    guest = guest_file()
    words.append(f"-ex 'add-symbol-file {guest or OUTPUT + '/guests/demo.elf'}"
                 "'")
    words.append("-ex 'target remote localhost:1234'")
    print("run: the machine waits for gdb; in another terminal:\n  "
          + " \\\n    ".join(words), flush=True)


def control_socket(text):
    """A name for the socket, if the configuration wants a control channel."""
    if not re.search(r"^\s*control\s*=\s*\"?com2", text, re.M):
        return ""
    path = os.path.abspath(os.path.join(RUN, "control.sock"))
    if len(os.fsencode(path)) <= relay.PATH_MOST:
        return path
    return os.path.join(tempfile.gettempdir(), f"parley-{os.getpid()}.sock")


class Ending:
    """Ctrl-C, where the keyboard is not the guest's, or a request of the system's
    that this program ends: the machine is asked to switch off, then made to."""

    def __init__(self, control):
        self.control, self.line = control, None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.asked)
        signal.signal(signal.SIGALRM, self.at_once)

    def at_once(self, *_):
        raise KeyboardInterrupt

    def asked(self, number, _):
        if self.line or not self.control:
            self.at_once()
        print(f"run: {signal.Signals(number).name}: the machine is switched "
              "off", flush=True)
        self.line = socket.socket(socket.AF_UNIX)
        signal.alarm(OFF_LIMIT)
        try:
            self.line.connect(self.control)
            self.line.sendall(b'{"cmd":"off"}\n')
        except OSError:
            self.at_once()


class Urls:
    """Says again where the guest is to be reached, once it has an address."""

    def __init__(self, typed):
        self.urls = typed.urls() if typed else []
        for url, port in self.urls:
            print(f"run: {url} is port {port} of the guest")
        for file in typed.capture.files if typed else ():
            names = " and ".join(typed.nic_names[n] for n in file.interfaces)
            print(f"run: frames of {names} go to {file.path}")

    def line(self, text):
        if self.urls and re.search(r"\bhttp: address ", text):
            print(f"run: open {self.urls[0][0]}", flush=True)


def boot_one(emulator, accel, kind, log, typed):
    text, files, folders = prepare(typed)
    disk = os.path.join(RUN, "parley.img")
    try:
        text = image.from_config(disk, text, OUTPUT, files, folders,
                                 "hv/debug.efi" if setting("DEBUG") == "1"
                                 else "parley.efi")
    except RuntimeError as error:
        stop(str(error))
    with open(os.path.join(RUN, "parley.cfg"), "w", encoding="utf-8") as f:
        f.write(text)
    keyboard = kind != "demo" and sys.stdin.isatty()
    control = control_socket(text)
    limit = number("TIMEOUT", DEMO_LIMIT if kind == "demo" else 0, 0)
    settings = machine.Settings(
        disk, RUN, smp=number("SMP", 2), mem=memory_mib(), accel=accel,
        model=setting("MODEL"), timeout=limit, keyboard=keyboard,
        control=control, args=setting("QEMU_ARGS"),
        **(typed.settings() if typed else {}))
    if setting("GDB") == "1":
        if emulator != "qemu":
            stop("GDB=1 needs EMU=qemu")
        gdb_help(settings, emulator)
        settings.gdb, settings.timeout = True, number("TIMEOUT", 0, 0)
    if keyboard:
        print("run: the keyboard is the guest's; Ctrl-] goes to the shell, "
              "Ctrl-A X quits")
    if control:
        print(f"run: control channel: {OUTPUT}/parleyctl --socket={control}")
    urls = Urls(typed)
    sys.stdout.flush()
    Ending(control)
    keys = Keyboard() if keyboard else None
    return machine.boot(emulator, settings, show, urls.line, keys, log)


def bench(emulator, accel, log):
    """The second boot of the demonstration: the cost table, one CPU."""
    print("run: second boot, one CPU: the cost of operations", flush=True)
    unit = ["--cycles"] if accel == "kvm" else []
    done = subprocess.Popen([sys.executable, "-B", BENCH, "--demo", *unit,
                             setting("MODEL") or emulator],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            stdin=subprocess.DEVNULL,
                            preexec_fn=machine.die_with_parent)
    for line in done.stdout:
        log.write(line)
        show(line)
    return done.wait()


def main():
    sys.stdout.reconfigure(line_buffering=True)
    kind = kind_of_run()
    emulator, accel, why = pick()
    typed = devices_typed(emulator, guest_file()) if kind == "guest" else None
    print(f"run: {why}")
    os.makedirs(RUN, exist_ok=True)
    with open(os.path.join(RUN, "serial.log"), "wb") as log:
        try:
            result = boot_one(emulator, accel, kind, log, typed)
        except machine.Failure as error:
            stop(str(error))
        finally:
            signal.alarm(0)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            for line in typed.finish() if typed else ():
                print(f"run: {line}")
        status = report(result)
        if status == 0 and kind == "demo":
            status = bench(emulator, accel, log)
            if status:
                print(f"run: FAILED: the cost table, status {status}")
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
