#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The fuzzer's corpus, once more, on both back ends; and the model TLB."""
import glob
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
OUTPUT = os.environ.get("B") or "build"
CALLS_MIN = 1000  # of the whole corpus: less means that it is not played


def run(*command, **env):
    done = subprocess.run(command, text=True, errors="replace", check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=600,
                          env={**os.environ, **env})
    return done.returncode, done.stdout


def replay(name, **env):
    files = sorted(glob.glob(os.path.join(HERE, "corpus", "*")))
    status, out = run(os.path.join(OUTPUT, "fuzz/fuzz"), *files, **env)
    found = re.search(r"^(FINDING|SUMMARY): .*", out, re.M)
    calls = re.search(r"^hypercalls: (\d+), strings: (\d+), "
                      r"restarts: (\d+)", out, re.M)
    if status or found:
        print(f"FAIL fuzz corpus {name}: "
              + (found.group(0) if found else f"status {status}"))
        print(out[-3000:])
    elif not calls or int(calls.group(1)) < CALLS_MIN:
        print(f"FAIL fuzz corpus {name}: too few hypercalls")
    elif "0" in calls.groups():
        print(f"FAIL fuzz corpus {name}: no strings, or no restarts")
    else:
        print(f"PASS fuzz corpus {name} ({calls.group(1)} hypercalls)")


def main():
    replay("svm")
    replay("vmx", FUZZ_VMX="1")
    status, out = run(os.path.join(OUTPUT, "fuzz/test_tlb"))
    print(out)
    if status and "FAIL" not in out:
        print(f"FAIL tlb: status {status}")


if __name__ == "__main__":
    main()
