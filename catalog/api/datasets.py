"""Data sets and their members."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog import access, services
from catalog.access import May
from catalog.models import Attribute, Dataset, Membership, Question
from catalog.problems import Refusal
from catalog.rest.definitions import DefinitionDetail, DefinitionList
from catalog.rest.paging import CursorPage
from catalog.rest.preconditions import check_match, tagged
from catalog.rest.queries import query_of
from catalog.serializers import (
    AttributeSerializer,
    DatasetSerializer,
    MembershipSerializer,
    QuestionSerializer,
)


class DatasetList(APIView):
    """The data sets that you are a member of."""

    serializer_class = DatasetSerializer

    @extend_schema(operation_id="datasets_list", responses=DatasetSerializer(many=True))
    def get(self, request: Request) -> Response:
        query_of(request)
        page = CursorPage()
        rows = access.datasets_of(request.user).prefetch_related("memberships")
        found = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(
            DatasetSerializer(found, many=True, context={"request": request}).data
        )

    @extend_schema(responses={201: DatasetSerializer})
    def post(self, request: Request) -> Response:
        serializer = DatasetSerializer(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        dataset = services.create_dataset(request.user, serializer.validated_data)
        body = DatasetSerializer(dataset, context={"request": request}).data
        location = request.build_absolute_uri(f"{dataset.slug}/")
        return Response(body, status=201, headers={"Location": location})


class DatasetDetail(APIView):
    """One data set."""

    serializer_class = DatasetSerializer

    def get(self, request: Request, slug: str) -> Response:
        return self._answer(request, access.dataset_for(request.user, slug, may=May.SEE))

    def patch(self, request: Request, slug: str) -> Response:
        dataset = access.dataset_for(request.user, slug, may=May.DEFINE)
        with transaction.atomic():
            dataset = services.lock(dataset)
            check_match(request, self._body(request, dataset))
            serializer = DatasetSerializer(
                dataset, data=request.data, partial=True, context={"request": request}
            )
            serializer.is_valid(raise_exception=True)
            services.change(dataset, serializer.validated_data)
        return self._answer(request, dataset)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        services.delete_dataset(access.dataset_for(request.user, slug, may=May.DELETE))
        return Response(status=204)

    def _answer(self, request: Request, dataset: Dataset) -> Response:
        return tagged(request, self._body(request, dataset))

    def _body(self, request: Request, dataset: Dataset) -> dict[str, Any]:
        return DatasetSerializer(dataset, context={"request": request}).data


class MemberList(APIView):
    """Who may do what with the data set."""

    serializer_class = MembershipSerializer

    @extend_schema(operation_id="members_list", responses=MembershipSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        query_of(request)
        dataset = access.dataset_for(request.user, slug, may=May.DEFINE)
        page = CursorPage()
        rows = dataset.memberships.select_related("user")
        found = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(MembershipSerializer(found, many=True).data)

    @extend_schema(responses={201: MembershipSerializer})
    def post(self, request: Request, slug: str) -> Response:
        dataset = access.dataset_for(request.user, slug, may=May.MANAGE_MEMBERS)
        serializer = MembershipSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = serializer.validated_data
        member = services.add_member(
            dataset, fields["user"]["username"], fields["role"], fields.get("annotator", "")
        )
        location = request.build_absolute_uri(f"{member.pk}/")
        body = MembershipSerializer(member).data
        return Response(body, status=201, headers={"Location": location})


class MemberDetail(APIView):
    """One member, by the membership's id or the user's name."""

    serializer_class = MembershipSerializer

    def find(self, request: Request, slug: str, key: str, right: May) -> Membership:
        dataset = access.dataset_for(request.user, slug, may=right)
        members = dataset.memberships.select_related("user", "dataset")
        found = members.filter(user__username=key).first()
        if found is None and key.isascii() and key.isdigit() and len(key) < 19:
            found = members.filter(pk=int(key)).first()
        if found is None:
            raise Refusal(
                f"The data set {slug!r} has no member {key!r}.", code="not_found", status=404
            )
        return found

    def get(self, request: Request, slug: str, key: str) -> Response:
        return Response(MembershipSerializer(self.find(request, slug, key, May.DEFINE)).data)

    def patch(self, request: Request, slug: str, key: str) -> Response:
        member = self.find(request, slug, key, May.MANAGE_MEMBERS)
        serializer = MembershipSerializer(member, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        if "user" in serializer.validated_data:
            raise Refusal(
                "The user of a membership cannot be changed; delete it and add another.",
                code="unknown_field",
                pointer="/user",
            )
        services.change_member(member, serializer.validated_data)
        return Response(MembershipSerializer(member).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, slug: str, key: str) -> Response:
        with transaction.atomic():
            services.remove_member(self.find(request, slug, key, May.MANAGE_MEMBERS))
        return Response(status=204)


class QuestionList(DefinitionList):
    """What annotators are asked about each item."""

    model = Question
    serializer_class = QuestionSerializer

    @extend_schema(operation_id="questions_list", responses=QuestionSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return super().get(request, slug)


class QuestionDetail(DefinitionDetail):
    """One question."""

    model = Question
    serializer_class = QuestionSerializer


class AttributeList(DefinitionList):
    """What is known about items and annotators, by which subgroups are formed."""

    model = Attribute
    serializer_class = AttributeSerializer

    @extend_schema(operation_id="attributes_list", responses=AttributeSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        return super().get(request, slug)


class AttributeDetail(DefinitionDetail):
    """One attribute."""

    model = Attribute
    serializer_class = AttributeSerializer
