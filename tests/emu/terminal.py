# SPDX-License-Identifier: BSD-2-Clause
"""`make run` on a terminal of its own, for the tests of what users meet."""
import os
import pty
import re
import select
import signal
import sys
import time

OUTPUT = os.path.abspath(os.environ.get("B") or "build")
HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 90


def words(work, settings):
    """Command and environment of a run whose output goes to a folder of its
    own: the tests beside it use build/run."""
    known = ("EMU", "MODEL", "ACCEL", "SMP", "MEM", "GUEST", "PROFILE", "VCPUS",
             "GUEST_MEM", "CMDLINE", "CFG", "TIMEOUT", "QEMU_ARGS", "GDB",
             "BLOCK", "NET", "FOLDER", "PCAP")
    env = {k: v for k, v in os.environ.items() if k not in known}
    env.update(settings, B=OUTPUT, RUN_DIR=work)
    return [sys.executable, "-B", os.path.join(HERE, "run.py")], env


class Terminal:
    """A run on a terminal of its own."""

    def __init__(self, work, **settings):
        argv, env = words(work, settings)
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.execve(argv[0], argv, env)
        self.text, self.end = "", time.monotonic() + LIMIT

    def wait(self, pattern):
        """Until the text matches; False: it ended, or took too long."""
        while not re.search(pattern, self.text):
            left = self.end - time.monotonic()
            if left < 0 or not select.select([self.fd], [], [], left)[0]:
                return False
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return False
            self.text += data.decode(errors="replace")
        return True

    def type(self, data):
        os.write(self.fd, data)

    def status(self):
        self.wait(r"\A\Z(?!)")  # to the end of the text
        if time.monotonic() > self.end:
            os.kill(self.pid, signal.SIGKILL)
        pid, self.pid = self.pid, 0
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def close(self):
        """Ends the run if it goes on."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            self.status()
