# SPDX-License-Identifier: BSD-2-Clause
"""What every measurement needs: a directory, certificates, the backend, and load.

The scripts are run in the build directory. SALLYPORT, MAKE_PKI, BENCH_LOAD and BENCH_BACKEND name the
programs (src/sallyport, tests/make-pki, tests/bench/load, tests/bench/backend).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from processes import Failed, Process, free_port, stop_all, wait_for

PROXY_CORE = 0
LOAD_CORE = 1
LOAD_PATIENCE_S = 300


def program(variable, default):
    path = os.path.realpath(os.environ.get(variable, default))
    if not os.access(path, os.X_OK):
        raise Failed(f"there is no {path}: make {default}")
    return path


def load_core():
    """The one that the proxy does not have; on a machine with one they share it."""
    return LOAD_CORE if LOAD_CORE in os.sched_getaffinity(0) else PROXY_CORE


def on_signal(number, _frame):
    sys.exit(128 + number)


class Stage:
    """Used by `with`: everything is ended and removed behind it."""

    def __enter__(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, on_signal)
        self.dir = Path(tempfile.mkdtemp(prefix="sallyport-bench."))
        try:
            self.prepare()
        except BaseException:
            self.clean()
            raise
        return self

    def __exit__(self, *_):
        self.clean()

    def prepare(self):
        self.dir.chmod(0o711)
        self.load_program = program("BENCH_LOAD", "tests/bench/load")
        self.pki = self.dir / "pki"
        self.pki.mkdir()
        subprocess.run([program("MAKE_PKI", "tests/make-pki"), self.pki], check=True)
        self.start_backend()

    def clean(self):
        stop_all()
        if os.environ.get("BENCH_KEEP"):
            print(f"left behind: {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def forget(self):
        """End what a measurement has left behind; the backend stays."""
        for process in [p for p in Process.all if p is not self.backend]:
            process.stop(patience_s=2)
        self.backend.check()

    def start_backend(self):
        log = self.dir / "backend.log"
        self.backend_port = free_port()
        self.backend = Process("backend", [program("BENCH_BACKEND", "tests/bench/backend"),
                                           self.backend_port], log, core=load_core())
        wait_for("the backend", lambda: self.backend.check()
                 and "listening on port" in self.backend.log_text())

    def pem(self, kind="ec"):
        return self.pki / f"{kind}.pem"

    def load(self, work, port, *options):
        """Run load to its end; its report."""
        command = [self.load_program, work, "--port", port, *options]
        process = Process("load", command, self.dir / "load.log", core=load_core(),
                          stdout=subprocess.PIPE)
        try:
            text, _ = process.popen.communicate(timeout=LOAD_PATIENCE_S)
        finally:
            process.stop()
        return report_of(process, text)


def report_of(process, text):
    """The JSON in the last line that load has printed."""
    lines = text.strip().splitlines()
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError):
        raise Failed(f"{process.name} said nothing that can be read: "
                     + process.log_text()[-400:]) from None


def without_errors(report):
    if report["errors"] != 0:
        raise Failed(f"{report['errors']} errors, the first one: {report['first_error']}")
    return report


def run_script(main):
    """main(), with mistakes in one line."""
    try:
        sys.exit(main())
    except Failed as failure:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
