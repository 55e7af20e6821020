# SPDX-License-Identifier: BSD-2-Clause
"""Bytes of a serial line to lines of text."""
import re

POWER_OFF = re.compile(r"^parley: power off, status (\d+)")
PANIC = re.compile(r"^(parley: )?(\[cpu \d+\] )?panic\b", re.I)
ESCAPE = re.compile(rb"\x1b(\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|[=>NOMc78])|\x0f")


class Serial:
    """Bytes of the serial line to lines, and to whoever shows them."""

    def __init__(self, result, show, on_line):
        self.result, self.show, self.on_line = result, show, on_line
        self.rest = b""
        self.held = b""

    def feed(self, data):
        data = self.held + data
        self.held = b""
        cut = data.rfind(b"\x1b")
        if cut >= 0 and len(data) - cut < 12 and \
                not ESCAPE.match(data, cut):
            data, self.held = data[:cut], data[cut:]
        data = ESCAPE.sub(b"", data)
        if self.show:
            self.show(data)
        self.rest += data
        *lines, self.rest = self.rest.split(b"\n")
        for line in lines:
            # what a carriage return takes back is no part of the line
            self.line(line.rstrip(b"\r").rsplit(b"\r", 1)[-1]
                      .decode(errors="replace"))

    def finish(self):
        if self.rest:
            self.feed(b"\n")

    def line(self, text):
        result = self.result
        result.lines.append(text)
        found = POWER_OFF.match(text)
        if found:
            result.status = int(found.group(1))
        if PANIC.match(text):
            result.panic = True
        if self.on_line:
            self.on_line(text)
