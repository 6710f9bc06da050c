# SPDX-License-Identifier: BSD-2-Clause
"""Processes: started and ended for certain, and what they have used."""

import os
import signal
import socket
import subprocess
import time

PATIENCE_S = 20


class Failed(Exception):
    """Something is not as it has to be; the text says what."""


def wait_for(what, condition, patience_s=PATIENCE_S, nap_s=0.01):
    """Until condition() is true; returns its value."""
    deadline = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"waited {patience_s} s in vain for: {what}")
        time.sleep(nap_s)


def free_port():
    """Below those that the kernel gives to clients."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        lowest = int(file.read().split()[0])
    while True:
        port = 1024 + int.from_bytes(os.urandom(2), "big") % max(lowest - 1024, 1)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def is_listening(port):
    with open("/proc/net/tcp", encoding="ascii") as file:
        return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
                   for line in list(file)[1:])


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass
    return found


def family(pid):
    """The process and all its descendants."""
    found = [pid]
    for child in children(pid):
        found += family(child)
    return found


def cpu_ns(pids):
    """Processor time that these have used, threads that have ended included."""
    return sum(time.clock_gettime_ns((~pid << 3) | 2) for pid in pids)


def pss_kib(pids, fields=("Pss",)):
    """Memory of these; a page that n processes share counts as an n-th in each."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                if line.partition(":")[0] in fields:
                    total += int(line.split()[1])
    return total


def own_kib(pids):
    """The same without pages of files: how many share those depends on who else is running."""
    return pss_kib(pids, ("Pss_Anon", "Pss_Shmem"))


def descriptors(pids):
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


class Process:
    """One that was started, on one core, with its output in a file."""

    all = []

    def __init__(self, name, command, log, core=None, stdin=subprocess.DEVNULL,
                 stdout=None, env=None, humble=False):
        """humble: it runs when nobody else on its core wants to."""
        def pin():
            if core is not None:
                os.sched_setaffinity(0, {core})
            if humble:
                os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        self.name = name
        self.log = log
        with open(log, "ab") as file:
            self.popen = subprocess.Popen(
                [str(word) for word in command], stdin=stdin, stdout=stdout or file,
                stderr=file, preexec_fn=pin, env=env, text=True,
                start_new_session=True)  # what is typed reaches us alone
        self.pid = self.popen.pid
        Process.all.append(self)

    def family(self):
        return family(self.pid)

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def check(self):
        if self.popen.poll() is not None:
            raise Failed(f"{self.name} ended with status {self.popen.returncode}: "
                         + self.log_text()[-400:].strip())
        return True

    def stop(self, patience_s=10):
        """By SIGTERM, and what is left of the family by SIGKILL."""
        members = self.family()
        if self.popen.poll() is None:
            self.popen.terminate()
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and not (self.popen.poll() is not None and
                                                   all(map(is_gone, members))):
            time.sleep(0.01)
        for pid in members:
            if not is_gone(pid):
                os.kill(pid, signal.SIGKILL)
        self.popen.wait()
        for stream in (self.popen.stdin, self.popen.stdout):
            if stream is not None:
                stream.close()
        if self in Process.all:
            Process.all.remove(self)


def stop_all():
    while Process.all:
        Process.all[-1].stop(patience_s=2)
