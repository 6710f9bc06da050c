# SPDX-License-Identifier: BSD-2-Clause
"""What is measured. A new workload is a row in WORKLOADS: a function that measures one contender
once and returns its figures by their keys, and what the figures mean.

All figures are such that less is better, but for those that say otherwise.
"""

import subprocess
import time
from dataclasses import dataclass, field

from contenders import Running
from processes import Failed, Process, cpu_ns, descriptors, own_kib, pss_kib, wait_for
from stage import load_core, report_of, without_errors

GIB = 1 << 30
WARMUP_S = 0.5
HANDSHAKERS = 8    # clients at the same time
STREAMS = 4
IDLE = 2000        # connections whose memory is measured
CROWD = 8000       # idle ones beside which handshakes are measured
ALL = 5000         # that are opened and closed again
SILENT = 500       # clients that do not read
CALM_S = 2         # memory that has not changed for so long does not change any more
CALM_SHARE = 0.002
CALM_PATIENCE_S = 60


@dataclass
class Figure:
    """One number of a workload. kind: `ratio`, the goal is one to the best peer in the same round;
    `limit`, it is one for the number itself; `told`, there is none; `beside`, not even worth a line
    in the table of all workloads."""

    key: str
    title: str
    unit: str
    goal: float = None
    kind: str = "ratio"
    digits: int = 0


@dataclass
class Workload:
    """settings: what `measure` does with them is its own affair."""

    name: str
    measure: callable
    figures: list
    settings: dict = field(default_factory=dict)


# ---- load that is asked before each phase ----

class Load:
    """load, with --sync."""

    def __init__(self, stage, work, port, *options, humble=False):
        self.process = Process(f"load {work}", [stage.load_program, work, "--port", port, "--sync",
                                                *options],
                               stage.dir / "load.log", core=load_core(),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, humble=humble)

    def expect(self, word):
        line = self.process.popen.stdout.readline().strip()
        if line != word:
            raise Failed(f"load said '{line}' for '{word}': {self.process.log_text()[-300:]}")

    def go_on(self):
        self.process.popen.stdin.write("\n")
        self.process.popen.stdin.flush()

    def finish(self):
        """Let it close what is open; its report."""
        self.go_on()
        text = self.process.popen.stdout.read()
        report = report_of(self.process, text)
        self.process.stop()
        return report


@dataclass
class Measured:
    """A phase of load: processor time of the proxy, and load's report."""

    cpu_ns: int
    report: dict

    @property
    def units(self):
        return self.report["units"]

    def per_unit_us(self):
        return self.cpu_ns / 1e3 / max(self.units, 1)

    def per_gib_ms(self):
        return self.cpu_ns / 1e6 / max(self.report["bytes"] / GIB, 1e-9)

    def rate(self):
        return self.units / self.report["seconds"]

    def gib_per_s(self):
        return self.report["bytes"] / GIB / self.report["seconds"]

    def latency(self, which):
        return self.report["latency_us"][which]


def measure_load(stage, running, seconds, work, *options):
    """Both readings of the clocks are taken while load waits for us."""
    load = Load(stage, work, running.port, "--seconds", seconds, "--warmup", WARMUP_S, *options)
    load.expect("begin")
    pids = running.process.family()
    before = cpu_ns(pids)
    load.go_on()
    load.expect("end")
    spent = cpu_ns(pids) - before
    if running.process.family() != pids:
        raise Failed("its processes have changed meanwhile")
    report = without_errors(load.finish())
    if report["units"] + report["bytes"] == 0:
        raise Failed("nothing was done in that time")
    return Measured(spent, report)


# ---- processor time ----

def start(stage, contender, purpose="", pem="ec"):
    running = Running(contender, stage.dir, stage.backend_port, stage.pem(pem), purpose=purpose)
    # Some listen before they serve: the first client finds out.
    try:
        without_errors(stage.load("handshake", running.port, "--count", 20,
                                  *(["--rsa"] if pem == "rsa" else [])))
    except Failed:
        running.stop()
        raise
    return running


def measure_handshakes(stage, contender, seconds, load=(), pem="ec"):
    running = start(stage, contender, pem=pem)
    try:
        got = measure_load(stage, running, seconds, "handshake", "--clients", HANDSHAKERS, *load)
    finally:
        running.stop()
    return {"cpu": got.per_unit_us(), "rate": got.rate(),
            "p50": got.latency("p50"), "p99": got.latency("p99")}


