"""Keys for programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.models import ApiToken
from catalog.problems import Refusal
from catalog.rest.authentication import ApiTokenAuthentication, PasswordAuthentication
from catalog.rest.paging import CursorPage
from catalog.rest.queries import query_of
from catalog.serializers import TokenSerializer

_DEFAULT_DAYS = 90


class TokenList(APIView):
    """Your keys. POST (with name and password, or a session) makes one, which is shown once."""

    serializer_class = TokenSerializer
    authentication_classes = (ApiTokenAuthentication, PasswordAuthentication, SessionAuthentication)

    @extend_schema(operation_id="tokens_list", responses=TokenSerializer(many=True))
    def get(self, request: Request) -> Response:
        query_of(request)
        page = CursorPage()
        rows = ApiToken.objects.filter(user_id=request.user.pk).order_by("-created", "token_key")
        found: Any = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(TokenSerializer(found, many=True).data)

    @extend_schema(responses={201: TokenSerializer})
    def post(self, request: Request) -> Response:
        if isinstance(request.auth, ApiToken):
            raise Refusal(
                "A token cannot make tokens; sign in with name and password (basic) or a session.",
                code="permission_denied",
                status=403,
            )
        serializer = TokenSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = dict(serializer.validated_data)
        fields.setdefault("name", "unnamed")
        life = timedelta(days=fields.pop("days", _DEFAULT_DAYS))
        made, token = ApiToken.objects.create(user=request.user, expiry=life, **fields)
        body = {**TokenSerializer(made).data, "token": token}
        location = request.build_absolute_uri(f"{made.token_key}/")
        return Response(body, status=201, headers={"Location": location})


class TokenDetail(APIView):
    """One of your keys; DELETE makes it worthless at once."""

    serializer_class = TokenSerializer

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        gone, _ = ApiToken.objects.filter(user_id=request.user.pk, token_key=key).delete()
        if not gone:
            raise Refusal(f"You have no token {key!r}.", code="not_found", status=404)
        return Response(status=204)

    def get(self, request: Request, key: str) -> Response:
        found = ApiToken.objects.filter(user_id=request.user.pk, token_key=key).first()
        if found is None:
            raise Refusal(f"You have no token {key!r}.", code="not_found", status=404)
        body = dict(TokenSerializer(found).data)
        body["expired"] = found.expiry is not None and found.expiry < timezone.now()
        return Response(body)
