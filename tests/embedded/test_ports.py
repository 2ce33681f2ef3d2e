"""A port in use is told before anything is started."""

import socket

import pytest

from trust_project.embedded.console import RefusedError
from trust_project.embedded.ports import HOST, check_port, port_from


def test_a_port_in_use_is_named_with_the_way_out():
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(RefusedError, match=rf"Port {port} .*TRUST_PORT={port + 1} \./trust up"):
            check_port(port)
    check_port(port)


@pytest.mark.parametrize("text", ["eight", "0", "65536", "-1", "80 80", "²"])
def test_what_is_no_port_is_refused_with_its_value(text):
    with pytest.raises(RefusedError, match=f"TRUST_PORT is '{text}'"):
        port_from(text)


def test_the_port_defaults_to_8000():
    assert (port_from(None), port_from(""), port_from("8001")) == (8000, 8000, 8001)
