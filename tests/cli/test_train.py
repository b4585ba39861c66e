"""`eidetic train`: from a folder to a model that other commands take; what cannot be learnt says so."""

import csv
import json
import shutil

from conftest import SOURCE
from pictures import draw_folder

SMALL = ("--embedder-layers", "8", "--epochs", "2", "--batch-size", "8", "--sampler-m", "4", "--lr", "1e-3")


def test_from_a_folder_to_a_model(cli, pictures, tmp_path):
    output = tmp_path / "training"
    report = cli.json("train", pictures, "-c", "shapes", "--name", "shapely", *SMALL, "-o", output)
    assert (report["items"], report["classes"], report["learnt"], report["held_out"]) == (40, 4, 28, 12)
    assert len(report["epochs"]) == 2 and set(report["before"]) == set(report["after"])
    assert json.loads((output / "training.json").read_text())["embedder_layers"] == [8]
    assert [row["epoch"] for row in csv.DictReader((output / "epochs.csv").open())] == ["1", "2"]
    assert "<h1>shapely</h1>" in (output / "report.html").read_text()
    cli("index", pictures, "-c", "learnt", "--model", "shapely")
    assert cli.json("collections", "show", "learnt")["dimensions"] == 8
    hit = cli.json("search", pictures / "circle/0000.jpg", "-c", "learnt", "-k", 1)["hits"][0]
    assert (hit["id"], round(hit["similarity"], 4)) == ("circle/0000.jpg", 1)


def test_what_cannot_be_learnt(indexed, tmp_path):
    def refused(*options, status=1):
        return indexed("train", "-c", "shapes", "-o", tmp_path / "out", *options, status=status).err

    assert "kind" in refused("--label", "knd")
    assert "circle, triplet" in refused("--loss", "circel", status=2)
    assert "multiple" in refused("--batch-size", "9", status=2)
    assert "default" in refused("--trunk-model", "defualt")
    assert "nowhere" in indexed("train", tmp_path / "nowhere", "-c", "new", status=1).err
    assert [one["name"] for one in indexed.json("collections", "list")["collections"]] == ["shapes"]
    bundle = tmp_path / "bundle"
    shutil.copytree(SOURCE / "models/default", bundle)
    described = json.loads((bundle / "model.json").read_text())
    (bundle / "model.json").write_text(json.dumps({**described, "layer": "no_such_layer"}))
    assert "no_such_layer" in refused("--trunk-model", bundle)
    assert not (tmp_path / "out/model.onnx").exists()


def test_pictures_that_are_gone_are_told_of(cli, tmp_path):
    folder = draw_folder(tmp_path / "pictures", 24)
    cli("index", folder, "-c", "shapes")
    (folder / "circle/0000.jpg").unlink()
    (folder / "cross/0002.jpg").write_bytes(b"no picture")
    report = cli.json("train", "-c", "shapes", "--views", "2", *SMALL, "-o", tmp_path / "out", status=3)
    assert (report["items"], report["failed"]) == (22, 2)
    assert sorted(error["uri"] for error in report["errors"]) == ["circle/0000.jpg", "cross/0002.jpg"]
    assert cli("train", "-c", "shapes", "--views", "2", *SMALL, "--name", "again", "-o", tmp_path / "again", status=3).err.count("0000.jpg")
