#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run the tests: suite.py [unit|script|emu] [NAME-PART...].

unit    the programs under build/unit, cmocka's report
script  tests/*/test_*.py: they print lines `PASS name`, `FAIL name: why`, and
        `NOTE name: why` for what cannot be tested on this machine
emu     tests/emu/cases/*.case: boots of both back ends; some of stress.py

A case is

    # what it shows
    backends = svm vmx        # svm: QEMU, vmx: Bochs, ryzen: SVM of Bochs
    smp = 1 2                 # one boot for each number of CPUs
    smp-bochs = 1             # in place of it on both models of Bochs
    timeout = 60              # seconds
    status = 0                # of the power-off, or `any`
    mem = 512                 # MiB
    icount = no               # yes: QEMU counts instructions; one CPU only
    devices = -device ...     # QEMU only
    disk = virtio             # or ahci, nvme, ide: where QEMU has the image; usb:
                              # it is a USB stick, without a disk
    nic = no                  # yes: an e1000 at 00:02.0, connected to nothing
                              # net: to @GATEWAY@, which the emulator plays
    vga = no                  # yes: a PCI VGA
    disk2 = no                # virtio, ahci, nvme: the test data as a disk at 00:04.0
    files = a.bin b.bin       # more files beside the case for the ESP
    bochs-cpu = NAME          # another CPU model of Bochs
    hypervisor = NAME         # tests/hv/NAME.c: breaks something on purpose
    debug = no                # yes: once more with a debug build, most CPUs
    hypervisor-ryzen = NAME   # in place of it on ryzen
    without-ryzen = NAME      # for @WITHOUT@ in the configuration, elsewhere
                              # `none`: what a guest leaves out there
    panic = no                # yes: the hypervisor has to panic
    fsck = no                 # yes: the ESP is clean at the end: fsck.fat
    [expect]                  # regular expressions; each must match a line
    [ordered]                 # the same, in this order
    [reject]                  # none may match a line
    [config]                  # parley.cfg, to the end of the file

Each boot is a test, and so is each line `PASS name` or `FAIL name: why` that
a guest prints. JOBS= sets how many run at once (2), CASE_LOG=1 shows consoles.
On ryzen a case boots with its first number of CPUs. RYZEN=all is for a longer
run: all numbers, and every case that is for both svm and vmx.
"""
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
import traceback

import coverage
import image
import machine
import speedcheck
import tracecheck

OUTPUT = os.environ.get("B") or "build"
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TEST = os.path.join(OUTPUT, "test")
TIMES = os.path.join(TEST, "times.json")
EMULATORS = {"svm": ("qemu", ""), "vmx": ("bochs", ""),
             "ryzen": ("bochs", "ryzen")}
DISKS2 = {"virtio": "virtio-blk-pci,drive=two,disable-legacy=on,addr=4",
          "ahci": "ich9-ahci,id=b,addr=4 -device ide-hd,bus=b.0,drive=two",
          "nvme": "nvme,drive=two,serial=2,addr=4"}
NOTE_LINE = re.compile(r"^NOTE .*$", re.M)
GUEST_NOTE = re.compile(r"^(?:\[[^\]]*\] )?NOTE (.*)$")
GUEST_LINE = re.compile(r"^(?:\[[^\]]*\] )?(PASS|FAIL) (.*)$")
HOST_DIED = "the host partition died"
SCRIPT_LIMIT = 1200
STRESS_ROUNDS = 5  # of stress.py, of each kind
STRESS_SEED = "21"  # what gates a change is the same each time; SEED= is another
EVERY_RYZEN = os.environ.get("RYZEN") == "all"
REFUSED = 97  # the boot stage says why, then waits before it switches off


class Tally:
    """What passed and what failed, from all threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.passed, self.failures, self.times = 0, [], {}
        self.notes = []  # what could not be tested here

    def add(self, name, passed, failures, seconds, note=""):
        with self.lock:
            self.passed += passed
            self.failures += [f"{name}: {f}" for f in failures]
            self.times[name] = round(seconds, 1)
            word = "FAIL" if failures else "ok  "
            count = f"{passed} passed" + (f", {len(failures)} failed"
                                          if failures else "")
            print(f"{word} {name}  ({count}, {seconds:.1f} s)")
            for failure in failures:
                print(f"       {failure}")
            if failures and note:
                print("\n".join("     | " + l for l in note.splitlines()))
            sys.stdout.flush()


class Unit:
    """One cmocka program."""

    limit = 120
    notes = ()

    def __init__(self, path):
        self.path = path
        self.name = "unit " + os.path.relpath(path,
                                              os.path.join(OUTPUT, "unit"))

    def run(self):
        done = subprocess.run([os.path.abspath(self.path)], text=True,
                              stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, errors="replace",
                              stderr=subprocess.STDOUT, timeout=self.limit)
        good = re.findall(r"^\[ +OK \] (.*)$", done.stdout, re.M)
        bad = re.findall(r"^\[  FAILED  \] (?!tests: |\d+ test)(.*)$",
                         done.stdout, re.M)
        bad = list(dict.fromkeys(bad))
        if done.returncode and not bad:
            bad = [f"exit status {done.returncode}"]
        elif not good and not bad:
            bad = ["no test ran"]
        return len(good), bad, done.stdout[-4000:]


class Script(Unit):
    """A program that prints PASS and FAIL lines."""

    limit = SCRIPT_LIMIT

    def __init__(self, path):
        super().__init__(path)
        self.name = os.path.relpath(path, os.path.join(ROOT, "tests"))

    def run(self):
        # its own emulators run one at a time: never more than JOBS in all
        done = subprocess.run([sys.executable, "-B", self.path], text=True,
                              env={**os.environ, "JOBS": "1"}, stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, errors="replace",
                              stderr=subprocess.STDOUT, timeout=self.limit)
        good, bad = guest_lines(done.stdout.splitlines())
        self.notes = NOTE_LINE.findall(done.stdout)
        if done.returncode and not bad:
            bad = [f"exit status {done.returncode}"]
        elif not good and not bad and not self.notes:
            bad = ["it printed neither PASS nor FAIL"]
        return good, bad, done.stdout[-4000:]


def guest_lines(lines):
    good, bad = 0, []
    for line in lines:
        found = GUEST_LINE.match(line)
        if found and found.group(1) == "PASS":
            good += 1
        elif found:
            bad.append(found.group(2))
    return good, bad


class Case:
    """A file of tests/emu/cases."""

    def __init__(self, path):
        self.path, self.name = path, os.path.basename(path)[:-len(".case")]
        self.keys = {"backends": "svm vmx", "smp": "1 2", "timeout": "60",
                     "status": "0", "mem": "512", "icount": "no",
                     "devices": "", "files": "", "smp-bochs": "",
                     "disk": "virtio", "nic": "no", "vga": "no", "disk2": "no",
                     "bochs-cpu": "", "hypervisor": "", "panic": "no",
                     "hypervisor-ryzen": "", "without-ryzen": "",
                     "debug": "no", "fsck": "no"}
        self.parts = {"expect": [], "ordered": [], "reject": [], "config": []}
        part = None
        with open(path, encoding="utf-8") as f:
            for line in f.read().splitlines():
                found = re.match(r"\[(\w+)\]$", line.strip())
                if part != "config" and found and \
                        found.group(1) in self.parts:
                    part = found.group(1)
                elif part == "config":
                    self.parts[part].append(line)
                elif line.strip() and not line.startswith("#"):
                    self.take(part, line.strip())

    def take(self, part, line):
        if part:
            self.parts[part].append(line)
            return
        key, _, value = line.partition("=")
        if key.strip() not in self.keys:
            raise ValueError(f"{self.path}: unknown key {key.strip()}")
        self.keys[key.strip()] = value.split("#")[0].strip()

    def boots(self):
        boots = []
        for backend in self.backends():
            cpus = self.cpus(backend).split()
            boots += [Boot(self, backend, int(smp)) for smp in cpus]
            if self.keys["debug"] == "yes" and backend != "ryzen":
                boots.append(Boot(self, backend, int(cpus[-1]), "debug"))
        return boots

    def backends(self):
        named = self.keys["backends"].split()
        more = EVERY_RYZEN and {"svm", "vmx"} <= set(named)
        return dict.fromkeys(named + ["ryzen"] * more)

    def cpus(self, backend):
        """The numbers of CPUs to boot with."""
        bochs = EMULATORS[backend][0] == "bochs"
        cpus = (bochs and self.keys["smp-bochs"]) or self.keys["smp"]
        return cpus if backend != "ryzen" or EVERY_RYZEN else cpus.split()[0]

    def value(self, key, backend):
        """Of a key that may have another value on ryzen."""
        return (backend == "ryzen" and self.keys[key + "-ryzen"]) or \
            self.keys[key]

    def config(self, backend):
        without = backend == "ryzen" and self.keys["without-ryzen"]
        return "\n".join(self.parts["config"] + [""]).replace(
            "@WITHOUT@", without or "none").replace(
            "@GATEWAY@", machine.GATEWAY[EMULATORS[backend][0]])


class Boot:
    """A case on one back end with one number of CPUs."""

    def __init__(self, case, backend, smp, hypervisor=""):
        self.case, self.backend, self.smp = case, backend, smp
        self.name = f"{case.name} {backend} {smp} CPU" + "s" * (smp > 1)
        self.dir = os.path.join(TEST, f"{case.name}-{backend}-{smp}")
        own = hypervisor or case.value("hypervisor", backend)
        self.efi = f"hv/{own}.efi" if own else "parley.efi"
        if hypervisor:
            self.name += f" {hypervisor}"
            self.dir += f"-{hypervisor}"
        self.notes = []

    def boot(self):
        keys = self.case.keys
        os.makedirs(self.dir, exist_ok=True)
        disk = os.path.join(self.dir, "parley.img")
        folder = os.path.dirname(self.case.path)
        image.from_config(disk, self.case.config(self.backend), OUTPUT,
                          [os.path.join(folder, f)
                           for f in keys["files"].split()], [folder],
                          self.efi)
        emulator, model = EMULATORS[self.backend]
        if emulator == "bochs":
            model = keys["bochs-cpu"] or model
        qemu = emulator == "qemu"
        settings = machine.Settings(
            disk, self.dir, smp=self.smp, mem=int(keys["mem"]), model=model,
            timeout=int(keys["timeout"]), accel="tcg",
            disk=keys["disk"], nic=keys["nic"], vga=keys["vga"] == "yes",
            icount=keys["icount"] == "yes" and qemu,
            devices=[*shlex.split(keys["devices"]), *self.second()]
            if qemu else ())
        show = None
        if os.environ.get("CASE_LOG"):
            def show(data):
                sys.stdout.buffer.write(data)
        with open(os.path.join(self.dir, "serial.log"), "wb") as log:
            return machine.boot(emulator, settings, show, log=log)

    def second(self):
        """A disk with the test data and nothing else, for QEMU."""
        kind = self.case.keys["disk2"]
        if kind == "no":
            return []
        path = os.path.join(self.dir, "second.img")
        with open(path, "wb") as f:
            f.write(image.pattern())
        return ["-drive", f"if=none,id=two,format=raw,file={path}", "-device",
                *DISKS2[kind].split()]

    def judge(self, result):
        """Everything that is wrong with this boot itself."""
        bad, lines, parts = [], result.lines, self.case.parts
        status = self.case.keys["status"]
        if result.panic != (self.case.keys["panic"] == "yes"):
            bad.append("the hypervisor panicked" if result.panic else
                       "the hypervisor did not panic")
        elif result.why:
            bad.append(result.why)
        elif status not in ("any", str(result.status)):
            bad.append(f"status {result.status}, not {status}")
        if result.stayed_on and result.status != REFUSED:
            bad.append("the machine was not switched off")
        known = parts["expect"] + parts["ordered"]
        if not any(HOST_DIED in pattern for pattern in known):
            # it was started anew, and nobody else may have noticed
            bad += [line for line in lines if HOST_DIED in line]
        for pattern in parts["expect"]:
            if not any(re.search(pattern, line) for line in lines):
                bad.append(f"no line matches /{pattern}/")
        at = 0
        for pattern in parts["ordered"]:
            hit = next((i for i in range(at, len(lines))
                        if re.search(pattern, lines[i])), None)
            if hit is None:
                bad.append(f"no line from {at + 1} on matches /{pattern}/")
                break
            at = hit + 1
        for pattern in parts["reject"]:
            hit = next((l for l in lines if re.search(pattern, l)), None)
            if hit:
                bad.append(f"/{pattern}/ matches: {hit}")
        return bad

    def run(self):
        result = self.boot()
        good, bad = guest_lines(result.lines)
        self.notes = [f"NOTE {self.name}: {found.group(1)}" for found in
                      map(GUEST_NOTE.match, result.lines) if found]
        wrong = self.judge(result)
        if self.case.keys["fsck"] == "yes":
            wrong += image.check_esp(os.path.join(self.dir, "parley.img"))
        note = [l for l in result.lines if l.strip()][-12:] + result.dump[:60]
        note.append(f"see {self.dir}/serial.log")
        os.unlink(os.path.join(self.dir, "parley.img"))
        return good + (not wrong), wrong + bad, "\n".join(note)


def run_one(job, tally):
    start = time.monotonic()
    try:
        good, bad, note = job.run()
    except subprocess.TimeoutExpired:
        good, bad, note = 0, [f"not done within {job.limit} s"], ""
    except (machine.Failure, RuntimeError, OSError) as error:
        good, bad, note = 0, [str(error)], ""
    except Exception:  # a broken test must not stop the others
        good, bad, note = 0, ["the harness failed"], traceback.format_exc()
    tally.add(job.name, good, bad, time.monotonic() - start, note)
    tally.notes += getattr(job, "notes", ())


def walk(folder, keep):
    return sorted(os.path.join(d, f) for d, _, names in os.walk(folder)
                  for f in names if keep(os.path.join(d, f)))


def collect(kinds):
    jobs = []
    if "unit" in kinds:
        jobs += [Unit(p) for p in walk(
            os.path.join(OUTPUT, "unit"),
            lambda p: os.path.basename(p).startswith("test_")
            and "/obj/" not in p and os.access(p, os.X_OK)
            and os.path.exists(os.path.join(ROOT, "tests/unit", os.path.relpath(
                p, os.path.join(OUTPUT, "unit")) + ".c")))]
    if "script" in kinds:
        jobs += [Script(p) for p in walk(
            os.path.join(ROOT, "tests"), lambda p: os.path.basename(p)
            .startswith("test_") and p.endswith(".py"))]
    if "emu" in kinds:
        for path in walk(os.path.join(HERE, "cases"),
                         lambda p: p.endswith(".case")):
            jobs += Case(path).boots()
        sys.modules.setdefault("suite", sys.modules[__name__])
        import stress  # it makes cases of these classes
        jobs += stress.jobs(STRESS_ROUNDS,
                            os.environ.get("SEED") or STRESS_SEED)
    return jobs


def remembered():
    try:
        with open(TIMES, encoding="utf-8") as f:
            return json.load(f)
    except (OSError, ValueError):
        return {}


def main():
    kinds = [a for a in sys.argv[1:] if a in ("unit", "script", "emu")]
    parts = [a for a in sys.argv[1:] if a not in kinds]
    jobs = [j for j in collect(kinds or ["unit", "script", "emu"])
            if not parts or any(p in j.name for p in parts)]
    before = remembered()
    jobs.sort(key=lambda j: -before.get(j.name, 0))
    os.makedirs(TEST, exist_ok=True)
    tally, start = Tally(), time.monotonic()
    if any(isinstance(j, Boot) and EMULATORS[j.backend][0] == "bochs"
           for j in jobs):
        try:
            print("with " + machine.bochs_module.locate(OUTPUT).name())
        except machine.bochs_module.Missing as error:
            print(f"bochs: {error}")
    with concurrent.futures.ThreadPoolExecutor(
            int(os.environ.get("JOBS") or 2)) as pool:
        for future in [pool.submit(run_one, j, tally) for j in jobs]:
            future.result()
    ran = {j.name for j in jobs}
    for backend in ("svm", "vmx"):
        if {f"{c} {backend} 2 CPUs" for c in coverage.CASES} <= ran:
            run_one(coverage.Coverage(ROOT, TEST, backend), tally)
    for job in tracecheck.jobs(OUTPUT, ran) + speedcheck.jobs(OUTPUT, ran):
        run_one(job, tally)
    with open(TIMES, "w", encoding="utf-8") as f:
        json.dump({**before, **tally.times}, f, indent=1, sort_keys=True)
    for line in list(dict.fromkeys(tally.notes)) + [f"FAILED: {f}" for f in tally.failures]:
        print(line)
    print(f"took {time.monotonic() - start:.0f} s")
    print(f"{tally.passed} passed, {len(tally.failures)} failed")
    return 1 if tally.failures or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
