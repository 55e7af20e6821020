# SPDX-License-Identifier: BSD-2-Clause
"""What SQLite's speedtest1 cost in the boots of the case `sqlite-speed`.

In each profile it takes less than two billion instructions, and on both back
ends the guest makes the same exits, to the last one, interrupts apart.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "bench"))

import machine  # noqa: E402
import table  # noqa: E402

CASE, OP = "sqlite-speed", "sqlite_speedtest1"
MOST = 2_000_000_000
TICKS = {"svm": 1 << machine.ICOUNT_SHIFT, "vmx": 1}  # an instruction


def own_exits(v):
    """{reason: exits} of the guest that it caused itself."""
    return {"call": v["calls"], **{
        table.KINDS[k]: n for k, n in v["kinds"].items()
        if n and k != table.HCALL and k not in table.IRQS}}


class Speed:
    """One job, once the case has run on both back ends."""

    limit = 60

    def __init__(self, output):
        self.name = f"{CASE} instructions and exits"
        self.logs = {b: os.path.join(output, "test", f"{CASE}-{b}-1",
                                     "serial.log") for b in TICKS}

    def rows(self, backend):
        with open(self.logs[backend], encoding="utf-8", errors="replace") as f:
            ops = table.parse(f.read().splitlines())
        return {p: table.Row((OP, p), ops[(OP, p)]) for p in table.PROFILES}

    def run(self):
        try:
            rows = {b: self.rows(b) for b in TICKS}
        except (table.Bad, KeyError) as error:
            return 0, [f"no rows: {error}"], ""
        bad = [f"{b} {p}: {row.v['tsc'] / TICKS[b]:.0f} instructions"
               for b in rows for p, row in rows[b].items()
               if not 0 < row.v["tsc"] / TICKS[b] < MOST]
        for profile in table.PROFILES:
            svm, vmx = (own_exits(rows[b][profile].v) for b in ("svm", "vmx"))
            if svm != vmx:
                bad.append(f"{profile}: {svm} exits on svm, {vmx} on vmx")
        return 9 - len(bad), bad, ""


def jobs(output, ran):
    """It, if the case has run."""
    return [Speed(output)] if {f"{CASE} {b} 1 CPU" for b in TICKS} <= ran \
        else []
