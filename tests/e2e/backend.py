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
  dns     a name server: here.test is 127.0.0.1, silent.test gets no answer, broken.test is
          refused one (SERVFAIL), and there are no others
  full    listens, but has no room for anybody: who connects gets no answer

With --names FILE, dns finds names there instead, and looks anew for each question; a line is
"NAME TTL ADDRESS...", and broken or silent for ADDRESS. --unix @NAME is an abstract socket.
With --peers the line of a connection also says from where: "peer=192.0.2.7 port=40001".

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


NAMES = ("here.test 60 127.0.0.1", "silent.test 0 silent", "broken.test 0 broken")


def dns_find(name, options):
    """The time to live and the addresses of a name; None: there is no such."""
    lines = NAMES
    if options.names:
        with open(options.names) as file:
            lines = file.read().splitlines()
    for line in lines:
        words = line.split()
        if words and words[0].encode() == name:
            return int(words[1]), words[2:]
    return None


def dns_answer(query, options):
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
    found = dns_find(name, options)
    ttl, addresses = found or (0, [])
    if addresses == ["silent"]:
        return None
    code = 0 if found else 3
    if addresses == ["broken"]:
        code = 2
    records = b""
    count = 0
    for address in addresses if code == 0 else []:
        if (":" in address) == is_a:
            continue
        packed = socket.inet_pton(socket.AF_INET if is_a else socket.AF_INET6, address)
        records += b"\xc0\x0c"
        records += struct.pack("!HHIH", 1 if is_a else 28, 1, ttl, len(packed)) + packed
        count += 1
    head = struct.pack("!HHHHH", 0x8180 | code, 1, count, 0, 0)
    return query[:2] + head + question + records


def dns(options):
    server = socket.socket(type=socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    print(f"listening on port {server.getsockname()[1]}")
    while True:
        query, client = server.recvfrom(1500)
        answer = dns_answer(query, options)
        if answer:
            server.sendto(answer, client)


def serve(conn, peer, number, mode, options):
    total = 0
    tail = f" peer={peer[0]} port={peer[1]}" if options.peers else ""
    try:
        total = mode(conn, options)
        end = "fin"
    except ConnectionResetError:
        end = "rst"
    except BrokenPipeError:
        end = "broken-pipe"
    print(f"connection {number}: end={end} bytes={total}{tail}\n", end="")
    conn.close()


def listen(options):
    if options.unix:
        server = socket.socket(socket.AF_UNIX)
        server.bind(options.unix.replace("@", "\0", 1))
    else:
        server = socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((options.host, options.port))
    server.listen(0 if options.mode == "full" else 1024)
    return server


def full(server):
    """Fill the queue, of which the kernel answers one more than it was told."""
    waiting = []
    for _ in range(4):
        client = socket.socket(server.family)
        client.setblocking(False)
        client.connect_ex(server.getsockname())
        waiting.append(client)
    print(f"listening on port {server.getsockname()[1]}")
    while True:
        time.sleep(60)


def main():
    functions = (echo, lines, greet, send, http10, urgent, reset, finrst)
    modes = {f.__name__: f for f in functions}
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=[*modes, "dns", "full"])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--unix")
    parser.add_argument("--names")
    parser.add_argument("--gate")
    options = parser.parse_args()
    if options.mode == "dns":
        dns(options)
    server = listen(options)
    if options.mode == "full":
        full(server)
    print("listening on", options.unix or f"port {server.getsockname()[1]}")
    number = 0
    while True:
        conn, peer = server.accept()
        number += 1
        threading.Thread(
            target=serve, args=(conn, peer, number, modes[options.mode], options), daemon=True
        ).start()


main()
