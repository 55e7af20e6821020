#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The cost table: bench.py [--demo] [--cycles] [--log F] [--guest F] [qemu|bochs|ryzen ...].

Boots bench.cfg with one CPU, plain, with the probe, and with mitigations, on
each emulator; prints the table and writes build/bench/{svm,vmx}.csv and .json;
for ryzen, a model of Bochs with SVM and NRIP save, svm-nrip.csv and .json.
--demo     no mitigations, not every call, nothing written
--cycles   (or CYCLES=1) in cycles of the TSC instead of instructions, with KVM
           where its guests have VMX or SVM, and in files of their own:
           build/bench/{svm,vmx}-cycles.csv and .json
--image F  only makes a disk image that measures cycles when it is booted
--log F    the table in cycles from the serial line of a boot of that image, or
           of any boot of a guest that measures its own code (kit/measure.h)
--guest F  the table of the code that the guest F measures, from two boots;
           writes build/bench/guest-{svm,vmx}.csv and .json
JOBS= limits the boots at a time (2). With KVM both tables are made.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "emu"))

import cycles  # noqa: E402
import image  # noqa: E402
import legend  # noqa: E402
import machine  # noqa: E402
import split  # noqa: E402
import table  # noqa: E402

OUTPUT = os.environ.get("B") or "build"
FOLDER = os.path.join(OUTPUT, "bench")
HOST = [os.path.join(OUTPUT, "bench-host", "host.elf")]
BACKENDS = {"qemu": "svm", "bochs": "vmx"}
TARGETS = {**BACKENDS, "ryzen": "svm-nrip"}  # ryzen: a CPU model of Bochs
# What the exiting instruction itself adds to the guest's count.
CALL_COUNTS = {"qemu": 0, "bochs": 1, "ryzen": 1}
LIMIT = 240
# A guest that does real work and measures it, if it is built (`make guests-src`
# needs sources of Debian's): file, command line, memory, the row in each profile.
WORK = (os.path.join(OUTPUT, "guests", "sqlite.elf"), "do=speedtest size={}",
        "32M", "sqlite_speedtest1")
WORK_SIZE = 5

# Repetitions: of what waits for no device, and of what does.
OPTIONS = f"reps=3 device={table.DEVICE_RUNS}"
OPTIONS_DEMO = f"reps=3 device={table.DEVICE_RUNS} calls=0"
OPTIONS_CYCLES = f"reps=51 device={table.DEVICE_RUNS}"


class Trouble(Exception):
    """No table; the text says why."""


def has_kvm():
    return os.environ.get("ACCEL") != "tcg" and machine.kvm_nests()[0]


def configuration(mitigations, probe, options, name="bench.cfg"):
    """options: what stands for @OPTIONS@, or {word: text}."""
    words = options if isinstance(options, dict) else {"OPTIONS": options}
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        text = f.read()
    for word, by in {"MITIGATIONS": mitigations, "PROBE": probe,
                     **words}.items():
        text = text.replace(f"@{word}@", by)
    return text


class Boot:
    """One boot of bench.cfg. exact: the emulator counts instructions."""

    def __init__(self, emulator, mitigations, probe, options, exact=True):
        self.model = "ryzen" if emulator == "ryzen" else ""
        self.emulator = "bochs" if self.model else emulator
        self.exact = exact
        self.name = f"{emulator}-{mitigations}-{probe}" \
            + ("" if exact else "-cycles")
        self.dir = os.path.join(FOLDER, self.name)
        self.cfg = configuration(mitigations, probe, options)
        self.files = HOST
        self.plain = (mitigations, probe) == ("off", "off")
        self.result = self.table = None

    def settings(self):
        kvm = not self.exact and self.emulator == "qemu" and has_kvm()
        return machine.Settings(os.path.join(self.dir, "parley.img"),
                                self.dir, smp=1, icount=self.exact,
                                model=self.model,
                                accel="kvm" if kvm else "tcg", timeout=LIMIT)

    def run(self):
        os.makedirs(self.dir, exist_ok=True)
        settings = self.settings()
        image.from_config(settings.image, self.cfg, OUTPUT, self.files)
        with open(os.path.join(self.dir, "serial.log"), "wb") as log:
            self.result = machine.boot(self.emulator, settings, log=log)
        if not self.result.good:
            last = "\n".join(f"    {l}" for l in self.result.lines[-12:])
            raise Trouble(f"{self.name}: {self.result.verdict()}\n{last}")
        if self.exact:
            self.table = table.Boot(self.result.lines)


