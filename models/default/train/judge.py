"""How good the student is, by what it has not learnt from: P@1 and mAP among photos of unseen classes (leave one out, cosine), and
how near it is to the teacher on photos put aside."""

import numpy
import torch
from pool import UNSEEN, VALIDATE
from replay import SIDE
from views import deployed

AT_ONCE = 64


def unit(vectors):
    return vectors / numpy.maximum(numpy.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def retrieval(vectors, labels):
    """P@1 and mAP: every photo asks for the others of its label."""
    vectors, labels = unit(vectors), numpy.asarray(labels)
    scores = vectors @ vectors.T
    numpy.fill_diagonal(scores, -numpy.inf)
    first, precision = [], []
    for scores_of, label in zip(scores, labels):
        order = numpy.argsort(-scores_of, kind="stable")[:-1]
        hits = labels[order] == label
        if not hits.any():
            continue
        ranks = numpy.flatnonzero(hits) + 1
        first.append(hits[0])
        precision.append((numpy.arange(1, len(ranks) + 1) / ranks).mean())
    return {"p_at_1": float(numpy.mean(first)), "map": float(numpy.mean(precision))}


class Judge:
    def __init__(self, pool, targets, teacher, device):
        self.device = device
        self.validation, self.unseen = pool.rows(VALIDATE), pool.rows(UNSEEN)
        self.labels = pool.labels(self.unseen)
        self.wanted = unit(targets.clean[self.validation])
        self.of_teacher = retrieval(targets.clean[self.unseen], self.labels) if len(self.unseen) else {}
        rows = numpy.concatenate([self.validation, self.unseen])
        self.pictures = [
            deployed(pool, rows[i : i + AT_ONCE], SIDE, SIDE, 1.0).round().to(torch.uint8)
            for i in range(0, len(rows), AT_ONCE)
        ]

    def __call__(self, student):
        student.eval()
        with torch.no_grad():
            said = [student(part.to(self.device) / 127.5 - 1).float().cpu().numpy() for part in self.pictures]
        said = unit(numpy.concatenate(said))
        count = len(self.validation)
        told = {"cosine": float((said[:count] * self.wanted).sum(1).mean())}
        return told | (retrieval(said[count:], self.labels) if len(self.unseen) else {})
