#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""gRPC in front of gRPC, without generated code: methods take and give bytes.

  server          an insecure server; says "listening on port N"
  client PORT CA  plays the calls through a TLS terminator at PORT
  orphan PORT CA  makes a call that is never answered; says "waiting", and how it ended
"""
import os
import sys
import threading
import time
from concurrent import futures

import grpc

# Names must not be taken for those of a proxy.
for name in ("http_proxy", "https_proxy", "grpc_proxy"):
    os.environ.pop(name, None)

cancelled = threading.Event()


# ---- The server ----


def echo(request, context):
    return request


def counting(request, context):
    for number in range(int(request)):
        yield b"%d" % number


def summing(requests, context):
    return b"%d" % sum(int(r) for r in requests)


def chatting(requests, context):
    for request in requests:
        yield b"got " + request


def aborting(request, context):
    """Gives a little, and then gives up on this stream alone."""
    yield b"one"
    yield b"two"
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "that is all")


def endless(request, context):
    """Runs until its client cancels it."""
    context.add_callback(cancelled.set)
    yield b"here"
    while context.is_active():
        time.sleep(0.01)


def was_cancelled(request, context):
    return b"yes" if cancelled.wait(10) else b"no"


def silent(request, context):
    print("the call is there", flush=True)
    while context.is_active():
        time.sleep(0.01)
    return b""


def serve():
    methods = {
        "echo": grpc.unary_unary_rpc_method_handler(echo),
        "counting": grpc.unary_stream_rpc_method_handler(counting),
        "summing": grpc.stream_unary_rpc_method_handler(summing),
        "chatting": grpc.stream_stream_rpc_method_handler(chatting),
        "aborting": grpc.unary_stream_rpc_method_handler(aborting),
        "endless": grpc.unary_stream_rpc_method_handler(endless),
        "was_cancelled": grpc.unary_unary_rpc_method_handler(was_cancelled),
        "silent": grpc.unary_unary_rpc_method_handler(silent),
    }
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("test.Test", methods),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"listening on port {port}", flush=True)
    server.wait_for_termination()


# ---- The client ----


def dial(port, ca):
    with open(ca, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    # One connection for all calls, and no second try behind our back.
    return grpc.secure_channel(
        f"localhost:{port}", credentials, (("grpc.enable_retries", 0),)
    )


def check(what, holds):
    if not holds:
        sys.exit(f"failed: {what}")
    print(f"ok: {what}")


def play_unary(channel):
    call = channel.unary_unary("/test.Test/echo")
    for size in (0, 1, 1000, 3_000_000):
        message = os.urandom(size)
        check(f"unary, {size} bytes", call(message, timeout=30) == message)


def play_streams(channel):
    numbers = list(channel.unary_stream("/test.Test/counting")(b"5000", timeout=30))
    check("a stream down", numbers == [b"%d" % n for n in range(5000)])
    total = channel.stream_unary("/test.Test/summing")(
        iter(b"%d" % n for n in range(5000)), timeout=30
    )
    check("a stream up", int(total) == sum(range(5000)))


def play_chat(channel):
    """Each message goes out only when the answer to the one before is there."""
    ready = threading.Semaphore(1)
    answers = []

    def messages():
        for number in range(200):
            ready.acquire()
            yield b"%d" % number

    for answer in channel.stream_stream("/test.Test/chatting")(messages(), timeout=30):
        answers.append(answer)
        ready.release()
    check("a chat", answers == [b"got %d" % n for n in range(200)])


def play_abort(channel):
    got = []
    code = None
    try:
        for message in channel.unary_stream("/test.Test/aborting")(b"", timeout=30):
            got.append(message)
    except grpc.RpcError as error:
        code = error.code()
    check(
        "a stream that the server gives up",
        got == [b"one", b"two"] and code == grpc.StatusCode.RESOURCE_EXHAUSTED,
    )


def play_cancel(channel):
    call = channel.unary_stream("/test.Test/endless")(b"", timeout=30)
    check("a stream that goes on", next(call) == b"here")
    call.cancel()
    answer = channel.unary_unary("/test.Test/was_cancelled")(b"", timeout=30)
    check("the client's cancel reaches the server", answer == b"yes")


def play(port, ca):
    with dial(port, ca) as channel:
        play_unary(channel)
        play_streams(channel)
        play_chat(channel)
        play_abort(channel)
        play_unary(channel)
        play_cancel(channel)
        play_unary(channel)


def play_orphan(port, ca):
    with dial(port, ca) as channel:
        call = channel.unary_unary("/test.Test/silent").future(b"", timeout=60)
        print("waiting", flush=True)
        code = call.code()
        print(f"ended: {code.name}", flush=True)


def main():
    if sys.argv[1] == "server":
        serve()
    elif sys.argv[1] == "client":
        play(sys.argv[2], sys.argv[3])
    else:
        play_orphan(sys.argv[2], sys.argv[3])


main()