def measure_bulk(stage, contender, seconds, work):
    running = start(stage, contender, "bulk")
    try:
        got = measure_load(stage, running, seconds, work, "--clients", STREAMS)
    finally:
        running.stop()
    return {"cpu": got.per_gib_ms(), "rate": got.gib_per_s()}


def measure_pingpong(stage, contender, seconds, clients):
    running = start(stage, contender)
    try:
        got = measure_load(stage, running, seconds, "pingpong", "--clients", clients)
    finally:
        running.stop()
    return {"cpu": got.per_unit_us(), "rate": got.rate(),
            **{key: got.latency(key) for key in ("p50", "p90", "p99", "max")}}


def measure_fairness(stage, contender, seconds, clients):
    """Ping-pong beside downloads at full speed. Who downloads steps back for who plays, since the wait of
    one for the other on the core of the load is not the proxy's fault."""
    running = start(stage, contender)
    try:
        downloads = Load(stage, "download", running.port, "--clients", STREAMS,
                         "--seconds", seconds + 2 * WARMUP_S, "--warmup", WARMUP_S, humble=True)
        downloads.expect("begin")
        downloads.go_on()
        got = measure_load(stage, running, seconds, "pingpong", "--clients", clients)
        downloads.expect("end")
        report = without_errors(downloads.finish())
    finally:
        running.stop()
    return {**{key: got.latency(key) for key in ("p50", "p90", "p99", "max")},
            "rate": got.rate(), "download": report["bytes"] / GIB / report["seconds"]}


# ---- memory ----

def calm_kib(pids, memory=own_kib, calm_s=CALM_S):
    """When it has come to rest."""
    readings = []

    def is_calm():
        readings.append((time.monotonic(), memory(pids)))
        lately = [kib for when, kib in readings if when >= readings[-1][0] - calm_s]
        return readings[-1][0] - readings[0][0] >= calm_s and \
            max(lately) - min(lately) <= CALM_SHARE * max(lately)
    wait_for("the memory to come to rest", is_calm, CALM_PATIENCE_S, nap_s=0.2)
    return readings[-1][1]


def hold(stage, running, work, clients, *options):
    load = Load(stage, work, running.port, "--clients", clients, *options)
    load.expect("begin")
    return load


def let_go(load, clients):
    report = without_errors(load.finish())
    if report["units"] != clients:
        raise Failed(f"only {report['units']} of {clients} connections were open")


def measure_idle(stage, contender, _seconds, size):
    running = start(stage, contender, "memory")
    try:
        pids = running.process.family()
        before = calm_kib(pids)
        load = hold(stage, running, "idle", IDLE, "--size", size)
        after = calm_kib(pids)
        let_go(load, IDLE)
    finally:
        running.stop()
    return {"memory": (after - before) / IDLE}


def measure_crowd(stage, contender, seconds):
    """A handshake beside idle connections, to one beside none."""
    running = start(stage, contender)
    try:
        alone = measure_load(stage, running, seconds, "handshake", "--clients", HANDSHAKERS)
        load = hold(stage, running, "idle", CROWD)
        calm_kib(running.process.family())
        beside = measure_load(stage, running, seconds, "handshake", "--clients", HANDSHAKERS)
        let_go(load, CROWD)
    finally:
        running.stop()
    return {"factor": beside.per_unit_us() / alone.per_unit_us(), "alone": alone.per_unit_us(),
            "beside": beside.per_unit_us()}


def measure_return(stage, contender, _seconds):
    """Memory after many connections to that before them, with the program and its libraries."""
    running = start(stage, contender, "memory")
    try:
        pids = running.process.family()
        before = calm_kib(pids, pss_kib)
        rest = descriptors(pids)
        load = hold(stage, running, "idle", ALL, "--size", 16384)
        peak = calm_kib(pids, pss_kib)
        let_go(load, ALL)
        wait_for("the end of all connections", lambda: descriptors(pids) <= rest + 2, 60, 0.2)
        after = calm_kib(pids, pss_kib, 2 * CALM_S)
    finally:
        running.stop()
    return {"factor": after / before, "before": before / 1024, "peak": peak / 1024,
            "after": after / 1024}


