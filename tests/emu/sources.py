#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Unpack a Debian source package: sources.py PACKAGE [FOLDER].

It is that of the release that runs here, from the mirror that the system's apt
uses (or DEBIAN_MIRROR=), signed as apt wants it; it is fetched once into the
user's cache folder and unpacked, patched, into FOLDER/PACKAGE-VERSION, where
the symbolic link FOLDER/PACKAGE leads. Nothing is installed.
"""
import fcntl
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

from debian import Apt, Missing, cache_folder, mirrors

OTHERWISE = "trixie"  # where the system is not Debian


def release():
    """The codename of the Debian that runs here."""
    try:
        with open("/etc/os-release", encoding="utf-8") as f:
            text = f.read()
    except OSError:
        return OTHERWISE
    if not re.search(r"^ID=\"?debian\"?$", text, re.M):
        return OTHERWISE
    found = re.search(r"^VERSION_CODENAME=\"?([\w-]+)", text, re.M)
    return found.group(1) if found else "sid"


def dsc_in(folder):
    """The package's description in a folder of its files, or None."""
    found = glob.glob(os.path.join(folder, "*.dsc"))
    return found[0] if len(found) == 1 else None


def fetch(package, target):
    """Its files, from the first mirror that has them, into a new folder."""
    why = "the system's apt names no Debian mirror: set DEBIAN_MIRROR="
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target)) as work:
        for number, mirror in enumerate(mirrors()):
            try:
                apt = Apt(os.path.join(work, str(number)), mirror, release(),
                          "deb-src")
                apt("update")
                apt("source", "--download-only", package)
            except Missing as error:
                why = str(error)
                continue
            shutil.rmtree(target, True)
            os.rename(apt.got, target)
            return
    raise Missing(f"cannot fetch the source package {package} ({why})")


def files_of(package, output):
    """The folder of its files, fetched if need be."""
    target = cache_folder(f"src-{release()}-{package}", output)
    with open(target + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not dsc_in(target):
            print(f"sources: fetching {package} of Debian {release()}",
                  flush=True)
            fetch(package, target)
    return target


def unpack(dsc, target):
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target)) as work:
        root = os.path.join(work, "root")
        done = subprocess.run(
            ["dpkg-source", "--no-check", "--no-copy", "-x", dsc, root],
            text=True, check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            raise Missing(f"{dsc} cannot be unpacked: {done.stdout.strip()}")
        shutil.rmtree(target, True)
        os.rename(root, target)


def locate(package, folder):
    """The unpacked package, PACKAGE-VERSION; raises Missing."""
    for program in ("apt-get", "dpkg-source"):
        if not shutil.which(program):
            raise Missing(f"{package} is built from Debian's source package, "
                          f"which needs {program}")
    os.makedirs(folder, exist_ok=True)
    dsc = dsc_in(files_of(package, folder))
    target = os.path.join(folder, "-".join(
        os.path.basename(dsc)[:-len(".dsc")].split("_")))
    if not os.path.exists(target):
        unpack(dsc, os.path.abspath(target))
    link = os.path.join(folder, package)
    if not os.path.islink(link) or os.readlink(link) != \
            os.path.basename(target):
        os.symlink(os.path.basename(target), link + ".new")
        os.replace(link + ".new", link)
    return target


if __name__ == "__main__":
    try:
        print(locate(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else
                     os.path.join(os.environ.get("B") or "build", "src")))
    except Missing as error:
        sys.exit(f"sources: {error}")
