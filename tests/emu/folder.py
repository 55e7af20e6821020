# SPDX-License-Identifier: BSD-2-Clause
"""A folder of this machine as a FAT32 volume for a guest, and what the guest has
changed on it back to the folder."""
import os
import re
import shutil
import tempfile
import unicodedata
import zlib

import image

MIB = 1 << 20
START = MIB
LEAST = 288 * MIB  # FAT32 with clusters of 4 KiB
ROOM = 64 * MIB  # for the guest
MOST = 16 << 30
FILE_MOST = (4 << 30) - 1
FORBIDDEN = re.compile(r'[\x00-\x1f"*/:<>?\\|\x7f]|[. ]$')
NAMES_AT_ONCE = 200


class Refused(Exception):
    """The folder cannot be one of a FAT volume; the text says why."""


def tool(*words):
    """As image.tool, for names in UTF-8."""
    kept = image.TOOL_ENV["LC_ALL"]
    image.TOOL_ENV["LC_ALL"] = "C.UTF-8"
    try:
        image.tool(*words)
    finally:
        image.TOOL_ENV["LC_ALL"] = kept


def crc(path):
    value = 0
    with open(path, "rb") as f:
        while data := f.read(MIB):
            value = zlib.crc32(data, value)
    return value


def stamp(path):
    info = os.lstat(path)
    return info.st_size, info.st_mtime_ns


def tree(root):
    """(folders, files, what is neither), names below root, parents first."""
    folders, files, others = [], [], []
    for at, below, names in os.walk(root):
        rel = os.path.relpath(at, root)
        here = "" if rel == "." else rel + "/"
        below.sort()
        for name in sorted(below + names):
            path = os.path.join(at, name)
            if os.path.islink(path) or not (os.path.isdir(path)
                                            or os.path.isfile(path)):
                others.append(here + name)
            elif os.path.isdir(path):
                folders.append(here + name)
            else:
                files.append(here + name)
    return folders, files, others


def check(root, names):
    """Can FAT have them?"""
    seen = {}
    for name in names:
        last = os.path.basename(name)
        try:
            units = len(last.encode("utf-16-le")) // 2
        except UnicodeEncodeError:
            raise Refused(f"{name!r} is no UTF-8") from None
        if FORBIDDEN.search(last) or units > 255:
            raise Refused(f"{name}: FAT has no such name")
        same = unicodedata.normalize("NFC", name).casefold()
        if same in seen:
            raise Refused(f"{name} and {seen[same]} are one name to FAT")
        seen[same] = name
        path = os.path.join(root, name)
        if not os.path.isdir(path) and os.path.getsize(path) > FILE_MOST:
            raise Refused(f"{name} is larger than a file of FAT can be")


class Folder:
    """root on the volume in a partition of that name, on a disk's image."""

    def __init__(self, root, volume, partition, read_only):
        if not os.path.isdir(root):
            raise Refused("there is no such folder")
        if not read_only and not os.access(root, os.W_OK):
            raise Refused("it cannot be written; with :ro it need not")
        self.root, self.volume, self.read_only = root, volume, read_only
        self.at = f"{volume}@@{START}"
        self.dirs, files, self.skipped = tree(root)
        check(root, self.dirs + files)
        self.files = {name: (stamp(self.path(name)), crc(self.path(name)))
                      for name in files}
        self.make(partition)

    def path(self, name):
        return os.path.join(self.root, name)

    def make(self, partition):
        need = sum(s[0][0] + 4096 for s in self.files.values()) \
            + 8192 * len(self.dirs)
        size = max(LEAST, (need * 9 // 8 + ROOM + MIB - 1) // MIB * MIB)
        if size > MOST:
            raise Refused(f"it is larger than {MOST >> 30} GiB")
        with open(self.volume, "wb") as f:
            f.truncate(START + size + MIB)
        first = START // 512
        tool("sgdisk", "-o", "-n", f"1:{first}:{first + size // 512 - 1}",
             "-t", "1:0700", "-c", f"1:{partition}", self.volume)
        tool("mkfs.vfat", "-F", "32", "-s", "8", "-n", "FOLDER", "--offset",
             str(first), self.volume, str(size // 1024))
        for name in self.dirs:
            tool("mmd", "-i", self.at, "::" + name)
        for where in ["", *self.dirs]:
            here = [self.path(f) for f in self.files
                    if os.path.dirname(f) == where]
            for i in range(0, len(here), NAMES_AT_ONCE):
                tool("mcopy", "-m", "-i", self.at, *here[i:i + NAMES_AT_ONCE],
                     "::" + where + "/")

    # ---- back ----

    def finish(self):
        """Lines about what was done."""
        about = f"FOLDER: {self.root}"
        told = [f"{name} is no file, and was left out"
                for name in self.skipped]
        if self.read_only:
            os.unlink(self.volume)
            return [f"{about}: {line}" for line in told]
        counts = dict.fromkeys(("new", "changed", "removed", "kept apart"), 0)
        try:
            with tempfile.TemporaryDirectory() as work:
                tool("mcopy", "-s", "-m", "-n", "-i", self.at, "::/", work)
                dirs, files, _ = tree(work)
                self.remove(dirs, files, counts)
                for name in dirs:
                    if self.inside(name):
                        os.makedirs(self.path(name), exist_ok=True)
                for name in files:
                    self.take(os.path.join(work, name), name, told, counts)
        except (OSError, RuntimeError) as error:
            return told + [f"{about}: not all was copied back: {error}; the "
                           f"volume stays in {self.volume}"]
        os.unlink(self.volume)
        changes = ", ".join(f"{n} {word}" for word, n in counts.items() if n)
        return [f"{about}: {line}" for line in
                told + [changes or "nothing has changed"]]

    def inside(self, name):
        """Does no link lead out of the folder on the way there?"""
        above = os.path.dirname(name)
        return not os.path.islink(self.path(name)) and (
            not above or self.inside(above))

    def untouched(self, name):
        """Is the file here as it was when the volume was made?"""
        known = self.files.get(name)
        if not os.path.lexists(self.path(name)):
            return not known
        return bool(known) and stamp(self.path(name)) == known[0]

    def remove(self, dirs, files, counts):
        """What the guest has removed."""
        for name in set(self.files) - set(files):
            if os.path.lexists(self.path(name)) and self.untouched(name) \
                    and self.inside(name):
                os.unlink(self.path(name))
                counts["removed"] += 1
        for name in sorted(set(self.dirs) - set(dirs), reverse=True):
            if self.inside(name) and os.path.isdir(self.path(name)) and \
                    not os.listdir(self.path(name)):
                os.rmdir(self.path(name))

    def put(self, source, name):
        """In one step, with the rights that the old one had."""
        path, part = self.path(name), self.path(name) + ".parley-new"
        shutil.copyfile(source, part)
        shutil.copymode(path if os.path.exists(path) else source, part)
        os.replace(part, path)

    def take(self, source, name, told, counts):
        """A file of the guest's, unless it is the one that was given to it."""
        known = self.files.get(name)
        if known and crc(source) == known[1]:
            return
        if not self.inside(os.path.dirname(name)):
            told.append(f"{name} is behind a link, and was left out")
        elif self.untouched(name):
            self.put(source, name)
            counts["changed" if known else "new"] += 1
        else:
            self.put(source, name + ".guest")
            told.append(f"{name} was changed here, too: the guest's is "
                        f"{name}.guest")
            counts["kept apart"] += 1
