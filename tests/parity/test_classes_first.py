"""A search among the query's class finds no less of it than one among all, on photographs that nothing was learnt from."""

import json

import pytest
from reference import MODEL, PHOTOS, make_bundle, run

pytestmark = pytest.mark.skipif(not MODEL.exists() or not PHOTOS.exists(), reason=f"needs {MODEL} and {PHOTOS}")


def hits(data, *arguments):
    done = run("search", *arguments, "-c", "c", "-k", 10, "--data", data, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("photos", ["caltech101", "grocery"])
def test_classes_first(tmp_path, photos):
    known, asked = tmp_path / "known", []
    for place, picture in enumerate(sorted((PHOTOS / photos).glob("*/*.jpg"))):
        if place % 20 == 7:
            asked.append(picture)
            continue
        link = known / picture.relative_to(PHOTOS / photos)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(picture)
    folder = tmp_path / "bundle"
    folder.mkdir()
    bundle = make_bundle(folder, {}, layer="features")
    data = tmp_path / "data"
    assert run("index", known, "-c", "c", "--model", bundle, "--precision", "f32", "--data", data).returncode == 0
    trained = run("classifiers", "train", "-c", "c", "--label", "@folder", "--data", data, "--json")
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["accuracy"] >= 0.9

    def look(picture):
        label = picture.parent.name
        plain = hits(data, picture)["hits"]
        first = hits(data, picture, "--classify", "class")
        told = first["explain"]["classification"]
        of_class = lambda found: sum(hit["id"].startswith(f"{label}/") for hit in found)
        return of_class(plain), of_class(first["hits"]), told["class"] == label, told["fallback"]

    plain, first, right, fallbacks = zip(*map(look, asked))
    share = 10 * len(asked)
    print(
        f"{photos}: {len(asked)} queries, P@10 {sum(plain) / share:.3f} among all, {sum(first) / share:.3f} classes first; "
        f"class right {sum(right) / len(asked):.3f}; {sum(map(bool, fallbacks))} fell back"
    )
    assert sum(first) >= sum(plain)
    assert sum(right) / len(asked) >= 0.85

    # The wrong class by force: the picture itself is found all the same.
    mine = sorted(known.glob("*/*.jpg"))[0]
    other = sorted(folder.name for folder in known.iterdir())[-1]
    found = hits(data, mine, "--classify", "class", "--class", other)
    assert found["explain"]["classification"]["fallback"] == "nearer"
    assert found["hits"][0]["id"] == str(mine.relative_to(known))
