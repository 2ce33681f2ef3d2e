"""The addresses are read by three other libraries; each must find the same socket."""

from pathlib import Path

import dj_database_url
import pytest
from kombu.utils.url import parse_url
from psycopg2.extensions import parse_dsn

from trust_project.embedded.addresses import broker_url, database_url

DIRECTORIES = ["/tmp/trust-a1", "/home/Ann/My Data/é,1/sockets", "/srv/100%/a@b:c?d#e"]


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_django_and_libpq_read_the_same_socket_and_password(directory):
    url = database_url("trust", "p@ss:w/ord?%", Path(directory), "trust")

    django = dj_database_url.parse(url)
    assert (django["HOST"], django["USER"], django["NAME"]) == (directory, "trust", "trust")
    assert (django["PASSWORD"], django["PORT"]) == ("p@ss:w/ord?%", "")
    libpq = parse_dsn(url)
    assert (libpq["host"], libpq["password"]) == (directory, "p@ss:w/ord?%")


def test_kombu_reads_the_broker_socket():
    parts = parse_url(broker_url(Path("/tmp/trust-a1/valkey.sock")))

    assert (parts["transport"], parts["hostname"]) == ("redis+socket", None)
    assert parts["virtual_host"] == "tmp/trust-a1/valkey.sock"
