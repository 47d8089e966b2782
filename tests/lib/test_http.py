from __future__ import annotations

import socket

import pytest

from prow.lib import http
from prow.lib.errors import UsageError


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_a_port_that_cannot_be_is_told(port: int) -> None:
    with pytest.raises(UsageError, match=f"port {port}: give one from 0 to 65535"):
        http.bind("127.0.0.1", port)


def test_without_a_host_every_address_answers() -> None:
    listener = http.bind("", 0)
    port = listener.getsockname()[1]
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    if listener.family is socket.AF_INET6:
        socket.create_connection(("::1", port), timeout=5).close()
    with pytest.raises(UsageError, match=f"port {port} on this machine is in use"):
        http.bind("", port)
    listener.close()


@pytest.mark.parametrize(
    ("host", "address"),
    [("", "http://localhost:1/x"), ("::1", "http://[::1]:1/x"), ("10.0.0.1", "http://10.0.0.1:1/x")],
)
def test_an_address_can_be_opened(host: str, address: str) -> None:
    assert http.url(host, 1, "/x") == address
