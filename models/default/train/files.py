"""Files that appear complete or not at all, whatever ends the program."""

import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path


class Refused(Exception):
    """What was asked for cannot be done; the message names what it is and the way out."""


@contextmanager
def written_whole(path):
    """A file to write that takes its name when all of it is on the disk."""
    path = Path(path)
    aside = path.with_name(path.name + ".part")
    with aside.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_text(path, text):
    with written_whole(path) as file:
        file.write(text.encode())


def write_json(path, document):
    write_text(path, json.dumps(document, indent=2) + "\n")


def sha256_of(path):
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
