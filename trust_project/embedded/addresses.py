"""The two addresses every other process is told: database and broker."""

from pathlib import Path
from urllib.parse import quote


def database_url(user: str, password: str, socket_directory: Path, name: str) -> str:
    """A libpq URL for a socket; dj-database-url and psycopg2 both read the encoded host."""
    host = quote(str(socket_directory), safe="")
    return f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@{host}/{name}"


def broker_url(socket: Path) -> str:
    return f"redis+socket://{socket}"
