#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A TLS client for the end-to-end tests, by python's ssl module.

  read    sends --say, reads to the end, and reports "bytes=6 end=notify" (close_notify),
          end=cut (FIN without it) or end=rst. With --size the bytes have to be so many of
          the pattern of backend.py. --mark N: says "marked" once N bytes are there.
          --rate N: reads N bytes a second, through a small receive buffer.
  hold    the same, but reads nothing after the handshake until it gets a line on stdin
  unwrap  sends --say, gets as many bytes back, and ends TLS by unwrap()
  leave   sends --say, gets as many bytes back, and closes TCP without close_notify
  many    --count connections, all there before the first request is sent
  stay    --count connections that say --say and get as many bytes back, all there before it
          says "marked"; reads them to their ends, and reports how many ended how
  late    a handshake (TLS 1.3) whose last message is sent when there is a line on stdin; says
          "marked" before it, and reads to the end
  requests  --count times a connection with one request and its answer, some at once, and each
          request in one segment with the end of the handshake; reports how many were answered,
          and the port of each that was not
  crowd   --count times read, all at once; reports how many ended how; end=refused: before
          the handshake was done
  abuse   --count connections of many kinds, most of them bad
"""
import argparse
import collections
import concurrent.futures
import hashlib
import os
import random
import socket
import ssl
import struct
import sys
import time

PATTERN = bytes(range(251)) * 261
MARK = "marked"


def make_context(options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Some versions of python have it on, and take any FIN for a close_notify.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0x80)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if options.ca:
        context.check_hostname = True
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(options.ca)
    if options.cert:
        context.load_cert_chain(options.cert)
    version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
    if options.tls:
        context.minimum_version = context.maximum_version = version[options.tls]
    return context


def dial(options):
    sock = socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET)
    if options.bind:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if options.bind or options.source:
        sock.bind((options.source, options.bind))
    if options.rate:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    sock.settimeout(options.timeout)
    sock.connect((options.host, options.port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def wrap(sock, context):
    return context.wrap_socket(
        sock, server_hostname="localhost", suppress_ragged_eofs=False
    )


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Reader:
    """Reads a stream to its end, and compares it with the pattern."""

    def __init__(self, options):
        self.options = options
        self.total = 0
        self.good = True
        self.first = b""

    def take(self, part):
        at = self.total % 251
        if self.options.size is not None and not PATTERN[at:].startswith(part):
            self.good = False
        if len(self.first) < 200:
            self.first += part[:200]
        mark = self.options.mark
        if mark and self.total < mark <= self.total + len(part):
            print(MARK, flush=True)
        self.total += len(part)

    def read(self, tls):
        start = time.monotonic()
        try:
            while part := tls.recv(16384):
                self.take(part)
                if self.options.rate:
                    ahead = self.total / self.options.rate - (time.monotonic() - start)
                    time.sleep(max(0, ahead))
            return "notify"
        except ssl.SSLError as error:
            if error.reason != "UNEXPECTED_EOF_WHILE_READING" and not isinstance(
                error, ssl.SSLEOFError
            ):
                raise
            return "cut"
        except ConnectionResetError:
            return "rst"

    def report(self, end):
        print(f"bytes={self.total} end={end}")
        if self.options.size is None:
            print(self.first.decode(errors="replace"))
        elif not self.good:
            sys.exit("the bytes are not the pattern")
        elif end == "notify" and self.total != self.options.size:
            sys.exit(f"{self.options.size} bytes were expected")


def read(options, context):
    tls = wrap(dial(options), context)
    tls.sendall(options.say.encode())
    if options.mode == "hold":
        print("holding", flush=True)
        sys.stdin.readline()
    reader = Reader(options)
    end = reader.read(tls)
    if end == "notify":
        tls.unwrap()  # ours was not sent yet; theirs is there
    tls.close()
    reader.report(end)


def exchange(tls, options):
    said = options.say.encode()
    got = b""
    tls.sendall(said)
    while len(got) < len(said):
        got += tls.recv(65536)
    assert got == said, got


def unwrap(options, context):
    tls = wrap(dial(options), context)
    exchange(tls, options)
    start = time.monotonic()
    plain = tls.unwrap()
    plain.settimeout(options.timeout)
    rest = plain.recv(1)  # behind both close_notify there is a FIN, at once
    took = time.monotonic() - start
    plain.close()
    assert rest == b"", rest
    print(f"version={options.tls} unwrap=done")
    if took > 2:
        sys.exit(f"the goodbye took {took} s")


def leave(options, context):
    tls = wrap(dial(options), context)
    exchange(tls, options)
    tls.close()
    print("left")


def many(options, context):
    socks = [dial(options) for _ in range(options.count)]
    all_tls = [wrap(sock, context) for sock in socks]
    for tls in all_tls:
        tls.sendall(options.say.encode())
    sums = {}
    for tls in all_tls:
        body = b""
        while part := tls.recv(65536):
            body += part
        digest = hashlib.sha256(body.partition(b"\r\n\r\n")[2]).hexdigest()
        sums[digest] = sums.get(digest, 0) + 1
        tls.unwrap()
        tls.close()
    for digest, number in sums.items():
        print(f"answers={number} sha256={digest}")


def stay(options, context):
    all_tls = [wrap(dial(options), context) for _ in range(options.count)]
    for tls in all_tls:
        exchange(tls, options)
    print(MARK, flush=True)
    ends = collections.Counter(Reader(options).read(tls) for tls in all_tls)
    for end, number in sorted(ends.items()):
        print(f"end={end} count={number}")


def late(options, context):
    sock = dial(options)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            sock.sendall(outgoing.read())
            incoming.write(sock.recv(65536))
    print(MARK, flush=True)
    sys.stdin.readline()
    sock.sendall(outgoing.read())
    while sock.recv(65536):
        pass
    print("ended")


def crowd(options, context):
    def one(_):
        sock = dial(options)
        try:
            tls = wrap(sock, context)
        except OSError:
            sock.close()
            return "end=refused"
        reader = Reader(options)
        try:
            tls.sendall(options.say.encode())
        except OSError:  # reading tells
            pass
        end = reader.read(tls)
        if end == "notify":
            tls.unwrap()
        tls.close()
        return f"bytes={reader.total} end={end}"

    with concurrent.futures.ThreadPoolExecutor(options.count) as pool:
        ends = collections.Counter(pool.map(one, range(options.count)))
    for end, number in ends.items():
        print(f"clients={number} {end}")


def one_request(number, options, context):
    """Returns None, or the local port if there is no answer."""
    sock = dial(options)
    port = sock.getsockname()[1]
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    wanted = f"got: request {number}\n".encode()
    answer = b""
    done = False
    try:
        while not answer.endswith(b"\n"):
            try:
                if not done:
                    tls.do_handshake()
                    tls.write(f"request {number}\n".encode())
                    done = True
                part = tls.read(1000)
                if not part:
                    return port
                answer += part
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                part = sock.recv(65536)
                if not part:
                    return port
                incoming.write(part)
    except (OSError, ssl.SSLError):
        return port
    finally:
        reset(sock) if answer != wanted else sock.close()
    assert answer == wanted, answer
    return None


def requests(options, context):
    numbers = iter(range(options.count))
    answered = 0
    lost = []
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for port in pool.map(lambda n: one_request(n, options, context), numbers):
            if port is None:
                answered += 1
            else:
                lost.append(port)
            if answered == options.mark:
                print(MARK, flush=True)
    print(f"answered={answered} lost={len(lost)}")
    for port in lost:
        print(f"lost port={port}")


# ---- Bad clients ----


def leave_somehow(sock):
    random.choice((reset, socket.socket.close))(sock)


def abuse_nothing(sock, context):
    sock.close()


def abuse_reset(sock, context):
    reset(sock)


def abuse_random(sock, context):
    sock.sendall(os.urandom(random.randrange(1, 4000)))
    sock.close()


def abuse_http(sock, context):
    sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    sock.recv(100)
    sock.close()


def hello(context):
    """A real ClientHello."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def abuse_half_hello(sock, context):
    bytes_ = hello(context)
    sock.sendall(bytes_[: random.randrange(1, len(bytes_))])
    leave_somehow(sock)


