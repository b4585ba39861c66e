"""The places that collections are kept in, and what the data folder remembers of them."""

DOWN = "qdrant://127.0.0.1:9"


def test_an_engine_that_never_answered_is_not_remembered(cli, tmp_path):
    vectors = tmp_path / "vectors.csv"
    vectors.write_text("filename,0,1\na,1,0\nb,0,1\n")
    cli("collections", "import", vectors, "--name", "near")
    refused = cli("collections", "copy", "near", "--to", DOWN, status=1)
    assert "127.0.0.1:9" in refused.err
    listed = cli.json("backends", "list")["backends"]
    assert listed == [{"name": "embedded", "preferred": True, "collections": 1}]
    assert "near" in cli("collections", "list").out
    there = cli("backends", "list", "--backend", DOWN)
    assert "here" in there.out.splitlines()[-1] and DOWN in there.out.splitlines()[-1]
    assert len(cli.json("backends", "list")["backends"]) == 1


def test_what_cannot_be_forgotten(cli):
    assert f"'{DOWN}' is no backend that is remembered" in cli("backends", "forget", DOWN, status=1).err
    assert "is no URL" in cli("backends", "forget", "embedded", status=2).err
