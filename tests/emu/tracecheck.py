# SPDX-License-Identifier: BSD-2-Clause
"""A trace that was saved says what was shown live.

build/pvtrace reads the console log of the case `trace`, and its lines must be
those that the host partition printed; as JSON and CSV they must be as many.
"""
import csv
import io
import json
import os
import re
import subprocess

CASE = "trace"
LIVE = re.compile(r"^\S+\.\d+ +\d+\.\d{6} ")


class Saved:
    """One job for each boot of the case, once it has run."""

    limit = 60

    def __init__(self, output, backend, smp):
        self.log = os.path.join(output, "test", f"{CASE}-{backend}-{smp}",
                                "serial.log")
        self.tool = os.path.join(output, "pvtrace")
        self.name = f"saved {CASE} {backend} {smp} CPU" + "s" * (smp > 1)

    def decode(self, *options):
        done = subprocess.run([self.tool, *options, self.log], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False, timeout=self.limit)
        return done.stdout.splitlines(), done.stderr

    def run(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            live = [l for l in f.read().replace("\r", "").split("\n")
                    if LIVE.match(l)]
        text, said = self.decode()
        bad = [] if text == live and len(text) > 20 and not said else [
            f"{len(text)} lines, {len(live)} live: {said}"]
        rows = [json.loads(l) for l in self.decode("--json")[0]]
        table = list(csv.DictReader(io.StringIO(
            "\n".join(self.decode("--csv")[0]))))
        if not len(rows) == len(table) == len(text):
            bad.append(f"{len(rows)} in JSON, {len(table)} in CSV")
        if [r["what"] for r in rows] != [r["what"] for r in table]:
            bad.append("JSON and CSV differ")
        share = [json.loads(l) for l in self.decode(
            "--json", "--part", "calls", "--call", "mem_share")[0]]
        if len(share) != 1 or share[0]["args"]["flags"] != "PV_SHARE_WRITE":
            bad.append(f"filtered: {share}")
        return 4 - len(bad), bad, ""


def jobs(output, ran):
    """Those whose case has run."""
    return [Saved(output, b, n) for b in ("svm", "vmx") for n in (1, 2)
            if f"{CASE} {b} {n} CPU" + "s" * (n > 1) in ran]
