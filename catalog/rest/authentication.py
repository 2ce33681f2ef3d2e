"""Who is asking: a key in the Authorization header, or a session; and what the key may do."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import ValidationError
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework.authentication import BasicAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from catalog import quotas
from catalog.models import ApiToken


class ApiTokenAuthentication(TokenAuthentication):  # type: ignore[misc]
    """``Authorization: Token ...``; says why a key was not accepted."""

    def authenticate_credentials(self, token: bytes) -> Any:
        try:
            return super().authenticate_credentials(token)
        except UnicodeDecodeError:
            raise AuthenticationFailed("The token has characters that no token has.") from None

    def _cleanup_token(self, auth_token: ApiToken) -> bool:
        """Whether the key has expired; it stays in the list, where its owner can see that."""
        if auth_token.expiry is not None and auth_token.expiry < timezone.now():
            raise AuthenticationFailed(
                f"The token {auth_token.name!r} expired on {auth_token.expiry:%Y-%m-%d}; "
                "make a new one at /api/v1/tokens/."
            )
        return False


class PasswordBackend(ModelBackend):
    """Name and password, on pages and over REST; a name with many wrong ones has to wait."""

    def authenticate(
        self, request: Any, username: Any = None, password: Any = None, **fields: Any
    ) -> Any:
        who = quotas.unnamed(str(username))
        if username is not None and quotas.is_spent("sign_ins", who):
            # A form shows it as its own error; PasswordAuthentication makes an answer of it.
            raise ValidationError(quotas.too_many("sign_ins").detail, code="rate_limited")
        user = super().authenticate(request, username, password, **fields)
        if user is None and username is not None:
            quotas.count("sign_ins", who)
        return user


class PasswordAuthentication(BasicAuthentication):
    """``Authorization: Basic ...``, where tokens are made."""

    def authenticate_credentials(self, userid: str, password: str, request: Any = None) -> Any:
        try:
            return super().authenticate_credentials(userid, password, request)
        except ValidationError:
            raise quotas.too_many("sign_ins") from None
        except AuthenticationFailed:
            raise AuthenticationFailed(
                "Name or password is wrong; check both, or ask whoever runs the service for a "
                "token (./trust token NAME)."
            ) from None


class PasswordScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API's description says that a password is sent."""

    target_class = "catalog.rest.authentication.PasswordAuthentication"
    name = "basicAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "basic"}


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API's description says that a key is sent."""

    target_class = "catalog.rest.authentication.ApiTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "Token followed by a space and the key, which /api/v1/tokens/ gives.",
        }


class SignedIn(BasePermission):
    """Only for people and programs that are signed in; a key of scope read changes nothing."""

    message = "This needs a signed-in user, or a token of scope write for anything but reading."

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        reads_only = isinstance(request.auth, ApiToken) and request.auth.scope == "read"
        return request.method in SAFE_METHODS or not reads_only
