"""Builders of label tables for the agreement tests."""

import numpy as np

from measures.agreement import agreement, agreement_statistics, declare_domain


def make_labels(table, domain):
    """Columns item, annotator, code from rows of items; None or '.' is a missing label."""
    domain = list(domain)
    columns = [
        (item, annotator, domain.index(value))
        for item, row in enumerate(table)
        for annotator, value in enumerate(row)
        if value is not None and value != "."
    ]
    return tuple(np.array(columns, dtype=np.int64).reshape(-1, 3).T)


def make_table(text):
    """Rows of items from '112./33.3' with one character a label."""
    return [list(row) for row in text.split("/")]


def from_contingency(counts, domain):
    """Rows of items by two annotators from a square table of counts."""
    return [
        [domain[row], domain[column]]
        for row, line in enumerate(counts)
        for column, times in enumerate(line)
        for _ in range(times)
    ]


def from_counts(counts, domain):
    """Rows of items from counts of labels by value, annotators being exchangeable."""
    return [[domain[k] for k, times in enumerate(line) for _ in range(times)] for line in counts]


def measured(table, domain, scale="nominal", **options):
    """Agreement on a table of items by annotators."""
    options = {"rng": np.random.default_rng(11), "n_replicates": 0} | options
    item, annotator, code = make_labels(table, domain)
    statistics = agreement_statistics(item, annotator, code, n_values=len(domain))
    return agreement(statistics, declare_domain(domain, scale), **options)


def value_of(table, domain, key, scale="nominal", **options):
    """One coefficient of a table, or its reason."""
    estimate = measured(table, domain, scale, **options).coefficients[key]
    return estimate.value if estimate.reason is None else str(estimate.reason)


def statistics_of(table, domain, **options):
    """Statistics of a table of items by annotators."""
    return agreement_statistics(*make_labels(table, domain), n_values=len(domain), **options)


def random_labels(n_items=300, n_annotators=4, n_values=3, seed=2):
    """Columns of labels that agree with a hidden truth in six of ten, with gaps."""
    draw = np.random.default_rng(seed)
    item, annotator = np.divmod(np.arange(n_items * n_annotators), n_annotators)
    truth = draw.integers(0, n_values, n_items)
    noise = draw.integers(0, n_values, item.size)
    code = np.where(draw.random(item.size) < 0.6, truth[item], noise)
    kept = draw.random(item.size) < 0.8
    return item[kept], annotator[kept], code[kept]
