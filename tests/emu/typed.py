# SPDX-License-Identifier: BSD-2-Clause
"""What was typed to make, which hands on the last of several NAME=VALUE of one
name only."""
import os


def command_line(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as f:
        return [os.fsdecode(word) for word in f.read().split(b"\0")[:-1]]


def parent(pid):
    """0: it has none."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
        return int(f.read().rpartition(")")[2].split()[1])


def nearest_make():
    """The command line of the make that has started this program, or nothing."""
    pid = os.getppid()
    try:
        while pid > 1:
            words = command_line(pid)
            if words and os.path.basename(words[0]) in ("make", "gmake"):
                return words[1:]
            pid = parent(pid)
    except (OSError, ValueError, IndexError):
        pass
    return []


def every(name):
    """All values of a setting that is a list, with blanks between."""
    value = os.environ.get(name) or ""
    values = [word.partition("=")[2] for word in nearest_make()
              if word.startswith(name + "=")]
    return " ".join(values) if values and values[-1] == value else value
