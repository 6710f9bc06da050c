#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Peers that speak the PROXY protocol, by a reading of its text of their own.

  backend  says "listening on port N"; reads a header from each client, says what it was
           ("header 1: v2 PROXY TCP4 src=127.0.0.1:5 dst=127.0.0.1:443 alpn=h2 ... crc=good
           first=together": the first bytes of the stream came in one read with it), answers
           each line with "got: LINE", and ends when the client has, as "connection 1: end=fin"
  raw      listens the same, and says all that a client sent, in hexadecimal
  client   connects to --port, sends the header --header (with \\r, \\n and \\xNN), and shakes
           hands; says --say, and reads until the answer is there: "answer: ..."
           --how whole: the header, and then the rest; together: in one piece with the hello;
           bytes: one by one; silent: then nothing more is sent; leave: then FIN.
           Says "ended: fin" or "ended: rst" where the connection ends, "ended: none" where it
           does not within --timeout.
"""
import argparse
import re
import socket
import ssl
import struct
import sys
import threading
import time

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
TLVS = {1: "alpn", 2: "authority", 5: "id"}
SUB_TLVS = {0x21: "version", 0x22: "cn", 0x23: "cipher", 0x24: "sig", 0x25: "key"}


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def tlvs(data):
    while data:
        kind, size = struct.unpack(">BH", data[:3])
        if len(data) < 3 + size:
            raise ValueError("a TLV that is cut off")
        yield kind, data[3 : 3 + size]
        data = data[3 + size :]


def addresses(block):
    size = 4 if len(block) == 12 else 16
    family = socket.AF_INET if size == 4 else socket.AF_INET6
    ports = struct.unpack(">HH", block[2 * size :])
    src, dst = (socket.inet_ntop(family, block[i * size : (i + 1) * size]) for i in (0, 1))
    return f" src={src}:{ports[0]} dst={dst}:{ports[1]}"


def told_of_ssl(value):
    client, verify = struct.unpack(">BI", value[:5])
    said = f" client={client} verify={verify}"
    for kind, sub in tlvs(value[5:]):
        said += f" {SUB_TLVS[kind]}={sub.decode()}"
    return said


def told_by_tlvs(header, rest):
    said = ""
    at = len(header) - len(rest)
    for kind, value in tlvs(rest):
        at += 3 + len(value)
        if kind in TLVS:
            said += f" {TLVS[kind]}={value.decode()}"
        elif kind == 0x20:
            said += told_of_ssl(value)
        elif kind == 3:
            zeroed = header[: at - 4] + bytes(4) + header[at:]
            good = struct.unpack(">I", value)[0] == crc32c(zeroed)
            said += f" crc={'good' if good else 'bad'}"
    return said


def told_by_v2(header):
    command, family = header[12], header[13]
    said = {0x20: "v2 LOCAL", 0x21: "v2 PROXY"}[command]
    said += {0: " UNSPEC", 0x11: " TCP4", 0x21: " TCP6"}[family]
    size = {0: 0, 0x11: 12, 0x21: 36}[family]
    if size:
        said += addresses(header[16 : 16 + size])
    return said + told_by_tlvs(header, header[16 + size :])


def told_by_v1(line):
    words = line.decode()[:-2].split(" ")
    if words[1] == "UNKNOWN":
        return "v1 UNKNOWN"
    proxy, family, src, dst, src_port, dst_port = words
    socket.inet_pton(socket.AF_INET if family == "TCP4" else socket.AF_INET6, src)
    return f"v1 {proxy} {family} src={src}:{src_port} dst={dst}:{dst_port}"


def read_header(conn):
    """Returns the header, and what has been read behind it."""
    got = b""
    while True:
        part = conn.recv(65536)
        if not part:
            raise ValueError(f"the end within a header: {got.hex()}")
        got += part
        if got.startswith(SIGNATURE) and len(got) >= 16:
            size = 16 + struct.unpack(">H", got[14:16])[0]
            if len(got) >= size:
                return got[:size], got[size:]
        elif got.startswith(b"PROXY") and b"\r\n" in got:
            size = got.index(b"\r\n") + 2
            return got[:size], got[size:]
        elif not SIGNATURE.startswith(got[:12]) and not b"PROXY ".startswith(got[:6]):
            raise ValueError(f"no header: {got[:64].hex()}")


def talk(conn, got):
    while True:
        while b"\n" in got:
            line, got = got.split(b"\n", 1)
            conn.sendall(b"got: " + line + b"\n")
        part = conn.recv(65536)
        if not part:
            return
        got += part


def serve(conn, number, raw):
    try:
        if raw:
            got = b""
            while part := conn.recv(65536):
                got += part
            print(f"connection {number}: end=fin bytes={got.hex()}", flush=True)
            conn.close()
            return
        header, rest = read_header(conn)
        said = told_by_v1(header) if header.startswith(b"P") else told_by_v2(header)
        first = "together" if rest else "apart"
        print(f"header {number}: {said} size={len(header)} first={first}", flush=True)
        talk(conn, rest)
        end = "fin"
        conn.shutdown(socket.SHUT_WR)
    except ValueError as error:
        end = f"wrong ({error})"
    except OSError:
        end = "rst"
    print(f"connection {number}: end={end}", flush=True)
    conn.close()


def listen(options, raw):
    if options.unix:
        server = socket.socket(socket.AF_UNIX)
        server.bind(options.unix)
        server.listen(128)
        print("listening on", options.unix, flush=True)
    else:
        family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
        server = socket.create_server((options.host, 0), family=family, backlog=128)
        print(f"listening on port {server.getsockname()[1]}", flush=True)
    number = 0
    while True:
        conn, _ = server.accept()
        number += 1
        threading.Thread(target=serve, args=(conn, number, raw), daemon=True).start()


def unescape(text):
    def byte(match):
        word = match.group(1)
        return {"r": "\r", "n": "\n"}.get(word) or chr(int(word[1:], 16))

    return re.sub(r"\\(r|n|x[0-9a-fA-F]{2})", byte, text).encode("latin-1")


def await_end(sock):
    try:
        while sock.recv(65536):
            pass
        return "fin"
    except ConnectionResetError:
        return "rst"
    except TimeoutError:
        return "none"


class Tls:
    """A client over memory, so that each piece that is sent is ours to choose."""

    def __init__(self, sock, name):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = sock
        self.read, self.write = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ssl = context.wrap_bio(self.read, self.write, server_hostname=name)

    def run(self, function, head=b""):
        while True:
            try:
                result = function()
            except ssl.SSLWantReadError:
                result = None
            self.sock.sendall(head + self.write.read())
            head = b""
            if result is not None or function is None:
                return result
            part = self.sock.recv(65536)
            if not part:
                raise ConnectionError("fin")
            self.read.write(part)

    def shake(self, head):
        self.run(lambda: self.ssl.do_handshake() or True, head)

    def ask(self, text):
        self.ssl.write(text)
        self.sock.sendall(self.write.read())
        got = b""
        while not got.endswith(b"\n"):
            got += self.run(lambda: self.ssl.read(65536))
        return got


def send_head(sock, head, how):
    if how == "bytes":
        for byte in head:
            sock.sendall(bytes([byte]))
            time.sleep(0.001)  # or the kernel would make one segment of several
    elif how != "together":
        sock.sendall(head)


def client(options):
    head = unescape(options.header)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    sock = socket.socket(family)
    sock.settimeout(options.timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if options.source:
        sock.bind((options.source, 0))
    sock.connect((options.host, options.port))
    print(f"from {sock.getsockname()[0]}:{sock.getsockname()[1]}")
    try:
        send_head(sock, head, options.how)
        if options.how in ("silent", "leave"):
            if options.how == "leave":
                sock.shutdown(socket.SHUT_WR)
            print("ended:", await_end(sock))
            return
        tls = Tls(sock, options.name)
        tls.shake(head if options.how == "together" else b"")
        if options.say:
            print("answer:", tls.ask(options.say.encode() + b"\n").decode().rstrip("\n"))
        try:
            tls.ssl.unwrap()
        except ssl.SSLWantReadError:
            pass
        sock.sendall(tls.write.read())
        print("ended:", await_end(sock))
    except ConnectionResetError:
        print("ended: rst")
    except ConnectionError:
        print("ended:", await_end(sock))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["backend", "raw", "client"])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int)
    parser.add_argument("--unix")
    parser.add_argument("--source")
    parser.add_argument("--header", default="")
    parser.add_argument("--how", default="whole",
                        choices=["whole", "together", "bytes", "silent", "leave"])
    parser.add_argument("--name")
    parser.add_argument("--say")
    parser.add_argument("--timeout", type=float, default=20)
    options = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)
    if options.mode == "client":
        client(options)
    else:
        listen(options, options.mode == "raw")


main()
