"""docs/cli.md is true: it has the commands and options that the program has, and no others."""

import re
import subprocess

import pytest
from conftest import EIDETIC, SOURCE

DOCUMENT = (SOURCE / "docs/cli.md").read_text()


def help_of(*command):
    return subprocess.run([EIDETIC, *command, "--help"], capture_output=True, text=True, check=True).stdout


def part(text, title):
    match = re.search(rf"^{title}:\n(.*?)(?:\n\n|\Z)", text, re.M | re.S)
    return match[1].splitlines() if match else []


def commands():
    """Every command without subcommands, as words."""

    def below(*path):
        names = [line.split()[0] for line in part(help_of(*path), "Subcommands") if re.match(r"  \S", line)]
        for name in names:
            yield from list(below(*path, name)) or [(*path, name)]

    return list(below())


def options_of_help(text):
    """'-c,--collection NAME', '--prune'."""
    found = set()
    for line in part(text, "Options"):
        if match := re.match(r"  (-\S+(?: (?!REQUIRED)[A-Z]\S*)?)", line):
            found.add(match[1])
    return found


def sections():
    """Command -> the text under its heading."""
    pieces = re.split(r"^## (.*)\n", DOCUMENT, flags=re.M)
    return dict(zip(pieces[1::2], pieces[2::2]))


def options_of_document(text):
    return set(re.findall(r"^\| `(-[^`]*)` \|", text, re.M))


def section_of(command):
    name = "eidetic " + " ".join(command)
    found = [text for title, text in sections().items() if title == name or title.startswith(name + " ")]
    assert len(found) == 1, f"docs/cli.md has {len(found)} sections for '{name}'"
    return found[0]


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_options_are_documented(command):
    assert options_of_document(section_of(command)) | {"-h,--help"} == options_of_help(help_of(*command))


def test_options_of_every_command():
    assert options_of_document(sections()["Everywhere"]) == options_of_help(help_of())


def test_no_command_is_made_up():
    known = {" ".join(command) for command in commands()}
    for title in sections():
        if title.startswith("eidetic "):
            words = title.split()[1:]
            assert " ".join(words[:1]) in known or " ".join(words[:2]) in known, title
