"""One unary call by grpcio."""

from __future__ import annotations

import sys
from concurrent import futures
from urllib.parse import urlsplit

from chatlab.lab.capture.drivers.driver_output import Knobs, Untyped, module, tell

_METHOD = "Generate"
_SERVICE = "llm.Generation"
_LARGE = b"x" * (5 * 1024 * 1024)


def _call(url: str, knobs: Knobs) -> None:
    grpc = module("grpc")
    if "grpc_server" in knobs:
        server, target = _served(grpc, str(knobs["grpc_server"]))
    else:
        server, target = None, urlsplit(url).netloc
    try:
        with grpc.insecure_channel(target) as channel:
            generate = channel.unary_unary(f"/{_SERVICE}/{_METHOD}")
            call = generate.future(b"Weather?", timeout=knobs.get("deadline_s", 10))
            if "cancel_after_s" in knobs:
                call.cancel()
            call.result()
    finally:
        if server is not None:
            server.stop(None)


def _served(grpc: Untyped, how: str) -> tuple[Untyped, str]:
    def answer(request: bytes, context: Untyped) -> bytes:
        if how == "large-answer":
            return _LARGE
        context.abort(getattr(grpc.StatusCode, how), "the model server says no")
        return b""

    handlers = {_METHOD: grpc.unary_unary_rpc_method_handler(answer)}
    if how == "no-method":
        handlers = {}
    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}"


if __name__ == "__main__":
    tell({"grpc": ("grpcio", _call)}, sys.argv[1:])