def measure_silent(stage, contender, _seconds):
    """Clients that do not read, a backend that sends without end."""
    running = start(stage, contender, "memory")
    try:
        pids = running.process.family()
        before = calm_kib(pids)
        load = hold(stage, running, "noreader", SILENT)
        after = calm_kib(pids)
        let_go(load, SILENT)
    finally:
        running.stop()
    return {"memory": (after - before) / SILENT}


# ---- the table ----

def handshake(name, title, goal, load=(), pem="ec"):
    return Workload(name, measure_handshakes, [
        Figure("cpu", title, "us CPU", goal),
        Figure("p50", "latency p50", "us", kind="beside"),
        Figure("p99", "latency p99", "us", kind="beside"),
        Figure("rate", "rate", "/s", kind="beside")], {"load": load, "pem": pem})


def bulk(name, title, goal):
    return Workload(name, measure_bulk, [
        Figure("cpu", title, "ms CPU/GiB", goal),
        Figure("rate", "throughput", "GiB/s", kind="beside", digits=2)], {"work": name})


def memory(name, title, size):
    return Workload(name, measure_idle, [Figure("memory", title, "KiB", 10, "limit", 1)],
                    {"size": size})


LATENCIES = [Figure(key, f"latency {key}", "us", kind="beside") for key in ("p90", "max")]
WORKLOADS = [
    handshake("full-1.3", "full handshake, TLS 1.3, P-256", 0.80),
    handshake("full-1.3-rsa", "full handshake, TLS 1.3, RSA-2048", 0.90, ("--rsa",), "rsa"),
    handshake("resumed-1.3", "resumed, TLS 1.3", 0.75, ("--resume",)),
    handshake("resumed-1.2", "resumed, TLS 1.2", 0.80, ("--resume", "--tls", "1.2")),
    bulk("download", "download, 4 connections", 0.65),
    bulk("upload", "upload, 4 connections", 0.70),
    Workload("pingpong", measure_pingpong, [
        Figure("cpu", "64-byte ping-pong, 50 connections", "us CPU", 0.80, digits=1),
        Figure("p50", "latency p50", "us", kind="beside"),
        Figure("p99", "latency p99", "us", kind="beside"),
        *LATENCIES, Figure("rate", "rate", "/s", kind="beside")], {"clients": 50}),
    Workload("pingpong-1", measure_pingpong, [
        Figure("cpu", "ping-pong, 1 connection", "us CPU", 0.95, digits=1),
        Figure("p50", "ping-pong, 1 connection: latency p50", "us", 1.00, digits=1),
        Figure("p99", "ping-pong, 1 connection: latency p99", "us", 1.00, digits=1),
        *LATENCIES, Figure("rate", "rate", "/s", kind="beside")], {"clients": 1}),
    memory("idle", "memory of an idle connection after the handshake", 1),
    memory("idle-16k", "memory of an idle connection after 16 KiB each way", 16384),
    Workload("crowd", measure_crowd, [
        Figure("factor", f"full handshake beside {CROWD:,} idle connections, to beside none", "x",
               1.02, "limit", 3),
        Figure("alone", "beside none", "us CPU", kind="beside"),
        Figure("beside", "beside them", "us CPU", kind="beside")]),
    Workload("return", measure_return, [
        Figure("factor", f"memory after {ALL:,} connections have closed, to before", "x", 1.10,
               "limit", 2),
        Figure("before", "before", "MiB", kind="beside", digits=1),
        Figure("peak", "while they are open", "MiB", kind="beside", digits=1),
        Figure("after", "after", "MiB", kind="beside", digits=1)]),
    Workload("silent", measure_silent, [
        Figure("memory", f"memory of each of {SILENT} connections whose client does not read",
               "KiB", kind="told", digits=1)]),
    Workload("fairness", measure_fairness, [
        Figure("p50", "50 ping-pong clients beside 4 downloads: latency p50", "us", kind="told"),
        Figure("p99", "50 ping-pong clients beside 4 downloads: latency p99", "us", kind="told"),
        *LATENCIES,
        Figure("rate", "ping-pong rate", "/s", kind="beside"),
        Figure("download", "downloads", "GiB/s", kind="beside", digits=2)], {"clients": 50}),
]


def by_name(name):
    for workload in WORKLOADS:
        if workload.name == name:
            return workload
    raise Failed(f"there is no workload {name}; there are: "
                 + ", ".join(w.name for w in WORKLOADS))
