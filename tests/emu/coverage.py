# SPDX-License-Identifier: BSD-2-Clause
"""Every result of every call has a test that shows it, on each back end.

The table (gen.py --list) against the lines `PASS [call ]NAME[ /]STATUS` that
the cases below printed. machine_off succeeds at the end of each boot, which
the runner sees.
"""
import os
import re
import subprocess
import sys

CASES = ("calls", "selftest")
LINE = re.compile(r"PASS (?:call )?(\w+)[ /](PV_\w+)")


def wanted(root):
    done = subprocess.run(
        [sys.executable, os.path.join(root, "pvabi/gen.py"), "--list"],
        stdout=subprocess.PIPE, check=True, text=True)
    return {tuple(l.split()) for l in done.stdout.splitlines()
            if l != "machine_off PV_OK"}


def shown(folder, backend):
    got = set()
    for case in CASES:
        path = os.path.join(folder, f"{case}-{backend}-2", "serial.log")
        with open(path, encoding="utf-8", errors="replace") as f:
            got |= {m.groups() for m in map(LINE.search, f) if m}
    return got


class Coverage:
    """One job for each back end, once its cases have run."""

    limit = 60

    def __init__(self, root, folder, backend):
        self.root, self.folder, self.backend = root, folder, backend
        self.name = f"coverage {backend}"

    def run(self):
        want = wanted(self.root)
        missing = sorted(want - shown(self.folder, self.backend))
        return (len(want) - len(missing),
                [f"nothing shows {e} of {c}" for c, e in missing], "")
