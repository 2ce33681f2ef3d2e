"""`manage.py token`: what `./trust token NAME` prints and changes."""

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from catalog.models import ApiToken

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> list[str]:
    out = io.StringIO()
    call_command("token", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue().splitlines()


def test_the_printed_token_opens_the_api_and_only_its_hash_is_kept():
    token = run("ann")[-1]
    client = APIClient()

    assert client.get("/api/v1/datasets/").status_code == 401
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    assert client.get("/api/v1/datasets/").status_code == 200
    assert token not in str(ApiToken.objects.values_list().get())


def test_a_new_user_is_ordinary_and_has_no_password():
    run("ann")
    user = User.objects.get(username="ann")

    assert (user.is_superuser, user.is_staff, user.has_usable_password()) == (False, False, False)


def test_a_second_call_keeps_the_user_and_makes_another_token():
    first, second = run("ann"), run("ann", "--superuser")

    assert first != second
    assert User.objects.get(username="ann").is_superuser
    assert ApiToken.objects.filter(user__username="ann").count() == 2


def test_a_later_call_without_the_flag_takes_no_rights_away():
    run("ann", "--superuser")
    run("ann")

    assert User.objects.get(username="ann").is_superuser


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["a name with spaces"], "cannot be a user's name"),
        (["x" * 200], "cannot be a user's name"),
        (["ann", "--days", "0"], "at least one day"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_made(arguments, reason):
    with pytest.raises(CommandError, match=reason):
        run(*arguments)
    assert not User.objects.exists()


def test_a_deactivated_user_gets_no_token():
    User.objects.create(username="ann", is_active=False)

    with pytest.raises(CommandError, match="was deactivated"):
        run("ann")
    assert not ApiToken.objects.exists()
