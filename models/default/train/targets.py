"""What the student is to say of a photo: the teacher's values, centred, turned to their principal axes, the first of them kept and
their spread evened out in part (eigenvalue ** EXPONENT)."""

import numpy
from files import Refused, written_whole
from views import DEPLOYED, deployed

EXPONENT = -0.25
AT_ONCE = 32


class Targets:
    def __init__(self, key, mean, axes, clean):
        self.key = key
        self.mean, self.axes = mean, axes  # values; values x dimensions
        self.clean = clean  # of every photo of the pool as it is, photos x dimensions
        self.dimensions = axes.shape[1]

    def of(self, values):
        return (values - self.mean) @ self.axes


def make_targets(pool, teacher, dimensions, folder, *, tell=lambda done, total: None):
    """Kept in `folder`; where pool and teacher are the same, they are not made again."""
    file, key = folder / "targets.npz", f"{pool.key} {teacher.sha256} {teacher.layer} {dimensions}"
    if file.exists():
        with numpy.load(file) as kept:
            if str(kept["key"]) == key:
                return Targets(key, kept["mean"], kept["axes"], kept["clean"])
    values = []
    for first in range(0, len(pool.photos), AT_ONCE):
        tell(first, len(pool.photos))
        rows = range(first, min(first + AT_ONCE, len(pool.photos)))
        values.append(teacher(deployed(pool, rows, teacher.width, teacher.height, DEPLOYED)))
    values = numpy.concatenate(values)
    if not numpy.isfinite(values).all():
        raise Refused(f"teacher '{teacher.folder}' says what is no number of some photos: is its model.json right?")
    learnt = values[pool.rows("learn")]
    mean = learnt.mean(0)
    eigenvalues, vectors = numpy.linalg.eigh(numpy.cov(learnt - mean, rowvar=False).astype(numpy.float64))
    eigenvalues, vectors = eigenvalues[::-1], vectors[:, ::-1]
    kept = min(dimensions, int((eigenvalues > eigenvalues[0] * 1e-6).sum()))
    axes = (vectors[:, :kept] * eigenvalues[:kept] ** EXPONENT).astype(numpy.float32)
    targets = Targets(key, mean, axes, (values - mean) @ axes)
    with written_whole(file) as out:
        numpy.savez(out, key=key, mean=mean, axes=axes, clean=targets.clean)
    return targets
