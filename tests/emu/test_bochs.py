#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Which Bochs is taken, with downloads and programs that are made up."""
import contextlib
import hashlib
import io
import os
import sys
import tempfile

import bochs

failures = []
STUB = "#!/bin/sh\necho 'Bochs x86 Emulator %s'\n"


def expect(name, good, why=""):
    print(f"PASS {name}" if good else f"FAIL {name}: {why}")
    if not good:
        failures.append(name)


def program(folder, version, name="usr/bin/bochs-bin"):
    """A program in a folder that says that it is this version."""
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as f:
        f.write(STUB % version)
    os.chmod(path, 0o755)
    return folder


class World:
    """A machine: its PATH, its mirrors, and what each of them has."""

    def __init__(self, work):
        self.work, self.mirrors, self.asked, self.said = work, {}, [], ""
        self.path = None  # of the system's own
        self.apt = True
        self.dir = ""
        os.makedirs(work)
        self.pinned = {n: (bochs.VERSION, self.sum(n, "3.1"))
                       for n in ("bochs", "bochs-term")}

    @staticmethod
    def deb(name, version):
        return f"{name} {version}"

    def sum(self, name, version):
        return hashlib.sha256(self.deb(name, version).encode()).hexdigest()

    def which(self, name):
        if name == "bochs-bin":
            return self.path
        return "/usr/bin/" + name if self.apt and name != "bochs" else None

    def fake_apt(self, folder, mirror, _release):
        os.makedirs(folder)
        apt = FakeApt(self, folder, mirror)
        return apt

    def run(self, words, **_):
        """dpkg-deb: what it unpacks is the version that the file names."""
        with open(words[2], encoding="ascii") as f:
            name, version = f.read().split()
        os.makedirs(words[3], exist_ok=True)
        if name == "bochs":
            program(words[3], version)

    def locate(self):
        """What is taken: its name; or the text of the refusal."""
        was = bochs.shutil.which, bochs.Apt, bochs.mirrors, bochs.PINNED, \
            bochs.subprocess.run
        real = bochs.subprocess.run
        env = {"XDG_CACHE_HOME": os.path.join(self.work, "cache"),
               "BOCHS_DIR": self.dir}
        bochs.os.environ.update(env)
        bochs.shutil.which, bochs.Apt = self.which, self.fake_apt
        own = [m for m in self.mirrors if m != bochs.SNAPSHOT]
        bochs.mirrors = lambda: (own, [bochs.SNAPSHOT])
        bochs.PINNED = self.pinned
        bochs.subprocess.run = lambda words, **kw: self.run(words, **kw) \
            if words[0] == "dpkg-deb" else real(words, **kw)
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said), \
                    contextlib.redirect_stderr(said):
                return bochs.locate(self.work).name()
        except bochs.Missing as error:
            return f"refused: {error}"
        finally:
            self.said = said.getvalue()
            (bochs.shutil.which, bochs.Apt, bochs.mirrors, bochs.PINNED,
             bochs.subprocess.run) = was


class FakeApt:
    """apt-get on a mirror that has one version, or a wrong file, or none."""

    def __init__(self, world, folder, mirror):
        self.world, self.got, self.mirror = world, folder, mirror

    def __call__(self, *words):
        has = self.world.mirrors.get(self.mirror)
        if words[0] == "update":
            self.world.asked.append(self.mirror)
            if not has:
                raise bochs.Missing("cannot be reached")
            return
        for word in words[1:]:
            name, _, version = word.partition("=")
            if version and has not in ("3.1", "forged"):
                raise bochs.Missing(f"Version {version} was not found")
            with open(os.path.join(self.got, name + "_x.deb"), "w",
                      encoding="ascii") as f:
                f.write(self.world.deb(name, has))


def own_choices(work):
    w = World(os.path.join(work, "dir"))
    w.dir = program(os.path.join(w.work, "mine"), "3.4", "bin/bochs")
    w.path = os.path.join(program(w.work, "3.2"), "usr/bin/bochs-bin")
    got = w.locate()
    expect("bochs-dir", got == "Bochs 3.4" and not w.asked, got)
    program(w.dir, "2.7", "bin/bochs")
    got = w.locate()
    expect("bochs-dir-too-old", "refused" in got and "2.7; 3.1" in got, got)
    w.dir = os.path.join(work, "nowhere")
    got = w.locate()
    expect("bochs-dir-empty", "no bochs program in" in got, got)
    w.dir = ""
    got = w.locate()
    expect("bochs-system", got == "Bochs 3.2" and not w.asked, got)


def downloads(work):
    w = World(os.path.join(work, "mirror"))
    w.mirrors = {"http://own/debian": "3.1"}
    w.path = os.path.join(program(w.work, "2.7"), "usr/bin/bochs-bin")
    got = w.locate()
    expect("bochs-system-too-old", got == "Bochs 3.1"
           and w.asked == ["http://own/debian"], f"{got} {w.asked}")
    got = w.locate()
    expect("bochs-kept", got == "Bochs 3.1" and len(w.asked) == 1, w.asked)

    w = World(os.path.join(work, "faulty"))
    w.mirrors = {"http://own/debian": "3.1"}
    w.path = os.path.join(program(w.work, "3.1"), "usr/bin/bochs-bin")
    was, bochs.IDIV_SHA = bochs.IDIV_SHA, bochs.digest(w.path)
    bochs.repair_idiv, real = lambda root: None, bochs.repair_idiv
    got = w.locate()
    bochs.IDIV_SHA, bochs.repair_idiv = was, real
    expect("bochs-system-faulty", len(w.asked) == 1, f"{got} {w.asked}")


def fall_backs(work):
    w = World(os.path.join(work, "snapshot"))
    w.mirrors = {"http://own/debian": "3.7", bochs.SNAPSHOT: "3.1"}
    got = w.locate()
    expect("bochs-snapshot", got == "Bochs 3.1"
           and w.asked == ["http://own/debian", bochs.SNAPSHOT],
           f"{got} {w.asked}")

    w = World(os.path.join(work, "other"))
    w.mirrors = {"http://own/debian": "3.7", bochs.SNAPSHOT: None}
    got = w.locate()
    expect("bochs-other-version", got == "Bochs 3.7"
           and "not the pinned version" in w.said, f"{got} {w.said}")

    w = World(os.path.join(work, "forged"))
    w.mirrors = {"http://own/debian": "forged", bochs.SNAPSHOT: "3.1"}
    got = w.locate()
    expect("bochs-checksum", got == "Bochs 3.1"
           and "not the pinned one" in w.said, f"{got} {w.said}")

    w = World(os.path.join(work, "nothing"))
    w.mirrors = {"http://own/debian": None, bochs.SNAPSHOT: None}
    got = w.locate()
    expect("bochs-unreachable", "refused" in got and "BOCHS_DIR=" in got
           and "cannot be reached" in got, got)
    w.apt = False
    got = w.locate()
    expect("bochs-without-apt", "refused: no apt here" in got, got)


with tempfile.TemporaryDirectory(prefix="parley-bochs-") as scratch:
    own_choices(scratch)
    downloads(scratch)
    fall_backs(scratch)
sys.exit(1 if failures else 0)
