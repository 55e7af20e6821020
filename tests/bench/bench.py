#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The cost table: bench.py [--demo] [qemu|bochs ...].

Boots bench.cfg with one CPU, plain, with the probe, and with mitigations, on
each emulator; prints the table and writes build/bench/{svm,vmx}.csv and .json.
--demo: no mitigations, nothing written. JOBS= limits the boots at a time (2).
"""
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

import image  # noqa: E402
import machine  # noqa: E402
import table  # noqa: E402

OUTPUT = os.environ.get("B") or "build"
FOLDER = os.path.join(OUTPUT, "bench")
BACKENDS = {"qemu": "svm", "bochs": "vmx"}
# What the exiting instruction itself adds to the guest's count.
CALL_COUNTS = {"qemu": 0, "bochs": 1}
LIMIT = 240


class Trouble(Exception):
    """No table; the text says why."""


class Boot:
    """One boot of bench.cfg."""

    def __init__(self, emulator, mitigations, probe, quick=False):
        self.emulator = emulator
        self.name = f"{emulator}-{mitigations}-{probe}"
        self.dir = os.path.join(FOLDER, self.name)
        with open(os.path.join(HERE, "bench.cfg"), encoding="utf-8") as f:
            self.cfg = f.read().replace("@MITIGATIONS@", mitigations) \
                .replace("@PROBE@", probe)
        if quick:
            self.cfg = self.cfg.replace("reps=3", "reps=1")
        self.result = self.table = None

    def settings(self):
        return machine.Settings(os.path.join(self.dir, "parley.img"),
                                self.dir, smp=1, icount=True, timeout=LIMIT)

    def run(self):
        os.makedirs(self.dir, exist_ok=True)
        settings = self.settings()
        image.from_config(settings.image, self.cfg, OUTPUT)
        with open(os.path.join(self.dir, "serial.log"), "wb") as log:
            self.result = machine.boot(self.emulator, settings, log=log)
        if not self.result.good:
            last = "\n".join(f"    {l}" for l in self.result.lines[-12:])
            raise Trouble(f"{self.name}: {self.result.verdict()}\n{last}")
        self.table = table.Boot(self.result.lines)
        return self


def run_boots(boots):
    jobs = min(int(os.environ.get("JOBS") or 2), len(boots))
    with concurrent.futures.ThreadPoolExecutor(max(jobs, 1)) as pool:
        for done in [pool.submit(b.run) for b in boots]:
            done.result()


def measure(emulator, demo=False, auto=True):
    """(rows, probe, complaints, boots) of one emulator."""
    kinds = [("off", "off"), ("off", "on")]
    if auto and not demo:
        kinds.append(("auto", "off"))
    boots = [Boot(emulator, *k, quick=demo) for k in kinds]
    run_boots(boots)
    rows, probe, wrong = table.costs(
        boots[0].table, boots[1].table,
        boots[2].table if len(boots) > 2 else None,
        CALL_COUNTS[emulator], emulator == "bochs")
    return rows, probe, wrong, boots


def output_of(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip()


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def cpu_of(lines):
    """The CPU as the hypervisor's banner names it."""
    for line in lines:
        found = re.match(r"parley: .*\bcpu[: ]+(.*)", line, re.I)
        if found:
            return found.group(1)
    return ""


def facts(emulator, boots, probe):
    """What stands beside the figures."""
    first = boots[0]
    tool = machine.make_machine(emulator, first.settings())
    program = tool.bochs.program if emulator == "bochs" else \
        shutil.which(tool.program)
    return {
        "commit": output_of("git", "rev-parse", "HEAD") or "unknown",
        "tree_clean": not output_of("git", "status", "--porcelain",
                                    "--untracked-files=no"),
        "compiler": output_of("gcc", "--version").split("\n")[0],
        "emulator": tool.name(),
        "emulator_sha256": digest(program),
        "cpu_model": cpu_of(first.result.lines),
        "unit": "instructions",
        "command": {b.name: b.result.command for b in boots},
        "mitigations": ["off", "auto"] if len(boots) > 2 else ["off"],
        "iterations": {f"{op} {p}": [row.n, 2 * row.n, row.reps] for
                       (op, p), row in sorted(first.table.rows.items())},
        "spread": {f"{op} {p}": row.spread for (op, p), row in
                   sorted(first.table.rows.items()) if row.spread},
        "probe_cost": {"guest_part": probe.guest, "total": probe.total,
                       "vmcs_access": probe.access},
    }


def write(name, text):
    with open(os.path.join(FOLDER, name), "w", encoding="utf-8") as f:
        f.write(text)


def one(emulator, demo):
    rows, probe, wrong, boots = measure(emulator, demo)
    about = facts(emulator, boots, probe)
    backend = BACKENDS[emulator]
    title = (f"Cost of operations by hypercall and by trap, "
             f"{backend.upper()} on {about['emulator']}, one CPU")
    print(table.text(rows, title, table.NOTES
                     + table.EMULATOR_NOTES[emulator]), flush=True)
    for complaint in wrong:
        print(f"bench: the two countings differ: {complaint}")
    if not demo:
        write(backend + ".csv", table.csv(rows))
        write(backend + ".json", json.dumps(about, indent=1) + "\n")
        print(f"bench: wrote {FOLDER}/{backend}.csv and .json\n")
    return 1 if wrong else 0


def main(words):
    demo = "--demo" in words
    emulators = [w for w in words if w in BACKENDS] or list(BACKENDS)
    unknown = [w for w in words if w != "--demo" and w not in BACKENDS]
    if unknown:
        sys.exit(__doc__)
    os.makedirs(FOLDER, exist_ok=True)
    status = 0
    for emulator in emulators:
        try:
            status |= one(emulator, demo)
        except (Trouble, table.Bad, machine.Failure, RuntimeError) as error:
            print(f"bench: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