def run_boots(boots):
    jobs = min(int(os.environ.get("JOBS") or 2), len(boots))
    with concurrent.futures.ThreadPoolExecutor(max(jobs, 1)) as pool:
        for done in [pool.submit(b.run) for b in boots]:
            done.result()


def measure(emulator, options=OPTIONS, auto=True):
    """(rows, probe, complaints, boots) of one emulator."""
    kinds = [("off", "off"), ("off", "on")] + [("auto", "off")] * auto
    boots = [Boot(emulator, *k, options) for k in kinds]
    run_boots(boots)
    rows, probe, wrong = table.costs(
        boots[0].table, boots[1].table, CALL_COUNTS[emulator],
        emulator == "bochs")
    if auto:
        rows = table.with_auto(rows, boots[2].table)
    return rows, probe, wrong, boots


class GuestBoot(Boot):
    """One boot of guest.cfg with a guest that measures its own code."""

    def __init__(self, emulator, probe, elf, cmdline, memory):
        super().__init__(emulator, "off", probe, "")
        self.name = f"{emulator}-{os.path.basename(elf)}-{probe}"
        self.dir = os.path.join(FOLDER, self.name)
        self.files = [elf]
        self.cfg = configuration("off", probe, {
            "IMAGE": os.path.basename(elf), "MEMORY": memory,
            "CMDLINE": cmdline}, "guest.cfg")


def measure_guest(emulator, elf, cmdline=os.environ.get("CMDLINE") or "",
                  memory=os.environ.get("GUEST_MEM") or "16M"):
    """(rows, probe, complaints, boots) of a guest's own measurements."""
    boots = [GuestBoot(emulator, probe, elf, cmdline, memory)
             for probe in ("off", "on")]
    run_boots(boots)
    keys = table.measured(boots[0].table.rows)
    if not keys:
        raise Trouble(f"{elf} printed no MEASURE line: see kit/measure.h")
    return (*table.costs(boots[0].table, boots[1].table,
                         CALL_COUNTS[emulator], emulator == "bochs", keys),
            boots)


class DirectBoot(Boot):
    """One boot of direct.cfg with a guest that owns the disk."""

    def __init__(self, emulator, probe, device):
        super().__init__(emulator, "off", probe, "")
        self.name = f"{emulator}-direct-{probe}"
        self.dir = os.path.join(FOLDER, self.name)
        self.cfg = configuration("off", probe, {
            "DEVICE": device, "RUNS": str(table.DEVICE_RUNS)}, "direct.cfg")


def measure_split(emulator, rows, plain):
    """(rows, boots) of the disk of the boot `plain`: owned by a guest, where one
    can drive it, and served with traps."""
    device = split.device_of(plain.result.lines)
    more = split.trapped(rows)
    boots = [DirectBoot(emulator, probe, device) for probe in ("off", "on")] \
        if device else []
    run_boots(boots)
    if boots:
        more += table.costs(boots[0].table, boots[1].table,
                            CALL_COUNTS[emulator], emulator == "bochs",
                            [("disk_qd32_direct", "pv")])[0]
    return more, boots


