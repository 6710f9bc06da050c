#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Clients from one source address: bad ones, and good ones beside them.

  flood   bad clients without end, until SIGTERM; at most --count at a time, each for 3 s unless it
          is thrown out. --kind:
            leave   connect and leave
            silent  connect and say nothing
            half    connect and send half a hello
          says "flooding" once --count of them have connected
  hold    --count connections of a kind (also tls: after the handshake), opened one by one; says
          "held=3 refused=2"; with each line on stdin "there=3", for how many still are, and ends
          with the line "go"
  honest  --count clients, one after the other, --pause ms between them: connect, handshake, --say
          and as many bytes back, close_notify; says how many did, and how long they took from
          connect() to the answer, in ms: "good=30 bad=0 median=1.2 p99=3.4 max=5.6"
"""
import argparse
import collections
import resource
import select
import signal
import socket
import ssl
import statistics
import struct
import sys
import time

STAY_S = 3
RST = struct.pack("ii", 1, 0)


def make_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def hello():
    """A real ClientHello."""
    outgoing = ssl.MemoryBIO()
    tls = make_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def dial(options, timeout=60):
    family = socket.AF_INET6 if ":" in options.to else socket.AF_INET
    sock = socket.socket(family)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if options.source:
        # IP_BIND_ADDRESS_NO_PORT: the kernel may choose a port that is in use elsewhere
        sock.setsockopt(socket.IPPROTO_IP, 24, 1)
        sock.bind((options.source, 0))
    sock.settimeout(timeout)
    sock.connect((options.to, options.port))
    if options.proxied:
        header = f"PROXY TCP4 {options.proxied} 192.0.2.254 1024 443\r\n"
        sock.sendall(header.encode())
    return sock


def is_alive(sock, patience_ms=0):
    """Nobody closes or resets it, for so long."""
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)  # errors and hang-ups are always told
    return not poll.poll(patience_ms)


# ---- Bad ones ----


class Crowd:
    """Bad clients that are there, the oldest first; each stays for STAY_S unless it is thrown out."""

    def __init__(self):
        self.clients = collections.OrderedDict()  # by descriptor: socket, since when
        self.epoll = select.epoll()

    def add(self, sock):
        self.clients[sock.fileno()] = (sock, time.monotonic())
        self.epoll.register(sock, select.EPOLLRDHUP)

    def end(self, fd):
        sock, _ = self.clients.pop(fd)
        self.epoll.unregister(fd)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
        sock.close()

    def make_room(self, count):
        """Wait until there are fewer than count, or for a moment."""
        for fd, _ in self.epoll.poll(0, 256):
            self.end(fd)
        if len(self.clients) < count:
            return
        fd, (_, since) = next(iter(self.clients.items()))
        if time.monotonic() - since > STAY_S:
            self.end(fd)
        else:
            self.epoll.poll(0.01, 1)


def flood_one(options, part, crowd):
    try:
        sock = dial(options, timeout=5)
        if options.kind == "half":
            sock.send(part)
    except OSError:  # it was thrown out, or the backlog is full
        return
    if options.kind == "leave":
        sock.close()
    else:
        crowd.add(sock)


def flood(options):
    part = hello()[:100]
    crowd = Crowd()
    running = True
    count = 0

    def on_term(_number, _frame):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, on_term)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    while running:
        if len(crowd.clients) < options.count:
            flood_one(options, part, crowd)
            count += 1
            if count == options.count:
                print("flooding", flush=True)
        crowd.make_room(options.count)
    print(f"clients={count}", flush=True)


def hold_one(options, context, part):
    try:
        sock = dial(options)
        if options.kind == "half":
            sock.send(part)
            # Whoever is refused is told at once; a second is long enough to know.
            return sock if is_alive(sock, 1000) else None
        if options.kind == "tls":
            tls = context.wrap_socket(sock)
            exchange(tls, options)
            return tls
        return sock
    except OSError:
        return None


def hold(options):
    context = make_context()
    part = hello()[:100]
    socks = [hold_one(options, context, part) for _ in range(options.count)]
    held = [sock for sock in socks if sock is not None]
    print(f"held={len(held)} refused={len(socks) - len(held)}", flush=True)
    for line in sys.stdin:
        print(f"there={sum(map(is_alive, held))}", flush=True)
        if line == "go\n":
            break


# ---- Good ones ----


def exchange(tls, options):
    said = options.say.encode()
    got = b""
    tls.sendall(said)
    while len(got) < len(said):
        part = tls.recv(65536)
        if not part:
            raise OSError("an end in the middle")
        got += part
    assert got == said, got


def honest_one(options, context):
    """How long it took, or None."""
    start = time.monotonic()
    try:
        tls = context.wrap_socket(dial(options))
        exchange(tls, options)
        took = time.monotonic() - start
        tls.unwrap().close()
        return took
    except OSError:
        return None


def honest(options):
    context = make_context()
    times = []
    for _ in range(options.count):
        times.append(honest_one(options, context))
        time.sleep(options.pause / 1000)
    good = sorted(1000 * took for took in times if took is not None)
    print(f"good={len(good)} bad={len(times) - len(good)}", end="")
    if good:
        print(f" median={statistics.median(good):.2f}"
              f" p99={good[(len(good) - 1) * 99 // 100]:.2f} max={good[-1]:.2f}", end="")
    print(flush=True)


def main():
    modes = {f.__name__: f for f in (flood, hold, honest)}
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=modes)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", default="127.0.0.1")
    parser.add_argument("--source")
    parser.add_argument("--proxied", help="the client that a PROXY header tells of")
    parser.add_argument("--kind", choices=("leave", "silent", "half", "tls"), default="tls")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0)
    parser.add_argument("--say", default="word\n")
    options = parser.parse_args()
    modes[options.mode](options)


main()
