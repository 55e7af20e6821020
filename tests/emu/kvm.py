# SPDX-License-Identifier: BSD-2-Clause
"""Whether KVM of this machine can run Parley."""
import contextlib
import os
import re


def kvm_nests():
    """(True, how) when KVM gives its guests VMX or SVM; else (False, why)."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo",
                                            encoding="ascii") as f:
        flags = set(re.findall(r"\b(vmx|svm)\b", f.read()))
        if not flags:
            return False, "this machine's CPU shows neither vmx nor svm"
        if not os.access("/dev/kvm", os.R_OK | os.W_OK):
            return False, "/dev/kvm cannot be opened"
        kind = "intel" if "vmx" in flags else "amd"
        path = f"/sys/module/kvm_{kind}/parameters/nested"
        with open(path, encoding="ascii") as nested:
            if nested.read().strip() in ("Y", "1"):
                return True, f"KVM with nested {flags.pop().upper()}"
        return False, f"kvm_{kind} has nesting off"
    return False, "no KVM with nesting here"