def measure_work(emulator, size=WORK_SIZE):
    """(rows, boots) of WORK; both empty where it is not built."""
    elf, cmdline, memory, op = WORK
    if not os.path.exists(elf):
        print(f"bench: no rows {op}: {elf} is not there, make guests-src says "
              f"why", flush=True)
        return [], []
    rows, _, _, boots = measure_guest(emulator, elf, cmdline.format(size),
                                      memory)
    return [r for r in rows if r.op == op], boots


def output_of(*words):
    """What a program prints; None where it fails, or is not installed."""
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return None
    return None if done.returncode else done.stdout.strip()


def git(*words):
    """Of this tree, whoever owns it; None: there is no git, or no repository."""
    return output_of("git", "-c", "safe.directory=*", "-C", HERE, *words)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def cpu_of(lines):
    """The CPU as the hypervisor's banner names it."""
    found = [m.group(1) for m in
             (re.match(r"parley: back end \w+, CPU (.*)", l) for l in lines)
             if m]
    return found[0].strip() if found else "unknown"


def tree_facts(lines):
    """What was built, by what, and what it ran on."""
    changed = git("status", "--porcelain", "--untracked-files=no")
    return {
        "commit": git("rev-parse", "HEAD") or "unknown",
        "tree_clean": None if changed is None else not changed,
        "compiler": (output_of("gcc", "--version") or "unknown").split("\n")[0],
        "cpu_model": cpu_of(lines),
    }


def emulator_facts(boots):
    first = boots[0]
    tool = machine.make_machine(first.emulator, first.settings())
    program = tool.bochs.program if first.emulator == "bochs" else \
        shutil.which(tool.program)
    return {
        "emulator": tool.name(),
        "emulator_sha256": digest(program),
        "command": {b.name: b.result.command for b in boots},
        "mitigations": ["off", "auto"] if any("-auto-" in b.name for b in boots)
        else ["off"],
    }


def facts(boots, probe):
    """What stands beside the figures."""
    rows = sorted({**{k: r for b in boots if b.plain for k, r in
                      b.table.rows.items()}, **boots[0].table.rows}.items())
    return {
        **tree_facts(boots[0].result.lines), **emulator_facts(boots),
        "unit": "instructions",
        "iterations": {f"{op} {p}": [row.n, 2 * row.n, row.reps]
                       for (op, p), row in rows},
        "spread": {f"{op} {p}": {"runs": row.reps, "median": row.v["tsc"],
                                 "least": row.low, "most": row.high}
                   for (op, p), row in rows if op in table.DEVICE},
        "exits_by_reason": {f"{op} {p}": table.reasons_of(row.v)
                            for (op, p), row in rows},
        "disturbed": {f"{op} {p}": row.disturbed
                      for (op, p), row in rows if row.disturbed},
        "probe_cost": {"guest_part": probe.guest, "total": probe.total,
                       "vmcs_access": probe.access},
    }


def write(name, text):
    with open(os.path.join(FOLDER, name), "w", encoding="utf-8") as f:
        f.write(text)


def write_both(name, csv, about):
    write(name + ".csv", csv)
    write(name + ".json", json.dumps(about, indent=1) + "\n")
    print(f"bench: wrote {FOLDER}/{name}.csv and .json\n", flush=True)


def counts(emulator, demo=False):
    """The table in instructions, from an emulator that counts them."""
    rows, probe, wrong, boots = measure(
        emulator, OPTIONS_DEMO if demo else OPTIONS, not demo)
    work, work_boots = ([], []) if demo else measure_work(emulator)
    rows += work
    more, split_boots = ([], []) if demo else \
        measure_split(emulator, rows, boots[0])
    rows += more
    about = facts(boots + work_boots + split_boots, probe)
    backend = TARGETS[emulator]
    title = (f"Cost of operations by hypercall and by trap, "
             f"{backend.upper()} on {about['emulator']}, one CPU")
    print(table.text(rows, title, legend.NOTES
                     + legend.EMULATOR_NOTES[emulator]), flush=True)
    for complaint in wrong:
        print(f"bench: the counts differ: {complaint}")
    if not demo:
        print(split.text(rows), flush=True)
        write_both(backend, table.csv(rows), about)
    return 1 if wrong else 0


