# SPDX-License-Identifier: BSD-2-Clause
"""What the tools take from Debian: mirrors, a private apt-get, the cache."""
import contextlib
import os
import re
import subprocess

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Missing(Exception):
    """Something could not be had; the text says why."""


def cache_folder(name, output):
    """The path of that name in the user's cache folder, else below output."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    for folder in (os.path.join(base, "parley"), os.path.join(output)):
        with contextlib.suppress(OSError):
            os.makedirs(folder, exist_ok=True)
            if os.access(folder, os.W_OK):
                return os.path.join(folder, name)
    raise Missing(f"no folder to keep {name} in: set XDG_CACHE_HOME")


def mirrors():
    """Where Debian is: DEBIAN_MIRROR=, then as the system's apt has it."""
    found = [os.environ["DEBIAN_MIRROR"]] if os.environ.get("DEBIAN_MIRROR") \
        else []
    out = subprocess.run(["apt-get", "indextargets", "--format",
                          "$(REPO_URI) $(CREATED_BY)"], text=True, check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    for line in out.stdout.splitlines():
        uri = line.split()[0].rstrip("/")
        if line.endswith(" Packages") and re.search(r"/debian$", uri):
            found.append(uri)
    return list(dict.fromkeys(found))


class Apt:
    """apt-get in folders of its own: it touches nothing of the system.

    kind is `deb` or `deb-src`; what is fetched comes to the folder `got`.
    """

    def __init__(self, folder, mirror, release, kind="deb"):
        for sub in ("lists/partial", "cache/archives/partial", "got"):
            os.makedirs(os.path.join(folder, sub), exist_ok=True)
        with open(os.path.join(folder, "status"), "w", encoding="ascii"):
            pass
        self.got = os.path.join(folder, "got")
        options = "arch=amd64"
        if os.path.exists(KEYRING):
            options += f" signed-by={KEYRING}"
        with open(os.path.join(folder, "sources.list"), "w",
                  encoding="utf-8") as f:
            f.write(f"{kind} [{options}] {mirror} {release} main\n")
        self.options = [x for o in (
            f"Dir::Etc::SourceList={folder}/sources.list",
            "Dir::Etc::SourceParts=/dev/null",
            f"Dir::State::Lists={folder}/lists",
            f"Dir::Cache={folder}/cache",
            f"Dir::State::status={folder}/status",
            "APT::Architecture=amd64", "Acquire::Languages=none",
            "APT::Update::Error-Mode=any",
            "Acquire::Check-Valid-Until=false", "Acquire::Retries=2",
            "APT::Sandbox::User=root") for x in ("-o", o)]

    def __call__(self, *words):
        done = subprocess.run(["apt-get", "-q", *self.options, *words],
                              cwd=self.got, text=True, check=False,
                              stdin=subprocess.DEVNULL, errors="replace",
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode:
            said = done.stdout.strip().splitlines() or ["apt-get failed"]
            raise Missing(next((line for line in said
                                if "Failed to fetch" in line), said[-1]))
