"""Do the people who labelled agree? Coefficients with intervals from additive label counts.

Count with :func:`agreement_statistics`, add statistics of disjoint items with ``+``, and ask
:func:`agreement` for all coefficients, :func:`pairwise_agreement`, :func:`annotator_agreement`,
:func:`value_agreement`, :func:`item_disagreement`, :func:`subgroup_agreement` and
:func:`cross_group_agreement` for where they come from. Numbers with many distinct values have
:func:`numeric_statistics` and :func:`numeric_agreement`.
"""

from measures.agreement.annotators import AnnotatorAgreement, annotator_agreement
from measures.agreement.benchmarks import Band, benchmark_by_replicates, benchmark_by_se
from measures.agreement.cross_groups import (
    CrossGroupAgreement,
    GroupCohesion,
    cross_group_agreement,
)
from measures.agreement.distances import jaccard_distance, masi_distance, weight_matrix
from measures.agreement.group_differences import GroupDifference, group_difference_tests
from measures.agreement.items import ItemDisagreement, item_disagreement
from measures.agreement.null_test import fleiss_null_test
from measures.agreement.numeric import NumericStatistics, numeric_agreement, numeric_statistics
from measures.agreement.pairs import PairAgreement, PairTable, pairwise_agreement
from measures.agreement.patterns import AgreementStatistics, agreement_statistics
from measures.agreement.planning import items_for_half_width
from measures.agreement.results import Agreement, Parts, agreement
from measures.agreement.scales import Domain, Scale, declare_domain
from measures.agreement.second_opinion import SecondOpinion, second_opinion
from measures.agreement.subgroups import Labels, SubgroupAgreement, subgroup_agreement
from measures.agreement.two_annotators import paradox_indices
from measures.agreement.values import ValueAgreement, value_agreement

__all__ = [
    "Agreement",
    "AgreementStatistics",
    "AnnotatorAgreement",
    "Band",
    "CrossGroupAgreement",
    "Domain",
    "GroupCohesion",
    "GroupDifference",
    "ItemDisagreement",
    "Labels",
    "NumericStatistics",
    "PairAgreement",
    "PairTable",
    "Parts",
    "Scale",
    "SecondOpinion",
    "SubgroupAgreement",
    "ValueAgreement",
    "agreement",
    "agreement_statistics",
    "annotator_agreement",
    "benchmark_by_replicates",
    "benchmark_by_se",
    "cross_group_agreement",
    "declare_domain",
    "fleiss_null_test",
    "group_difference_tests",
    "item_disagreement",
    "items_for_half_width",
    "jaccard_distance",
    "masi_distance",
    "numeric_agreement",
    "numeric_statistics",
    "pairwise_agreement",
    "paradox_indices",
    "second_opinion",
    "subgroup_agreement",
    "value_agreement",
    "weight_matrix",
]
