#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The build: reproducible, minimal, installable, well-behaved."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from files import ROOT, read

OUTPUT = os.path.abspath(os.environ.get("B") or "build")
MAKE = (os.environ.get("MAKE") or "make").split()[0]
PARTS = ("Makefile", "hv", "pvabi", "guestkit", "drivers", "tests", "docs")
failures = []

def expect(name, good, why=""):
    print(f"PASS {name}" if good else f"FAIL {name}: {why}")
    if not good:
        failures.append(name)


def run(*words, cwd=ROOT, **env):
    base = {k: v for k, v in os.environ.items()
            if k not in ("MAKEFLAGS", "MFLAGS", "B", "GUEST", "CFG")}
    done = subprocess.run(words, cwd=cwd, env={**base, **env}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, check=False)
    return done.returncode, done.stdout


def copy_tree(folder):
    for part in PARTS:
        source, target = os.path.join(ROOT, part), os.path.join(folder, part)
        if os.path.isdir(source):
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(
                "__pycache__", "build"))
        else:
            shutil.copy(source, target)


def products(folder):
    names = ["parley.efi", "host.elf"]
    guests = os.path.join(folder, "guests")
    names += ["guests/" + g for g in sorted(os.listdir(guests))]
    return names


def same(a, b):
    with open(a, "rb") as x, open(b, "rb") as y:
        return x.read() == y.read()


def commit():
    with open(os.path.join(OUTPUT, "gen/version.h"), encoding="utf-8") as f:
        return re.search(r'COMMIT "(.*)"', f.read()).group(1)


def reproducible(work):
    tree = os.path.join(work, "another-folder", "parley")
    os.makedirs(tree)
    copy_tree(tree)
    make = (MAKE, f"-j{os.cpu_count()}", f"COMMIT={commit()}", "all")
    code, out = run(*make, cwd=tree)
    expect("build-copy", code == 0, out[-500:])
    if code:
        return
    other = os.path.join(tree, "build")
    differ = [n for n in products(other) if not os.path.exists(
        os.path.join(OUTPUT, n)) or not same(os.path.join(OUTPUT, n),
                                            os.path.join(other, n))]
    expect("build-reproducible", not differ, " ".join(differ))
    code, out = run(*make, cwd=tree)
    work_done = re.findall(r"^  [A-Z]+\t.*$", out, re.M)
    expect("build-nothing-twice", code == 0 and not work_done,
           " ".join(work_done)[:300])
    os.utime(os.path.join(tree, "hv/lib/types.h"))
    code, out = run(*make, cwd=tree)
    expect("build-follows-headers", "parley.efi" in out, out[-300:])
    with open(os.path.join(tree, "pvabi/gen.py"), "r+", encoding="utf-8") as f:
        text = f.read().replace("Generated from", "Made from")
        f.seek(0)
        f.write(text)
        f.truncate()
    code, out = run(*make, cwd=tree)
    expect("build-follows-generated-headers", "parley.efi" in out
           and "libparleykit.a" in out, out[-300:])


INSTALLED = """
include/kit/{block,call,console,device,entropy,folder,irq,kit,measure,mm,net,ops,smp,time,vconsole,wait}.h
include/parley-drivers/{ahci,ahci_port,ata,block,e1000,env,framebuffer,gpt,ide,net,nvme,nvme_admin,pci,pci_msix,ps2,uart,virtio_blk,virtio_console,virtio_net,virtio_pci,virtq}.h
include/parley-libc/{assert,ctype,errno,inttypes,limits,math,setjmp,stdio,stdlib,string,time}.h
include/pvabi/{abi,calls,names,stubs}.h
lib/libparley{c,drv,kit}.a
lib/pkgconfig/{parley,parley-abi,parley-kit}.pc
share/parley/{kit.lds,porting.md,pvabi.md}
"""


def listed(text):
    """The names that the lines stand for, braces expanded."""
    for line in text.split():
        m = re.match(r"(.*)\{(.*)\}(.*)$", line)
        yield from ([m[1] + part + m[3] for part in m[2].split(",")]
                    if m else [line])


def installs(work):
    target = os.path.join(work, "dest", "usr")
    code, out = run(MAKE, f"B={OUTPUT}", "install", "PREFIX=/usr",
                    f"DESTDIR={os.path.dirname(target)}", f"COMMIT={commit()}")
    there = {os.path.relpath(os.path.join(folder, n), target)
             for folder, _, names in os.walk(target) for n in names}
    wrong = there ^ set(listed(INSTALLED))
    expect("install", code == 0 and not wrong,
           " ".join(sorted(wrong)) or out[-300:])
    version = ".".join(re.search(rf"PV_ABI_{part} (\d+)u", read(
        "pvabi/include/pvabi/abi.h"))[1] for part in ("MAJOR", "MINOR"))
    env = {"PKG_CONFIG_LIBDIR": os.path.join(target, "lib/pkgconfig")}
    if not shutil.which("pkg-config"):
        print("NOTE install-builds: pkg-config is not here")
        return
    for name in ("parley", "parley-abi", "parley-kit"):
        code, out = run("pkg-config", "--modversion", name, **env)
        expect(f"install-version-{name}", out.strip() == version, out)
    builds_there(work, env)


def builds_there(work, env):
    """Guests outside the tree, of what is installed and nothing else."""
    code, out = run(MAKE, "bare.elf", cwd=copied(
        work, "tests/guests/bare"), **env)
    expect("install-builds-on-abi", code == 0, out[-500:])
    for name, package, source in (
            ("kit", "parley", "guestkit/examples/hello"),
            ("kit-without-libc", "parley-kit", "tests/guests/outside")):
        folder = copied(work, source)
        code, out = run("sh", "-c", "gcc -O2 $(pkg-config --cflags $1) *.c "
                        "$(pkg-config --libs $1) -Wl,-T,$(pkg-config "
                        "--variable=lds $1) -o guest.elf && readelf -h "
                        "guest.elf", "sh", package, cwd=folder, **env)
        expect(f"install-builds-on-{name}", code == 0 and "EXEC" in out
               and "warning" not in out, out[-500:])


def copied(work, source):
    """A copy of that folder, where no path leads back to the tree."""
    folder = os.path.join(work, "outside", os.path.basename(source))
    shutil.copytree(os.path.join(ROOT, source), folder)
    return folder


def quiet_dependencies():
    code, out = run("sh", "tests/check/deps.sh", "run")
    expect("deps-nothing-to-do", code == 0 and not out, out[-300:])
    code, out = run("sh", "tests/check/deps.sh", "run", NO_INSTALL="1")
    expect("deps-named", code == 0 and "qemu-system-x86" in out
           and "apt-get" not in out, out[-300:])
    code, out = run("sh", "tests/check/deps.sh", "run", NO_INSTALL="1",
                    QEMU="no-such-program")
    if shutil.which("apt-get"):
        expect("deps-what-to-type", code == 1 and out.endswith(
            "\nas root: apt-get install --no-install-recommends "
            "qemu-system-x86\n"), out[-300:])


with tempfile.TemporaryDirectory(prefix="parley-build-") as scratch:
    reproducible(scratch)
    installs(scratch)
    quiet_dependencies()
sys.exit(1 if failures else 0)
