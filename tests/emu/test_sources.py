#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Source packages, with mirrors and a dpkg-source that are made up."""
import contextlib
import io
import os
import sys
import tempfile

import sources

failures = []
asked = []  # mirrors, in order
has = {}  # mirror: version that it has


def expect(name, good, why=""):
    print(f"PASS {name}" if good else f"FAIL {name}: {why}")
    if not good:
        failures.append(name)


class FakeApt:
    """apt-get on a mirror that has one version, or cannot be reached."""

    def __init__(self, folder, mirror, release, kind):
        os.makedirs(folder)
        self.got, self.mirror = os.path.join(folder, "got"), mirror
        self.good = (release, kind) == ("r", "deb-src")
        os.makedirs(self.got)

    def __call__(self, *words):
        if words == ("update",):
            asked.append(self.mirror)
        if not self.good or self.mirror not in has:
            raise sources.Missing("cannot be reached")
        if words[0] == "source":
            name = f"{words[-1]}_{has[self.mirror]}.dsc"
            with open(os.path.join(self.got, name), "w", encoding="ascii"):
                pass


class FakeRun:
    """dpkg-source: the package is the name of what describes it."""

    returncode, stdout = 0, ""

    def __init__(self, words, **_):
        if words[0] != "dpkg-source":
            raise OSError(words[0])
        os.makedirs(words[-1])
        with open(os.path.join(words[-1], "is"), "w", encoding="ascii") as f:
            f.write(os.path.basename(words[-2]))


def locate(folder):
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            return sources.locate("lib", folder)
    except sources.Missing as error:
        return f"refused: {error}"


def main(work):
    os.environ["XDG_CACHE_HOME"] = os.path.join(work, "cache")
    sources.mirrors = lambda: ["http://a/debian", "http://b/debian"]
    sources.release = lambda: "r"
    sources.Apt, sources.subprocess.run = FakeApt, FakeRun
    sources.shutil.which = lambda name: "/usr/bin/" + name
    folder = os.path.join(work, "src")

    got = locate(folder)
    expect("sources-unreachable", got.startswith("refused: ")
           and "lib" in got and "cannot be reached" in got, got)
    has["http://b/debian"] = "1.2-3"
    asked.clear()
    got = locate(folder)
    expect("sources-second-mirror", len(asked) == 2
           and got == os.path.join(folder, "lib-1.2-3"), f"{got} {asked}")
    with open(os.path.join(folder, "lib/is"), encoding="ascii") as f:
        text = f.read()
    expect("sources-link", text == "lib_1.2-3.dsc", text)
    has.clear()
    asked.clear()
    expect("sources-once", locate(folder) == got and not asked, asked)
    other = os.path.join(work, "other")
    expect("sources-from-cache", locate(other) == os.path.join(
        other, "lib-1.2-3") and not asked, asked)
    sources.shutil.which = lambda name: None
    got = locate(folder)
    expect("sources-without-apt", "which needs apt-get" in got, got)
    sources.mirrors = lambda: []
    sources.shutil.which = lambda name: "/usr/bin/" + name
    os.environ["XDG_CACHE_HOME"] = os.path.join(work, "cache2")
    got = locate(os.path.join(work, "third"))
    expect("sources-no-mirror", "DEBIAN_MIRROR=" in got, got)


with tempfile.TemporaryDirectory(prefix="parley-sources-") as scratch:
    main(scratch)
sys.exit(1 if failures else 0)
