"""Batches of samples that were made, to be learnt from again: teacher and augmentation are dearer than the student.

A batch is a function of its number, so the file is but a cache of them: what a kill, another run or a full disk left in it that is
not the batch that is wanted is made again.
"""

import zlib

import numpy

SIDE = 112  # pixels of the student's pictures


class Replay:
    """The last `slots` batches of `batch` samples each. `make(number)` gives the pictures and the targets of a batch."""

    def __init__(self, file, slots, batch, dimensions, make):
        kind = numpy.dtype(
            [
                ("number", "<i8"),  # of the batch, from 1; 0: there is none
                ("sum", "<u4"),
                ("pictures", "u1", (batch, 3, SIDE, SIDE)),
                ("targets", "<f4", (batch, dimensions)),
            ]
        )
        size = slots * kind.itemsize
        if not file.exists() or file.stat().st_size != size:
            with file.open("wb") as out:
                out.truncate(size)
        self.slots = numpy.memmap(file, kind, "r+", shape=(slots,))
        self.make = make
        self.trusted = set()

    def batch(self, number):
        """Batch `number`, from 1."""
        slot = self.slots[number % len(self.slots)]
        if slot["number"] == number:
            if number in self.trusted:
                return slot["pictures"], slot["targets"]
            if self.sum_of(slot) == slot["sum"]:
                self.trusted.add(number)
                return slot["pictures"], slot["targets"]
        self.trusted.discard(int(slot["number"]))
        slot["number"] = 0
        slot["pictures"], slot["targets"] = self.make(number)
        slot["sum"] = self.sum_of(slot)
        slot["number"] = number
        self.trusted.add(number)
        return slot["pictures"], slot["targets"]

    def some(self, random, made, parts):
        """A batch of parts of batches, of those that are kept once `made` of them were made."""
        oldest = max(1, made - len(self.slots) + 1)
        pictures, targets = [], []
        for number in random.integers(oldest, made + 1, parts):
            of_batch, target = self.batch(int(number))
            rows = random.choice(len(of_batch), len(of_batch) // parts, replace=False)
            pictures.append(of_batch[rows])
            targets.append(target[rows])
        return numpy.concatenate(pictures), numpy.concatenate(targets)

    @staticmethod
    def sum_of(slot):
        return zlib.crc32(slot["targets"].tobytes(), zlib.crc32(slot["pictures"].tobytes()))
