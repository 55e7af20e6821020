#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`make prove`: properties of the real sources, proved by CBMC within bounds.

Each *.c beside this file is a harness that includes a source of the hypervisor.
A line `PROVE: ENTRY UNWIND text` in it names a property, its function and how
often a loop may turn; `MUTANT: ENTRY | FILE | FROM | TO` a change of a source
with which the proof must fail; `BOUND: FILE | FROM | TO` one that makes the
state smaller, for the proof to end. Prints a line for each property that ends in
`proved` or `FAILED`; with --mutants, also one for each mutant.
"""
import concurrent.futures
import glob
import os
import re
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)

import cbmc  # noqa: E402

OUTPUT = os.path.abspath(os.environ.get("B") or "build")
LIMIT = 300  # seconds of the CPU, which a busy machine makes no fewer
ONLY = os.environ.get("PROVE", "")
CHECKS = ("--bounds-check", "--pointer-check", "--div-by-zero-check",
          "--signed-overflow-check", "--undefined-shift-check",
          "--unwinding-assertions", "--no-malloc-may-fail",
          "--object-bits", "12")


def words(text):
    """The fields of a line; `nothing` is empty, \\n and \\t are themselves."""
    return tuple("" if w == "nothing" else
                 w.replace("\\n", "\n").replace("\\t", "\t")
                 for w in (w.strip(" ") for w in text.split(" | ")))


def properties():
    for path in sorted(glob.glob(os.path.join(HERE, "*.c"))):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for m in re.finditer(r"PROVE: (\w+) (\d+) (.*)", text):
            mutants = [words(x) for x in re.findall(r"MUTANT: (.*)", text)]
            bounds = [words(x) for x in re.findall(r"BOUND: (.*)", text)]
            yield (path, m[1], m[2], m[3],
                   [x[1:] for x in mutants if x[0] == m[1]], bounds)


def change(folder, name, old, new):
    """Changes a source, in a folder that the compiler looks into first."""
    target = os.path.join(folder, name)
    source = target if os.path.exists(target) else \
        os.path.join(ROOT, "hv", name)
    with open(source, encoding="utf-8") as f:
        text = f.read()
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))
    return old in text


def prove(argv, path, entry, unwind, changes):
    """(proved, what CBMC said last); None: it came to no verdict."""
    with tempfile.TemporaryDirectory() as folder:
        for name, old, new in changes:
            if not change(folder, name, old, new):
                return None, f"{name} does not contain: {old}"
        done = subprocess.run(
            ["prlimit", f"--cpu={LIMIT}", *argv, path, "--function", entry,
             "--unwind", unwind, *CHECKS,
             "-DPARLEY_UNIT=1", "-I", folder, "-I", os.path.join(HERE, "small"),
             "-I", os.path.join(ROOT, "hv"),
             "-I", os.path.join(ROOT, "pvabi/include"),
             "-I", os.path.join(OUTPUT, "gen"), "-I", HERE],
            text=True, check=False, stdin=subprocess.DEVNULL,
            timeout=10 * LIMIT, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return None, f"no verdict within {LIMIT} s"
    if "VERIFICATION SUCCESSFUL" in done.stdout:
        return True, ""
    failed = re.findall(r"^\[.*FAILURE$", done.stdout, re.M)
    if not failed:  # it did not come to a verdict
        return None, "\n".join(done.stdout.splitlines()[-8:])
    return False, "\n".join(failed[:8])


def line(job):
    argv, (path, entry, unwind, text, _, bounds), mutant = job
    try:
        good, why = prove(argv, path, entry, unwind,
                          bounds + [mutant] * bool(mutant))
    except subprocess.TimeoutExpired:
        good, why = None, f"no verdict within {10 * LIMIT} s of the clock"
    if not mutant:
        return good is True, f"{entry}: {text}: " + (
            "proved" if good else f"FAILED\n{why}")
    name = f"{entry} with `{mutant[2]}` for `{mutant[1]}`".replace("\n", " ")
    return good is False, f"{name}: " + (
        "refused" if good is False else f"NOT NOTICED {why}")


def main(argv):
    tool = cbmc.locate(OUTPUT)
    found = [p for p in properties()
             if not ONLY or p[1] in ONLY.split()]
    jobs = [(tool, p, None) for p in found]
    if "--mutants" in argv:
        jobs += [(tool, p, m) for p in found for m in p[4]]
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(
            int(os.environ.get("JOBS") or 2)) as pool:
        for good, text in pool.map(line, jobs):
            bad += not good
            print(text, flush=True)
    return 1 if bad or not jobs else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
