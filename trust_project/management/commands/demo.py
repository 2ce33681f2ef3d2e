"""`./trust demo`: real data through the REST API, what the results say, and where to look next."""

import os
from argparse import ArgumentParser
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from catalog.models import ApiToken
from trust_project.demo import anaesthesia, diabetes, summary
from trust_project.demo.client import HOST, AnswerError, Client
from trust_project.embedded.ports import port_from
from trust_project.embedded.state import State

USER = "demo"
TOKEN_NAME = "./trust demo"  # noqa: S105  what the key is for
TOKEN_DAYS = 30
PASSWORD_FILE = "demo-password"  # noqa: S105  a file's name


class Command(BaseCommand):
    help = "Send the demonstration's data to the running service and show what it says of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="Only the summary; ./trust stops afterwards."
        )

    def handle(self, *, once: bool, **options: object) -> None:
        password, token = sign_in()
        port = port_from(os.environ.get("TRUST_PORT"))
        client = Client(port, token)
        try:
            self.show_agreement(client)
            self.show_diabetes(client)
        except (AnswerError, summary.MissingFigureError) as error:
            raise CommandError(str(error)) from None
        self.say_where(f"http://{HOST}:{port}", password, token)

    def show_agreement(self, client: Client) -> None:
        self.say_rows("ratings", anaesthesia.send(client))
        self.say(*summary.agreement_lines(client.result(anaesthesia.RESULT)))

    def show_diabetes(self, client: Client) -> None:
        patients = diabetes.patients()
        self.say_rows("patients", diabetes.send_patients(client, patients))
        self.say(*summary.coverage_lines(client.result(diabetes.COVERAGE)))
        self.say_rows("predictions", diabetes.send_predictions(client, patients))
        self.say(*summary.calibration_lines(client.result(diabetes.CALIBRATION)))

    def say_rows(self, what: str, rows: dict[str, int]) -> None:
        changes = ("stored", "unchanged", "replaced")
        said = ", ".join(f"{rows[name]} {name}" for name in changes if rows[name])
        self.say("", f"Sent {rows['read']} {what}: {said or 'the same file as before'}")

    def say_where(self, address: str, password: str, token: str) -> None:
        curl = f"curl -H 'Authorization: Token {token}' "
        base = f"{address}/api/v1/"
        cells = f"{diabetes.DATASET}coverage/cells.csv?population={diabetes.POPULATION}"
        curve = f"{diabetes.DATASET}calibration/curve.csv?model={diabetes.MODEL}"
        self.say(
            "",
            f"Look around: {address}/   the API: {base}docs/   the tables: {address}/admin/",
            f"Sign in as {USER} with the password {password}",
            "",
            "Ask it yourself:",
            f"  {curl}'{base}{anaesthesia.RESULT}'",
            f"  {curl}'{base}{cells}'",
            f"  {curl}'{base}{curve}'",
            "",
        )

    def say(self, *lines: str) -> None:
        for line in lines:
            self.stdout.write(line)
        self.stdout.flush()


def sign_in() -> tuple[str, str]:
    """The password and a new token of the demonstration's user, who is made where missing."""
    state = State(settings.STATE_DIR)
    state.prepare()
    is_ours = (settings.STATE_DIR / PASSWORD_FILE).exists()
    with transaction.atomic():
        user = get_user_model().objects.filter(username=USER).first()
        if user is not None and not is_ours:
            raise CommandError(
                f"There is a user {USER} that this demonstration did not make; it would become "
                f"a superuser. Rename that user in the admin, then call ./trust demo again."
            )
        password = state.secret(PASSWORD_FILE, 12)
        if user is None:
            user = get_user_model()(username=USER)
        user.is_active = user.is_staff = user.is_superuser = True
        if not user.check_password(password):
            user.set_password(password)
        user.save()
        ApiToken.objects.filter(user=user, name=TOKEN_NAME).delete()
        _, token = ApiToken.objects.create(
            user=user, name=TOKEN_NAME, expiry=timedelta(days=TOKEN_DAYS)
        )
    return password, token
