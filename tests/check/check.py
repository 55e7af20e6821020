#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`make check`: formatting, layers, headers, static analysis, small rules.

Prints one line `PASS name`, `FAIL name: why` or `NOTE name: not checked: why`
a check, with the findings above it; check.py NAME... runs only these.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys

import abi
import layers
import size
from files import ROOT, code_lines, read, sources

OUTPUT = os.path.abspath(os.environ.get("B") or "build")
MAKE = (os.environ.get("MAKE") or "make").split()[0]
SPDX = "SPDX-License-Identifier: BSD-2-Clause"
FILE_LIMIT = 500
RULES = {"an ownerless note": re.compile(r"\b(TODO|FIXME|XXX)\b")}


class NotChecked(Exception):
    """The check cannot be made on this machine; the text says why."""


def run(*words, text=None):
    # a make that this one starts has no job server to ask
    env = {k: v for k, v in os.environ.items()
           if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(words, cwd=ROOT, text=True, check=False, input=text,
                          env=env,
                          stdout=subprocess.PIPE, errors="replace",
                          stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.strip()


def parallel(work, items):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [x for found in pool.map(work, items) for x in found]


def make_flags(name):
    code, out = run(MAKE, "-s", "--no-print-directory", f"B={OUTPUT}",
                    f"print-{name}")
    if code:
        raise RuntimeError(out)
    return out.split()


def check_format():
    """clang-format 14 has nothing to change."""
    tool = shutil.which("clang-format-14") or shutil.which("clang-format")
    version = re.search(r"version (\d+)",
                        run(tool, "--version")[1] if tool else "")
    if not version or version.group(1) != "14":
        raise NotChecked("clang-format 14 is not here, and no other version "
                         "formats alike")

    def one(path):
        out = run(tool, "--dry-run", path)[1]
        lines = re.findall(r"^[^\s:]+:(\d+):", out, re.M)
        return [f"{path}:{lines[0]}: {len(lines)} places to reformat"] \
            if lines else []
    return parallel(one, sources(".c", ".h"))


def check_layers():
    """Includes and calls point one way."""
    return layers.includes() + layers.calls(OUTPUT)


def header_flags():
    kit = make_flags("KIT_FLAGS")
    flags = {"hv": make_flags("HV_FLAGS"),
             "hv/boot": make_flags("HV_FLAGS") + make_flags("BOOT_FLAGS"),
             "pvabi": kit, "guestkit": kit,
             "guestkit/libc": make_flags("LIBC_FLAGS"),
             "drivers": make_flags("DRV_FLAGS"),
             "drivers/host": make_flags("HOST_FLAGS"),
             "tests": make_flags("HOST_FLAGS") + ["-Itests/guests"],
             "tests/fuzz": make_flags("UNIT_FLAGS"),
             "tests/prove": make_flags("UNIT_FLAGS"),
             "tests/unit": make_flags("UNIT_FLAGS")}

    def of(path):
        key = max((k for k in flags if path.startswith(k + "/")), key=len)
        return flags[key]
    return of


def abi_headers():
    generated = os.path.join(OUTPUT, "gen/pvabi")
    names = os.listdir(generated) if os.path.isdir(generated) else []
    return sources(".h", rooms=("pvabi",)) + [
        os.path.join(generated, n) for n in sorted(names)
        if n.endswith(".h") and n != "hcalls.h" and n != "decoders.h"]  # of hv


def check_headers():
    """Each header compiles alone."""
    of = header_flags()

    def one(path):
        code, out = run("gcc", *of(path), "-x", "c", "-fsyntax-only", "-",
                        text=f'#include "{path}"\n#include "{path}"\n'
                        "typedef int parley_not_empty;\n")
        return [f"{path} does not stand alone:\n{out[:800]}"] if code else []
    return parallel(one, sources(".h"))


def check_abi_headers():
    """The ABI's headers compile alone as C99 and as C++17, and the manual's
    examples as C99; by GCC and Clang, where there is one."""
    ways = (("gcc", "c", "-std=c99"), ("g++", "c++", "-std=c++17"),
            ("clang", "c", "-std=c99"), ("clang++", "c++", "-std=c++17"))
    include = ["-Ipvabi/include", f"-I{OUTPUT}/gen"]
    examples = ("pvabi/examples_guest.c", "pvabi/examples_host.c")

    def one(path):
        found = []
        for tool, language, std in ways:
            if not shutil.which(tool) or (path in examples and
                                          language != "c"):
                continue
            code, out = run(tool, "-x", language, std, "-Wall", "-Wextra",
                            "-Werror", "-pedantic-errors", *include,
                            "-c", "-o", "/dev/null", "-",
                            text=f'#include "{os.path.abspath(path)}"\n'
                            "typedef int parley_not_empty;\n")
            if code:
                found.append(f"{path} as {std[5:]}:\n{out[:800]}")
        return found
    return parallel(one, [*abi_headers(), *examples])


# What cppcheck takes for an error there and is none: (class, file, reason).
NO_ERROR = (
    ("comparePointers", "drivers/host/guard.c", "the linker's symbols"),
    ("comparePointers", "guestkit/start.c", "the linker's symbols"),
    ("incorrectStringBooleanError", "hv/core/gmem.c", "an assertion's text"),
    ("uninitvar", "hv/lib/cpu.h", "inline assembly fills it"),
    ("arrayIndexOutOfBoundsCond", "guestkit/trap.c", "the subtraction wraps"),
    ("uninitvar", "guestkit/time.c", "inline assembly fills them"),
    ("ctuuninitvar", "tests/guests/traps/sys.c", "inline assembly fills it"))


def cppcheck_words():
    """The analyser with all its options but the files."""
    cache = os.path.join(OUTPUT, "cppcheck")
    os.makedirs(cache, exist_ok=True)
    version = re.findall(r"\d+", run("cppcheck", "--version")[1])
    # later ones look at few branches if not told otherwise
    more = ["--check-level=exhaustive"] if int(version[0]) > 2 or \
        int(version[1]) > 10 else []
    return ["cppcheck", "--quiet", "--std=c11", "--platform=unix64",
            f"--cppcheck-build-dir={cache}", "-j", str(os.cpu_count()),
            "--enable=warning,portability", "--error-exitcode=1", *more,
            "--suppress=missingIncludeSystem",
            *(f"--suppress={kind}:{path}" for kind, path, _ in NO_ERROR),
            "--template={file}:{line}: {id}: {message}", "-D__x86_64__",
            # cppcheck 2.17 takes no `asm goto (...)`
            "-D__GNUC__=12", "-D__asm__(...)=", "-Dgoto(...)=", "-Ihv",
            "-Ipvabi/include", f"-I{OUTPUT}/gen", "-Iguestkit/include",
            "-Idrivers", "-I."]


def check_static():
    """cppcheck finds nothing in the sources."""
    if not shutil.which("cppcheck"):
        return ["cppcheck is not installed"]
    code, out = run(*cppcheck_words(), "hv", "guestkit", "drivers",
                    "tests/guests", "tests/bench")
    return out.splitlines() if code else []


def check_files():
    """One SPDX line, 500 lines at most, no ownerless notes."""
    bad = []
    for path in sources(".c", ".h", ".S", ".py", ".sh", ".lds", ".mk"):
        text = read(path)
        if SPDX not in text[:200]:
            bad.append(f"{path}: no SPDX line at its head")
        lines = text.count("\n")
        if lines > FILE_LIMIT:
            bad.append(f"{path}: {lines} lines, more than {FILE_LIMIT}")
        if path.endswith("check.py"):
            continue
        bad += [f"{path}: {what}" for what, rule in RULES.items()
                if rule.search(text)]
    return bad


def check_docs():
    """docs/pvabi.md is what the table generates."""
    made = os.path.join(OUTPUT, "gen/pvabi.md")
    kept = os.path.join(ROOT, "docs/pvabi.md")
    code, out = run(sys.executable, "-B", "pvabi/manual.py", made)
    if code:
        return [out]
    with open(made, encoding="utf-8") as f:
        want = f.read()
    if not os.path.exists(kept) or read("docs/pvabi.md") != want:
        return ["docs/pvabi.md is not current: make docs"]
    return []


def check_abi():
    """The ABI changes together with its version."""
    return abi.findings()


CHECKS = {"format": check_format, "layers": check_layers,
          "headers": check_headers, "abi-headers": check_abi_headers,
          "static-analysis": check_static, "files": check_files,
          "docs": check_docs, "abi": check_abi, "size": size.over}


def main(names):
    failed = 0
    for name in names or CHECKS:
        try:
            bad = CHECKS[name]()
        except NotChecked as why:
            print(f"NOTE check-{name}: not checked: {why}", flush=True)
            continue
        except RuntimeError as error:
            bad = [str(error)]
        for line in bad:
            print("    " + line.replace("\n", "\n    "))
        if bad:
            failed += 1
            print(f"FAIL check-{name}: {len(bad)} findings")
        else:
            print(f"PASS check-{name}")
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    assert code_lines("int x; /* y\n z */ a;\n\n// b\n\"/*\";\n") == 3
    sys.exit(main(sys.argv[1:]))
