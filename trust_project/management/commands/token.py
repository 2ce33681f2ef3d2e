"""`./trust token NAME`: the first key of a new deployment, without a password or a page."""

from argparse import ArgumentParser
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from catalog.models import ApiToken

DEFAULT_DAYS = 90


class Command(BaseCommand):
    help = "Make a user where missing and print a new token, shown once, as the last line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="The user's name.")
        parser.add_argument("--superuser", action="store_true", help="Let the user do everything.")
        parser.add_argument("--days", type=int, default=DEFAULT_DAYS, help="How long it holds.")
        parser.add_argument(
            "--scope", choices=ApiToken.Scope.values, default=ApiToken.Scope.WRITE.value
        )

    def handle(
        self, *, name: str, superuser: bool, days: int, scope: str, **options: object
    ) -> None:
        if days < 1:
            raise CommandError(f"A token holds for at least one day; --days is {days}.")
        with transaction.atomic():
            user, is_new = self.user_named(name, superuser=superuser)
            _, token = ApiToken.objects.create(
                user=user, name="./trust token", scope=scope, expiry=timedelta(days=days)
            )
        if is_new:
            self.stderr.write(
                f"Made the user {name}, who has no password yet; to sign in on the pages: "
                f"./trust manage changepassword {name}"
            )
        self.stderr.write(f"This token holds for {days} days and is shown only now:")
        self.stdout.write(token)

    def user_named(self, name: str, *, superuser: bool) -> tuple[User, bool]:
        users = get_user_model().objects
        user = users.filter(username=name).first()
        is_new = user is None
        if user is None:
            user = self.new_user(name)
        if not user.is_active:
            raise CommandError(
                f"The user {name} was deactivated; activate them in the admin pages first."
            )
        if superuser and not user.is_superuser:
            user.is_superuser = user.is_staff = True
            user.save(update_fields=["is_superuser", "is_staff"])
        return user, is_new

    def new_user(self, name: str) -> User:
        user = User(username=name)
        user.set_unusable_password()
        try:
            user.full_clean()
        except ValidationError as error:
            raise CommandError(
                f"{name!r} cannot be a user's name: {' '.join(error.messages)}"
            ) from None
        user.save()
        return user
