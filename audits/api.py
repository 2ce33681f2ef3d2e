"""The trust card, and the case of one item, over REST."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audits.explanations import explain
from audits.serializers import CaseSerializer, TrustCardSerializer
from audits.trust_card import trust_card
from catalog import access
from catalog.access import May
from catalog.rest.preconditions import tagged
from catalog.rest.queries import query_of


class TrustCardView(APIView):
    """Verdicts, worst subgroups and what to fix first, from the newest finished results."""

    serializer_class = TrustCardSerializer

    def get(self, request: Request, slug: str) -> Response:
        query_of(request)
        dataset = access.dataset_for(request.user, slug, may=May.READ_RESULTS)
        role = access.membership_of(request.user, dataset).role
        return tagged(request, trust_card(request, dataset, role))


class CaseView(APIView):
    """Everything about one item: labels, consensus, probabilities, novelty, and their runs."""

    serializer_class = CaseSerializer

    def get(self, request: Request, slug: str, item: str) -> Response:
        query_of(request)
        dataset = access.dataset_for(request.user, slug, may=May.READ_RESULTS)
        return tagged(request, explain(request.user, dataset, item))
