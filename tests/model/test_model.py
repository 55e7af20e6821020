#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Verify the protocols of the shared pages, and that each check can fail.

Each *.pml beside this file is a model that spin must find without an error,
and without one in any variant that a `MUST-FAIL:` line of it names (each leaves
out one step of the protocol): there it must find one.
"""
import concurrent.futures
import glob
import os
import re
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 300  # seconds for one verification
RESULT = re.compile(r"depth reached \d+, errors: (\d+)")


class Broken(Exception):
    """The model could not be verified at all; the text says why."""


def run(folder, *command):
    done = subprocess.run(command, cwd=folder, text=True, timeout=LIMIT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise Broken(f"{command[0]}: {done.stdout.strip()[:300]}")
    return done.stdout


def errors(path, variant):
    """How many errors spin finds: 0, or 1, at which it stops."""
    define = [f"-D{variant}"] if variant else []
    with tempfile.TemporaryDirectory() as folder:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        with open(os.path.join(folder, "m.pml"), "w", encoding="utf-8") as f:
            f.write(text)
        run(folder, "spin", *define, "-a", "m.pml")
        run(folder, "gcc", "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c")
        out = run(folder, "./pan", "-m1000000")
    found = RESULT.search(out)
    if not found or "max search depth too small" in out:
        raise Broken("no complete search: " + " ".join(out.split())[:300])
    return int(found.group(1))


def check(path, variant):
    name = "model " + os.path.basename(path)[:-len(".pml")]
    if variant:
        name += f" without a step: {variant}"
    try:
        found = errors(path, variant)
    except (Broken, OSError, subprocess.TimeoutExpired) as error:
        return f"FAIL {name}: {error}"
    if found and not variant:
        return f"FAIL {name}: spin finds an error"
    if variant and not found:
        return f"FAIL {name}: spin finds nothing"
    return f"PASS {name}"


def variants(path):
    with open(path, encoding="utf-8") as f:
        lines = re.findall(r"MUST-FAIL:(.*)", f.read())
    return [None] + " ".join(lines).split()


def main():
    jobs = [(p, v) for p in sorted(glob.glob(os.path.join(HERE, "*.pml")))
            for v in variants(p)]
    with concurrent.futures.ThreadPoolExecutor(
            int(os.environ.get("JOBS") or 2)) as pool:
        for line in pool.map(lambda job: check(*job), jobs):
            print(line, flush=True)


if __name__ == "__main__":
    main()
