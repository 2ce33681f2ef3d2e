"""Who is asking: a key in the Authorization header, or a session; and what the key may do."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

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