def guest(emulator, elf):
    """The table of a guest's own code."""
    rows, probe, wrong, boots = measure_guest(emulator, elf)
    about, backend = facts(boots, probe), TARGETS[emulator]
    print(table.text(rows, f"Cost of code of {os.path.basename(elf)}, "
                     f"{backend.upper()} on {about['emulator']}, one CPU",
                     legend.NOTES + legend.EMULATOR_NOTES[emulator]), flush=True)
    for complaint in wrong:
        print(f"bench: the counts differ: {complaint}")
    write_both("guest-" + backend, table.csv(rows), about)
    return 0


def cycles_out(logs, about, place, keep=True):
    """Prints the table in cycles from the lines of some boots."""
    rows = [r for lines in logs for r in cycles.rows(lines)]
    backend = cycles.back_end(logs[0])
    for line in filter(cycles.LOOP.match, logs[0]):
        print(line)  # how many ticks a loop of known length took
    title = (f"Cost of operations in CYCLES (TSC), {backend.upper()} on "
             f"{place}, CPU {cpu_of(logs[0])}, one CPU")
    print(cycles.text(rows, title), flush=True)
    if keep:
        own = all(r.op not in table.OPERATIONS for r in rows)
        write_both("guest-" * own + backend + "-cycles", cycles.csv(rows), {
            **tree_facts(logs[0]), **about, "unit": "cycles (TSC ticks)",
            "probe_cost": None,
            "iterations": {f"{r.op} {r.profile} {r.mitigations}": r.figures[0]
                           for r in rows}})
    return 0


def in_cycles(emulator, demo=False, options=OPTIONS_CYCLES,
              kinds=("off", "auto")):
    """The table in cycles, from a machine whose TSC is time."""
    kinds = ["off"] if demo else kinds
    boots = [Boot(emulator, k, "off", options, exact=False) for k in kinds]
    for boot in boots:  # one at a time: they would disturb each other
        boot.run()
    about = emulator_facts(boots)
    return cycles_out([b.result.lines for b in boots], about,
                      about["emulator"], not demo)


def from_log(path):
    """The table in cycles of a machine that was booted by hand."""
    with open(path, encoding="utf-8", errors="replace") as f:
        lines = [l.rstrip("\r\n") for l in f]
    return cycles_out([lines], {
        "emulator": "none", "emulator_sha256": "none",
        "command": f"bench.py --log {path}", "mitigations": [
            "off" if "parley: mitigations off" in lines else "auto"]},
        f"the machine that wrote {path}")


def run_one(emulator, demo, by_time):
    return in_cycles(emulator, demo) if by_time else counts(emulator, demo)


def options_read(words):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=
                                     argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--cycles", action="store_true",
                        default=bool(os.environ.get("CYCLES")))
    parser.add_argument("--image")
    parser.add_argument("--log")
    parser.add_argument("--guest")
    parser.add_argument("emulator", nargs="*", choices=[[], *TARGETS])
    return parser.parse_args(words)


def main(words):
    o = options_read(words)
    os.makedirs(FOLDER, exist_ok=True)
    status = 0
    try:
        if o.image:
            image.from_config(o.image, configuration(
                "off", "off", OPTIONS_CYCLES), OUTPUT, [*HOST, "data.img"])
            return 0
        if o.log:
            return from_log(o.log)
        for emulator in o.emulator or BACKENDS:
            status |= guest(emulator, o.guest) if o.guest else \
                run_one(emulator, o.demo, o.cycles)
        if not o.guest and not o.emulator and not o.cycles and has_kvm():
            status |= in_cycles("qemu")
    except (Trouble, table.Bad, machine.Failure, RuntimeError,
            OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
