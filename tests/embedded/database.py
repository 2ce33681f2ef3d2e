"""One statement against a database, on a connection of its own."""

from contextlib import closing

import psycopg2


def ask(url: str, question: str) -> list[tuple]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchall()


def change(url: str, statement: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.commit()
