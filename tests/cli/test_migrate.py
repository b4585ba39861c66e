"""Another model for a collection: prepared, compared, switched and taken back, with a data folder and through a server."""

import random
import re

import pytest
from bundles import add_model
from conftest import Cli, Served, in_terminal
from pictures import draw_folder

COUNT = 30


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return draw_folder(tmp_path_factory.mktemp("pictures"), COUNT)


@pytest.fixture(params=["folder", "server"])
def migrating(request, tmp_path, pictures):
    """The command line, of a data folder or of its server, with the collection `c` and the model `other`."""
    if request.param == "folder":
        cli = Cli(tmp_path / "data")
        add_model(cli.data / "models", "other")
        cli("index", pictures, "-c", "c", "--metadata", pictures / "metadata.csv")
        yield cli
        return
    cli = Served(tmp_path / "served", allowed=[pictures])
    add_model(cli.data / "models", "other")
    with cli:
        cli("index", pictures, "-c", "c", "--metadata", pictures / "metadata.csv")
        yield cli


def show(cli):
    return cli.json("collections", "show", "c")


def test_every_step(migrating):
    cli = migrating
    migrate = ("collections", "migrate", "c")
    assert show(cli)["migration"] is None
    report = cli.json(*migrate, "--model", "other", "--prepare")
    assert (report["embedded"], report["failed"], report["switched"]) == (COUNT, 0, False)
    assert report["migration"]["state"] == "ready"
    assert show(cli)["model"] == "default"
    assert f"ready other: {COUNT} of {COUNT} items, 0 failed" in cli("collections", "show", "c").out

    told = cli(*migrate, "--compare", "--sample", 7, "--label", "kind").out
    assert "of 7 searches" in told and "map_at_r" in told
    compared = cli.json(*migrate, "--compare", "--sample", 7, "--seed", 2)
    assert (compared["compared"], len(compared["searches"]), compared["report"]) == (COUNT, 7, None)

    switched = cli("collections", "migrate", "-c", "c", "--switch", "--grace", "2h").out
    assert "0 items embedded" in switched and "with the model other now; back to default with --rollback until" in switched
    assert show(cli)["migration"]["state"] == "switched"
    found = cli.json("search", "id:circle/0000.jpg", "-c", "c", "-k", 1)
    assert (found["model"], found["hits"][0]["id"]) == ("other", "circle/0000.jpg")

    assert cli.json(*migrate, "--rollback")["migration"] is None
    assert show(cli)["model"] == "default"
    cli(*migrate, "--model", "other", "--prepare")
    assert "no vectors of another one" in cli(*migrate, "--cancel").out
    assert cli.json(*migrate, "--model", "other", "--grace", "0s")["switched"]
    assert show(cli)["migration"] is None
    assert "already" in cli(*migrate, "--model", "other", status=2).err
    cli(*migrate, "--model", "default")
    assert cli.json(*migrate, "--finish")["migration"] is None


def test_one_step_at_a_time(migrating):
    migrate = ("collections", "migrate", "c")
    for wrong in ((), ("--switch", "--rollback"), ("--model", "other", "--cancel")):
        assert "--rollback" in migrating(*migrate, *wrong, status=2).err
    assert "roll back" in migrating(*migrate, "--rollback", status=2).err
    assert "nothing" in migrating(*migrate, "--model", "nothing", status=1).err
    migrating(*migrate, "--model", "other", "--grace", "soon", status=2)


def test_what_cannot_be_embedded(tmp_path, pictures):
    cli = Cli(tmp_path / "data")
    add_model(cli.data / "models", "other")
    copies = tmp_path / "copies"
    draw_folder(copies, 4)
    cli("index", copies, "-c", "c")
    (copies / "circle/0000.jpg").unlink()
    answer = cli("collections", "migrate", "c", "--model", "other", status=3)
    assert "circle/0000.jpg" in answer.err and "--drop-failed" in answer.out
    assert show(cli)["model"] == "default"
    report = cli.json("collections", "migrate", "c", "--switch", "--drop-failed", status=3)
    assert (report["dropped"], report["switched"]) == (1, True)
    assert (show(cli)["model"], show(cli)["items"]) == ("other", 3)


def test_killed_it_goes_on(tmp_path, many_pictures):
    cli = Cli(tmp_path / "data")
    add_model(cli.data / "models", "other")
    cli("index", many_pictures, "-c", "a")
    moments = random.Random(5)
    done = 0
    command = ["collections", "migrate", "a", "--model", "other"]
    for _ in range(5):
        status, text = in_terminal(cli.command(*command), kill_after=moments.uniform(0, 1), kill_from="/1000 ")
        shown = cli.json("collections", "show", "a")
        assert shown["items"] == 1000
        if status == 0:
            break
        assert status == -9
        if shown["migration"]["state"] != "switched":
            told = max(int(count) for count in re.findall(r"(\d+)/1000 ", text))
            assert shown["migration"]["done"] >= max(done, told), "what was told to be done is lost"
            done = shown["migration"]["done"]
    report = cli.json(*command)
    assert report["switched"] and report["embedded"] + report["kept"] in (0, 1000)
    assert cli.json("search", "id:circle/0000.jpg", "-c", "a", "-k", 1)["model"] == "other"
