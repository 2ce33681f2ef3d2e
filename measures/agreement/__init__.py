"""Do the people who labelled agree? Coefficients with intervals from additive label counts."""

from measures.agreement.patterns import AgreementStatistics, agreement_statistics
from measures.agreement.results import Agreement, Parts, agreement
from measures.agreement.scales import Domain, Scale, declare_domain

__all__ = [
    "Agreement",
    "AgreementStatistics",
    "Domain",
    "Parts",
    "Scale",
    "agreement",
    "agreement_statistics",
    "declare_domain",
]
