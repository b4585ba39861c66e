"""How well vectors tell classes apart, leave one out: the measures of `eidetic eval`, by the same definitions."""

from __future__ import annotations

from typing import Any, Dict, Tuple

NAMES = ("p_at_1", "p_at_10", "r_precision", "map", "map_at_r", "mrr")


def rank(
    vectors: Any, labels: Any
) -> Tuple[Dict[str, float], Dict[str, float], Dict[int, Tuple[int, Dict[str, float]]]]:
    """Means over the queries whose class has another picture, half their 95 % intervals, queries and means by class."""
    import numpy

    labels = numpy.asarray(labels)
    vectors = vectors / numpy.maximum(numpy.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    values, of_query = [], []
    for query, vector in enumerate(vectors):
        scores = vectors @ vector
        order = numpy.argsort(-scores, kind="stable")
        order = order[order != query]
        hits = labels[order] == labels[query]
        ranks = numpy.flatnonzero(hits) + 1
        relevant = len(ranks)
        if relevant == 0:
            continue
        precision = numpy.arange(1, relevant + 1) / ranks
        values.append(
            [
                float(hits[0]),
                hits[:10].sum() / 10,
                hits[:relevant].sum() / relevant,
                precision.sum() / relevant,
                precision[ranks <= relevant].sum() / relevant,
                1 / ranks[0],
            ]
        )
        of_query.append(labels[query])
    table, classes = numpy.array(values), numpy.array(of_query)
    mean = dict(zip(NAMES, table.mean(0).tolist()))
    deviation = table.std(0, ddof=1) if len(table) > 1 else numpy.zeros(len(NAMES))
    margin = dict(zip(NAMES, (1.96 * deviation / len(table) ** 0.5).tolist()))
    by_class = {
        int(label): (int((classes == label).sum()), dict(zip(NAMES, table[classes == label].mean(0).tolist())))
        for label in numpy.unique(classes)
    }
    return mean, margin, by_class
