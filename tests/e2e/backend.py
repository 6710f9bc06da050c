#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Plaintext backends for the end-to-end tests.

Says "listening on port N", and then for each connection how its client ended:
"connection 1: end=fin bytes=5", or end=rst.

  echo    sends back what it gets, and FIN after FIN
  lines   answers each line with "got: LINE", and FIN with "bye"
  greet   says "hello", and then only listens
  send    gets a number in a line, sends so many bytes of the pattern, and FIN
  http10  answers a request by HTTP/1.0, without saying how long the answer is
  urgent  says "one", urgent data (MSG_OOB) and "two", and FIN
  reset   says "too many", and resets the connection
  finrst  says "too many", FIN, and resets the connection
  dns     a name server: here.test is 127.0.0.1, silent.test gets no answer, and there are no
          others

With --gate FILE, send and http10 send the second half when the file is there.
"""
import argparse
import os
import socket
import struct
import threading
import time

PATTERN = bytes(range(251)) * 261  # 65,511 bytes; 251 is prime to any size of record
PART1 = b"the first part, "
PART2 = b"and the second"


def pattern(size):
    sent = 0
    while sent < size:
        part = PATTERN[: min(len(PATTERN), size - sent)]
        yield part
        sent += len(part)


def await_gate(options):
    while options.gate and not os.path.exists(options.gate):
        time.sleep(0.01)


def read_until(conn, end):
    got = b""
    while not got.endswith(end):
        part = conn.recv(65536)
        if not part:
            break
        got += part
    return got


def echo(conn, options):
    total = 0
    while part := conn.recv(65536):
        total += len(part)
        conn.sendall(part)
    conn.shutdown(socket.SHUT_WR)
    return total


def lines(conn, options):
    total = 0
    with conn.makefile("rb") as stream:
        for line in stream:
            total += len(line)
            conn.sendall(b"got: " + line)
    conn.sendall(b"bye\n")
    conn.shutdown(socket.SHUT_WR)
    return total


def drain(conn):
    total = 0
    while part := conn.recv(65536):
        total += len(part)
    return total


def greet(conn, options):
    conn.sendall(b"hello\n")
    return drain(conn)


def send(conn, options):
    line = read_until(conn, b"\n")
    size = int(line)
    half = size // 2
    sent = 0
    for part in pattern(size):
        if options.gate and sent < half <= sent + len(part):
            conn.sendall(part[: half - sent])
            await_gate(options)
            part = part[half - sent :]
            sent = half
        conn.sendall(part)
        sent += len(part)
    conn.shutdown(socket.SHUT_WR)
    return len(line) + drain(conn)


def http10(conn, options):
    request = read_until(conn, b"\r\n\r\n")
    conn.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + PART1)
    await_gate(options)
    conn.sendall(PART2)
    conn.shutdown(socket.SHUT_WR)
    return len(request) + drain(conn)


def urgent(conn, options):
    conn.sendall(b"one")
    conn.send(b"!", socket.MSG_OOB)
    conn.sendall(b"two\n")
    conn.shutdown(socket.SHUT_WR)
    return drain(conn)


def reset(conn, options):
    conn.sendall(b"too many\n")
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return 0  # the close that follows sends RST


def finrst(conn, options):
    conn.sendall(b"too many\n")
    conn.shutdown(socket.SHUT_WR)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return 0


def dns_answer(query):
    """None: no answer. See RFC 1035, section 4."""
    at = 12
    labels = []
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]])
        at += 1 + query[at]
    name = b".".join(labels).lower()
    question = query[12 : at + 5]
    is_a = struct.unpack("!H", query[at + 1 : at + 3])[0] == 1
    print(f"asked for {name.decode()}")
    if name == b"silent.test":
        return None
    code = 0 if name == b"here.test" else 3
    records = b""
    if code == 0 and is_a:
        records = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4)
        records += socket.inet_aton("127.0.0.1")
    head = struct.pack("!HHHHH", 0x8180 | code, 1, bool(records), 0, 0)
    return query[:2] + head + question + records


def dns():
    server = socket.socket(type=socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    print(f"listening on port {server.getsockname()[1]}")
    while True:
        query, client = server.recvfrom(1500)
        answer = dns_answer(query)
        if answer:
            server.sendto(answer, client)


def serve(conn, number, mode, options):
    total = 0
    try:
        total = mode(conn, options)
        end = "fin"
    except ConnectionResetError:
        end = "rst"
    except BrokenPipeError:
        end = "broken-pipe"
    print(f"connection {number}: end={end} bytes={total}\n", end="")
    conn.close()


def listen(options):
    if options.unix:
        server = socket.socket(socket.AF_UNIX)
        server.bind(options.unix)
    else:
        server = socket.socket()
        server.bind(("127.0.0.1", options.port))
    server.listen(1024)
    return server


def main():
    functions = (echo, lines, greet, send, http10, urgent, reset, finrst)
    modes = {f.__name__: f for f in functions}
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=[*modes, "dns"])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--unix")
    parser.add_argument("--gate")
    options = parser.parse_args()
    if options.mode == "dns":
        dns()
    server = listen(options)
    print("listening on", options.unix or f"port {server.getsockname()[1]}")
    number = 0
    while True:
        conn, _ = server.accept()
        number += 1
        threading.Thread(
            target=serve, args=(conn, number, modes[options.mode], options), daemon=True
        ).start()


main()
