#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The project's source files: files.py prints the C sources and headers."""
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
ROOMS = ("hv", "pvabi", "guestkit", "drivers", "tests")


def sources(*suffixes, rooms=ROOMS):
    """Paths from the project's root, sorted."""
    found = []
    for room in rooms:
        for folder, dirs, names in os.walk(os.path.join(ROOT, room)):
            dirs[:] = sorted(d for d in dirs if d != "__pycache__")
            found += [os.path.relpath(os.path.join(folder, n), ROOT)
                      for n in sorted(names) if n.endswith(suffixes)]
    return found


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def code_lines(text):
    """Lines that are neither blank nor comment."""
    out, i, code, count = text, 0, False, 0
    while i < len(out):
        if out.startswith("/*", i):
            end = out.find("*/", i + 2)
            end = len(out) if end < 0 else end + 2
            if "\n" in out[i:end]:
                count += code
                code = False
            i = end
            continue
        if out.startswith("//", i):
            i = out.find("\n", i)
            i = len(out) if i < 0 else i
            continue
        char = out[i]
        if char == "\n":
            count += code
            code = False
        elif char in "\"'":
            code, i = True, skip_string(out, i)
            continue
        elif not char.isspace():
            code = True
        i += 1
    return count + code


def skip_string(text, i):
    quote, i = text[i], i + 1
    while i < len(text) and text[i] != quote and text[i] != "\n":
        i += 2 if text[i] == "\\" else 1
    return i + 1 if i < len(text) and text[i] == quote else i


if __name__ == "__main__":
    print("\n".join(sources(".c", ".h")))