def abuse_hello_and_leave(sock, context):
    sock.sendall(hello(context))
    leave_somehow(sock)


def abuse_flipped_hello(sock, context):
    bytes_ = bytearray(hello(context))
    bytes_[random.randrange(len(bytes_))] ^= 1 << random.randrange(8)
    sock.sendall(bytes_)
    sock.close()


def abuse_old_version(sock, context):
    bytes_ = bytearray(hello(context))
    bytes_[9:11] = b"\x03\x01"
    sock.sendall(bytes_)
    sock.close()


def abuse_forged_record(sock, context):
    tls = wrap(sock, context)
    plain = socket.socket(fileno=os.dup(tls.fileno()))
    plain.sendall(b"\x17\x03\x03\x00\x40" + os.urandom(64))
    plain.close()
    tls.close()


def abuse_long_record(sock, context):
    tls = wrap(sock, context)
    plain = socket.socket(fileno=os.dup(tls.fileno()))
    plain.sendall(b"\x17\x03\x03\xff\xff" + os.urandom(500))
    plain.close()
    tls.close()


def abuse_cut_record(sock, context):
    tls = wrap(sock, context)
    plain = socket.socket(fileno=os.dup(tls.fileno()))
    plain.sendall(b"\x17\x03\x03\x01\x00" + os.urandom(100))
    plain.close()
    tls.close()


def abuse_truncate(sock, context):
    tls = wrap(sock, context)
    tls.sendall(b"word\n")
    tls.close()


def abuse_reset_tls(sock, context):
    tls = wrap(sock, context)
    tls.sendall(b"word\n")
    reset(tls)


def good(sock, context):
    tls = wrap(sock, context)
    tls.sendall(b"word\n")
    while len(tls.recv(100)) == 0:
        pass
    tls.unwrap()
    tls.close()


def abuse(options, context):
    kinds = [f for name, f in globals().items() if name.startswith("abuse_")]
    kinds.append(good)
    for number in range(options.count):
        kind = kinds[number % len(kinds)]
        try:
            kind(dial(options), context)
        except OSError:  # it was thrown out, as it must be
            if kind is good:
                raise
    print(f"abused={options.count} kinds={len(kinds)}")


def main():
    functions = (read, unwrap, leave, many, stay, late, requests, crowd, abuse)
    modes = {f.__name__: f for f in functions}
    modes["hold"] = read
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=modes)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--source", default="", help="the address to come from")
    parser.add_argument("--bind", type=int, default=0, help="the port to come from")
    parser.add_argument("--tls", choices=("1.2", "1.3"))
    parser.add_argument("--ca")
    parser.add_argument("--cert")
    parser.add_argument("--say", default="")
    parser.add_argument("--size", type=int)
    parser.add_argument("--mark", type=int)
    parser.add_argument("--rate", type=int)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=60)
    options = parser.parse_args()
    options.say = options.say.replace("\\n", "\n").replace("\\r", "\r")
    modes[options.mode](options, make_context(options))


main()
