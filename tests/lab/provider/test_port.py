"""Tests of the port that can refuse."""

from __future__ import annotations

import errno
import socket

import pytest

from chatlab.lab.provider.port import LOOPBACK, Port


def connect(port: Port) -> str:
    """Return how a connect ends."""
    try:
        socket.create_connection((LOOPBACK, port.number), timeout=5).close()
    except ConnectionRefusedError:
        return "refused"
    return "connected"


def test_a_port_refuses_until_it_listens_and_again_when_told() -> None:
    """The number stays the same all the time."""
    port = Port()
    number = port.number
    try:
        assert connect(port) == "refused"
        port.listen()
        assert connect(port) == "connected"
        port.refuse()
        assert connect(port) == "refused"
        port.listen()
        assert connect(port) == "connected"
        assert port.number == number
    finally:
        port.close()


def test_a_refusing_port_is_not_free_for_others() -> None:
    """Nobody else gets the port while it is closed to connections."""
    port = Port()
    try:
        with socket.socket() as other, pytest.raises(OSError, match="in use") as problem:
            other.bind((LOOPBACK, port.number))
        assert problem.value.errno == errno.EADDRINUSE
    finally:
        port.close()
    with socket.socket() as other:
        other.bind((LOOPBACK, port.number))


def test_a_port_in_use_is_told_by_its_number() -> None:
    """The text says which port, and what to do."""
    port = Port()
    try:
        port.listen()
        with pytest.raises(
            OSError, match=f"port {port.number} on 127.0.0.1 is in use; leave out port"
        ):
            Port(port.number)
    finally:
        port.close()


def test_each_connect_of_this_process_is_announced_before_it_is_made() -> None:
    """A watcher can open the port just in time; other ports and a closed one are not watched."""
    port, other = Port(), Port()
    heard: list[str] = []

    def watcher() -> None:
        heard.append("connect")
        if len(heard) == 3:
            port.listen()

    try:
        port.watch(watcher)
        assert [connect(port) for _ in range(3)] == ["refused", "refused", "connected"]
        assert connect(other) == "refused"
        with socket.socket(socket.AF_UNIX) as local, pytest.raises(OSError, match=r"\w"):
            local.connect("/nowhere/at/all")
        assert len(heard) == 3
    finally:
        port.close()
        other.close()
    assert connect(port) == "refused"
    assert len(heard) == 3
