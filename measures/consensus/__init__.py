"""What is the right value of each item, and whom can one rely on, from the labels alone.

Count with :func:`label_counts`, fit :func:`dawid_skene` (or :func:`one_coin`, :func:`mace`,
:func:`glad`, or count heads), :func:`decide` the consensus, and ask :func:`reliability` about the
annotators and :func:`item_issues` and :func:`label_issues` about what is unsettled. Numbers have
:func:`number_labels` and :func:`bias_variance`.
"""

from measures.consensus.activelab import ActiveLab, RelabelPlan, activelab, plan_relabels
from measures.consensus.answers import (
    NO_VALUE,
    Consensus,
    TieRule,
    accuracy_against_gold,
    decide,
)
from measures.consensus.conduct import Assignment, Pace, assignment_check, drift, pace
from measures.consensus.confident_learning import (
    ConfidentIssues,
    ConfidentJoint,
    LabelQuality,
    confident_issues,
    confident_joint,
    label_quality,
)
from measures.consensus.counts import LabelCounts, label_counts
from measures.consensus.crowdlab import Crowdlab, crowdlab
from measures.consensus.crowdlab_certainty import CrowdlabCertainty, crowdlab_certainty
from measures.consensus.dawid_skene import DawidSkene, dawid_skene
from measures.consensus.fitting import Climb
from measures.consensus.glad import Glad, glad
from measures.consensus.label_issues import ItemIssues, LabelIssues, item_issues, label_issues
from measures.consensus.mace import Mace, mace
from measures.consensus.majority import (
    agreement_weights,
    majority_shares,
    weighted_majority_shares,
)
from measures.consensus.numeric import (
    LARGEST,
    BiasVariance,
    NumberIssues,
    NumberLabels,
    bias_estimates,
    bias_variance,
    distance_from_gold,
    mean_consensus,
    median_consensus,
    number_issues,
    number_labels,
)
from measures.consensus.one_coin import OneCoin, one_coin
from measures.consensus.planning import LabelPlan, plan_labels
from measures.consensus.reliability import (
    Reliability,
    accuracy_intervals,
    consensus_without,
    gold_accuracy,
    reliability,
    shared_items,
    spammer_scores,
)

__all__ = [
    "LARGEST",
    "NO_VALUE",
    "ActiveLab",
    "Assignment",
    "BiasVariance",
    "Climb",
    "ConfidentIssues",
    "ConfidentJoint",
    "Consensus",
    "Crowdlab",
    "CrowdlabCertainty",
    "DawidSkene",
    "Glad",
    "ItemIssues",
    "LabelCounts",
    "LabelIssues",
    "LabelPlan",
    "LabelQuality",
    "Mace",
    "NumberIssues",
    "NumberLabels",
    "OneCoin",
    "Pace",
    "RelabelPlan",
    "Reliability",
    "TieRule",
    "accuracy_against_gold",
    "accuracy_intervals",
    "activelab",
    "agreement_weights",
    "assignment_check",
    "bias_estimates",
    "bias_variance",
    "confident_issues",
    "confident_joint",
    "consensus_without",
    "crowdlab",
    "crowdlab_certainty",
    "dawid_skene",
    "decide",
    "distance_from_gold",
    "drift",
    "glad",
    "gold_accuracy",
    "item_issues",
    "label_counts",
    "label_issues",
    "label_quality",
    "mace",
    "majority_shares",
    "mean_consensus",
    "median_consensus",
    "number_issues",
    "number_labels",
    "one_coin",
    "pace",
    "plan_labels",
    "plan_relabels",
    "reliability",
    "shared_items",
    "spammer_scores",
    "weighted_majority_shares",
]
