"""Collections, jobs, models and the server, through either client."""

import shutil
import time
from random import Random

import pytest
from bundles import add_model
from conftest import encoded
from eidetic import (
    AlreadyExists,
    CalibrationInfo,
    ClassifierInfo,
    Duplicates,
    EideticError,
    Evaluation,
    Failure,
    Health,
    Hit,
    InvalidArgument,
    ItemRef,
    JobFailed,
    ModelComparison,
    NewItem,
    NotFound,
    Query,
    Region,
    Unsupported,
    Vector,
)
from live import SOURCE
from PIL import Image
from pictures import draw, draw_folder, exif_of, textured


def test_create_show_list_drop(client):
    made = client.create_collection("made", index="Flat", metric="dot")
    assert made.name == "made"
    assert (made.info().index, made.info().metric, made.info().items) == ("Flat", "dot", 0)
    client.create_collection("made", index="Flat", metric="dot")
    with pytest.raises(AlreadyExists, match="made") as raised:
        client.create_collection("made", metric="euclidean")
    assert (raised.value.code, raised.value.status) == ("already_exists", 409)
    assert raised.value.request_id in str(raised.value)
    assert "made" in [each.name for each in client.collections()]
    assert "made" in repr(made)
    made.drop()
    with pytest.raises(NotFound, match="made"):
        made.info()


def test_what_is_said_of_a_collection(client):
    told = client.create_collection("told", description="Shoes", source="the shop")
    assert (told.info().description, told.info().source) == ("Shoes", "the shop")
    assert told.update(description="Boots", ef=99).description == "Boots"
    assert (told.info().source, told.info().search["ef"]) == ("the shop", 99)
    told.drop()


def test_bare_vectors(client):
    bare = client.create_collection("bare", dimensions=3)
    bare.add(Vector([1, 0, 0]), id="x")
    bare.add_many([NewItem(Vector([0, 1, 0]), id="y")])
    assert bare.search(Vector([0.9, 0.1, 0])).ids == ["x", "y"]
    assert bare.info().dimensions == 3
    bare.drop()


def test_add_get_patch_delete(fresh):
    added = fresh.add(encoded(), id="a/b ä", metadata={"price": 3, "tags": ["x"]})
    assert (added.id, added.outcome) == ("a/b ä", "created")
    item = fresh.get("a/b ä")
    assert item.metadata == {"price": 3, "tags": ["x"]}
    assert item.vector is None
    assert len(fresh.get("a/b ä", vector=True).vector) == fresh.info().dimensions
    assert fresh.patch("a/b ä", {"price": None, "sold": True}).metadata == {"sold": True, "tags": ["x"]}
    assert fresh.add(encoded(), id="a/b ä").outcome == "unchanged"
    assert fresh.get("a/b ä").metadata == {"sold": True, "tags": ["x"]}
    assert fresh.picture("a/b ä") == encoded()
    assert fresh.thumbnail("a/b ä", 16).startswith(b"\xff\xd8")
    assert fresh.delete("a/b ä") == 1
    assert fresh.delete(["a/b ä", "c"]) == 0
    with pytest.raises(NotFound):
        fresh.get("a/b ä")
    with pytest.raises(TypeError):
        fresh.delete()


@pytest.mark.parametrize("name", [".", "..", "100%", "a+b&c?d#e", "/", "%2F"])
def test_any_id(fresh, name):
    fresh.add(encoded(), id="other")
    assert fresh.add(encoded(), id=name).id == name
    assert fresh.get(name).id == name
    assert fresh.info().items == 2
    assert fresh.delete([name]) == 1


def test_items(shapes):
    every = list(shapes.items(page=7))
    assert len(every) == 40
    assert [item.id for item in every] == sorted(item.id for item in every)
    circles = [item.id for item in shapes.items(filter='kind = "circle" and number < 20', page=3)]
    assert circles == [f"circle/{number:04}.jpg" for number in (0, 4, 8, 12, 16)]
    assert len(next(iter(shapes.items(vectors=True))).vector) > 0
    falling = [item.metadata["number"] for item in shapes.items(filter="number < 20", sort="-number", page=3)]
    assert falling == list(range(19, -1, -1))
    with pytest.raises(InvalidArgument):
        list(shapes.items(filter="kind ="))


def test_facets(shapes):
    kinds, numbers = shapes.facets("kind", "number", filter="number < 20", limit=1)
    assert (kinds.field, kinds.distinct, kinds.without) == ("kind", 4, 0)
    assert kinds.values[0]["items"] == 5
    assert (numbers.least, numbers.largest) == (0, 19)


def test_delete_by_filter(fresh):
    for number in range(4):
        fresh.add(encoded(seed=number), id=str(number), metadata={"number": number})
    assert fresh.delete(filter="number >= 2") == 2
    assert [item.id for item in fresh.items()] == ["0", "1"]


def test_export_and_import(client, shapes, tmp_path):
    file = shapes.export(tmp_path / "shapes.eidetic")
    assert [path.name for path in tmp_path.iterdir()] == ["shapes.eidetic"]
    copy = client.import_collection(file, name="copy")
    assert copy.name == "copy"
    assert copy.info().items == 40
    with pytest.raises(AlreadyExists):
        client.import_collection(file, name="copy")
    copy.drop()
    with pytest.raises(NotFound):
        copy.export(tmp_path / "nothing")
    assert [path.name for path in tmp_path.iterdir()] == ["shapes.eidetic"]


def test_duplicates(fresh):
    image = draw("circle", 5).resize((240, 200))
    copies = [NewItem(image, "whole"), NewItem(image.resize((120, 100)), "small"), NewItem(draw("cross", 6), "other")]
    report = fresh.add_many(copies, on_duplicate="report")
    assert (report.created, report.skipped) == (3, 0)
    assert report.results[1].copy_of.id == "whole"
    assert report.results[0].copy_of is None
    found = fresh.duplicates()
    assert isinstance(found, Duplicates)
    assert (found.groups, found.duplicates, found.extra) == (1, 1, ["small"])
    assert found.found[0].keep == found.found[0].members[0].id == "whole"
    assert fresh.duplicates(verify="never", neighbors=2, limit=1, min_copy_score=0.9, filter="@id = 'none'").groups == 0
    assert fresh.delete(found.extra) == 1
    skipped = fresh.add(image.resize((160, 130)), id="again", on_duplicate="skip")
    assert (skipped.outcome, skipped.copy_of.id) == ("skipped", "whole")
    with pytest.raises(InvalidArgument, match="often"):
        fresh.duplicates(verify="often")


THING = textured(1, (200, 150))
LOWER_RIGHT = Region(0.5, 0.5, 0.5, 0.5)


def scene():
    """The thing, and nothing else, in the lower right of a grey picture."""
    picture = Image.new("RGB", (400, 300), (128, 128, 128))
    picture.paste(THING, (200, 150))
    return picture


def test_part_and_whole(client, fresh):
    fresh.add_many([NewItem(scene(), "scene"), NewItem(textured(5), "other")])
    with pytest.raises(InvalidArgument, match="no regions"):
        fresh.search(THING, regions=True)
    job = fresh.set_regions("multi")
    assert (job.kind, job.state, job.progress.indexed, job.failures()) == ("regions", "done", 2, [])
    assert (fresh.info().regions, fresh.info().region_vectors) == ("multi", 36)
    assert fresh.search(THING)[0].id == "other"
    best = fresh.search(THING, regions=True)[0]
    assert (best.id, best.region, best.query_region) == ("scene", LOWER_RIGHT, None)
    for query in (ItemRef("scene", crop=best.region), Query(ItemRef("scene"), crop=best.region)):
        (found,) = fresh.search_batch([query], regions=True)
        assert (found[0].id, found[0].region) == ("scene", LOWER_RIGHT), "what was found can be searched with"
    assert fresh.search(ItemRef("scene"), crop=best.region)[0].id == "other"
    waiting = fresh.set_regions("2x2", wait=False)
    assert waiting.wait(progress=False).state == "done"
    assert fresh.set_regions("none", progress=False).state == "done"
    assert (fresh.info().regions, fresh.info().region_vectors) == ("none", 0)
    with pytest.raises(InvalidArgument, match="2x3"):
        fresh.set_regions("3")
    with pytest.raises(NotFound):
        client.collection("nothing").set_regions("multi")


def test_regions_from_the_start(client):
    made = client.create_collection(f"divided-{type(client).__name__}", regions="1x2")
    assert (made.info().regions, made.info().region_vectors) == ("1x2", 0)
    made.add(scene(), id="scene")
    assert made.info().region_vectors == 2
    found = made.search(scene().crop((200, 0, 400, 300)), regions=True)[0]
    assert found.region == (0.5, 0, 0.5, 1)
    client.create_collection(made.name, regions="1x2")
    with pytest.raises(AlreadyExists, match="1x2"):
        client.create_collection(made.name, regions="multi")
    made.drop()
    bare = client.create_collection("bare-of-regions", dimensions=3)
    with pytest.raises(Unsupported):
        bare.set_regions("multi")
    bare.drop()


def test_a_scene_finds_what_is_in_it(fresh):
    fresh.add_many([NewItem(THING, "thing"), NewItem(textured(5), "other")])
    best = fresh.search(scene(), augment="parts")[0]
    assert (best.id, best.region, best.query_region) == ("thing", None, LOWER_RIGHT)
    with pytest.raises(InvalidArgument, match="regions"):
        fresh.search(scene(), augment="parts", min_confidence=0.5)


def test_copies_in_the_answer(fresh):
    fresh.add_many([NewItem(THING, "whole"), NewItem(THING.resize((120, 90)), "small"), NewItem(textured(5), "other")])
    assert fresh.search(THING, k=2).ids == ["whole", "small"]
    found = fresh.search(THING, k=2, collapse=True)
    assert found.ids == ["whole", "other"]
    (copy,) = found[0].copies
    assert (copy.id, copy.judged_by, copy.copy_score > 0.5) == ("small", "hash", True)
    assert found[1].copies == []
    assert found.explain["copies"] == 1
    (batched,) = fresh.search_batch([THING], k=2, collapse=True)
    assert batched.hits == found.hits


def test_evaluate(shapes):
    found = shapes.evaluate("kind", recall_at=[1, 9])
    assert isinstance(found, Evaluation)
    assert (found.queries, found.classes) == (40, 4)
    assert 0 < found.map_at_r <= found.r_precision and found.margin.mrr >= 0 and found.ami <= found.nmi
    assert sum(one.queries for one in found.by_class) == 40 and found.by_class[0].class_name in ("circle", "cross", "square", "stripes")
    assert set(found.recall_at) == {1, 9}
    assert shapes.evaluate("@folder").map == found.map
    with pytest.raises(NotFound, match="kind"):
        shapes.evaluate("knd")


def test_merge(client, shapes, fresh):
    id = "circle/0000.jpg"
    shown = shapes.picture(id)
    fresh.add(shown, id=id, metadata={"mine": True})
    merged = fresh.merge(shapes)
    assert (merged.added, merged.replaced, merged.kept) == (39, 0, 1)
    assert fresh.get(id).metadata == {"mine": True}
    assert fresh.search(ItemRef("cross/0002.jpg"), k=5).ids == shapes.search(ItemRef("cross/0002.jpg"), k=5).ids
    merged = fresh.merge("shapes", replace=True)
    assert (merged.added, merged.replaced, merged.kept) == (0, 40, 0)
    assert fresh.get(id).metadata == shapes.get(id).metadata
    assert fresh.thumbnail("cross/0002.jpg") == shapes.thumbnail("cross/0002.jpg")
    other = client.create_collection("of-another-space", dimensions=3)
    with pytest.raises(InvalidArgument, match="cannot be compared"):
        other.merge(shapes)
    other.drop()
    with pytest.raises(InvalidArgument, match="itself"):
        shapes.merge(shapes)
    with pytest.raises(NotFound, match="shapes"):
        fresh.merge("shapse")


def test_classes_first(shapes, fresh):
    fresh.merge(shapes)
    learnt = fresh.train_classifier("labels", label="kind", min_confidence=0.1, seed=2)
    assert isinstance(learnt, ClassifierInfo)
    assert (learnt.name, learnt.label, learnt.items, learnt.min_confidence) == ("class", "kind", 40, 0.1)
    groups = fresh.train_classifier("clusters", clusters=4, name="group")
    assert [each.name for each in fresh.classifiers()] == ["class", "group"]
    (counted,) = fresh.facets("group")
    assert {value["value"] for value in counted.values} <= set(groups.classes)
    found = fresh.search(ItemRef("cross/0002.jpg"), classify="class", class_confidence=0)
    assert {hit.metadata["class"] for hit in found} == {"cross"}
    assert found.explain["classification"]["class"] == "cross"
    picture = shapes.picture("circle/0000.jpg")
    for query in (picture, ItemRef("circle/0000.jpg")):
        found = fresh.search(query, k=5, classify="class", class_name="cross")
        assert found.explain["classification"]["fallback"] == "nearer"
        assert found.ids[0] == "circle/0000.jpg"
    item = ItemRef("circle/0000.jpg")
    queries = [item, Query(item, classify="group"), Query(picture, class_name="bird")]
    first, second, third = fresh.search_batch(queries, classify="class", class_confidence=1)
    assert first.explain["classification"]["fallback"] == "unsure"
    assert second.explain["classification"]["classifier"] == "group"
    assert isinstance(third, InvalidArgument)
    fresh.drop_classifier("class")
    assert "class" not in fresh.get("circle/0000.jpg").metadata
    with pytest.raises(NotFound, match="class"):
        fresh.drop_classifier("class")
    with pytest.raises(AlreadyExists, match="number"):
        fresh.train_classifier("clusters", name="number")
    with pytest.raises(Unsupported):
        fresh.train_classifier("text", classes=["circle", "cross"])
    with pytest.raises(InvalidArgument, match="line 1"):
        fresh.train_classifier("text", csv="a,b")


def test_calibration(client, shapes):
    random = Random(1)
    centres = [[random.gauss(0, 1) for _ in range(16)] for _ in range(12)]
    near = [[[value + random.gauss(0, 0.45) for value in centre] for _ in range(10)] for centre in centres]
    groups = client.create_collection(f"groups-{type(client).__name__}", dimensions=16)
    with pytest.raises(NotFound, match="calibrate"):
        groups.calibration()
    groups.add_many(
        NewItem(Vector(vector), f"{group}/{row}", {"group": f"g{group}"})
        for group, vectors in enumerate(near)
        for row, vector in enumerate(vectors)
    )
    learnt = groups.calibrate(label="group")
    assert isinstance(learnt, CalibrationInfo)
    assert (learnt.label, learnt.items, learnt.labels, len(learnt.bins)) == ("group", 120, 12, 10)
    assert groups.calibration() == learnt
    found = groups.search(Vector(centres[0]), k=30)
    chances = [hit.confidence for hit in found]
    assert chances == sorted(chances, reverse=True) and not found.nothing_similar
    likely = groups.search(Vector(centres[0]), k=30, min_confidence="auto")
    assert likely.ids == [hit.id for hit in found if hit.confidence >= learnt.recommended]
    stranger = Vector([random.gauss(0, 1) for _ in range(16)])
    (nothing,) = groups.search_batch([stranger], min_confidence=1)
    assert nothing.ids == [] and nothing.nothing_similar
    assert groups.calibrate(seed=2).calibration_error is None
    groups.drop()
    with pytest.raises(InvalidArgument, match="100"):
        shapes.calibrate()
    assert shapes.search(encoded(), k=1)[0].confidence is None


def test_looking_inside(shapes):
    view = shapes.inspect()
    assert (view.collection, view.items, view.kind) == ("shapes", 40, "Flat")
    found = shapes.search(ItemRef("circle/0000.jpg"), k=4)
    walk = shapes.walk(ItemRef("circle/0000.jpg"), k=4)
    assert walk.hits == found.hits
    ranked = {each["rank"]: walk.nodes[each["node"]]["id"] for each in walk.candidates}
    assert [ranked[rank] for rank in range(1, 5)] == found.ids
    drawn = shapes.map("umap", neighbors=5, label="kind")
    assert len(drawn.points) == 40 and drawn.explained_variance is None
    assert {point["label"] for point in drawn.points} == {point["id"].split("/")[0] for point in drawn.points}
    assert len(shapes.map(limit=7, seed=3).points) == 7
    with pytest.raises(InvalidArgument, match="umap"):
        shapes.map("tsne")


def test_watch(fresh, folders):
    watched = folders / f"watched-{fresh.name}"
    watched.mkdir()
    assert fresh.watch([str(watched)]).watch == [str(watched)]
    shutil.copy(folders / "pictures/cross/0002.jpg", watched / "new.jpg")
    until = time.monotonic() + 20
    while fresh.info().items == 0:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert fresh.watch([]).watch == []


def test_index_as_a_job(client, fresh, pictures):
    job = fresh.index_folder(str(pictures), metadata_csv=str(pictures / "metadata.csv"))
    assert (job.kind, job.subject) == ("index", fresh.name)
    info = job.wait(progress=True)
    assert (info.state, job.state) == ("done", "done")
    assert (job.progress.indexed, job.progress.failed) == (40, 0)
    assert job.failures() == []
    assert fresh.get("cross/0002.jpg").metadata["kind"] == "cross"
    assert job.refresh().state == "done"
    assert client.job(job.id).state == "done"
    assert [each.id for each in client.jobs(subject=fresh.name)] == [job.id]
    assert client.job_counts()["done"] >= 1
    assert [event.state for event in job.events()] == ["done"]
    assert job.id in repr(job)


def test_metadata_of_a_job(fresh, folders):
    photos = folders / f"photos-{fresh.name}"
    photos.mkdir()
    draw("circle", 1).save(photos / "a.jpg", exif=exif_of())
    (photos / "a.jpg.json").write_text('{"title": "A"}')
    (photos / "facts.jsonl").write_text('{"id": "a.jpg", "stars": 5}')
    fresh.index_folder(str(photos), metadata_file=str(photos / "facts.jsonl"), sidecars=True, exif="camera").wait(progress=False)
    found = fresh.get("a.jpg").metadata
    assert (found["title"], found["stars"], found["exif"]["model"]) == ("A", 5, "One")


def test_exif_of_added_pictures(fresh, tmp_path):
    draw("circle", 1).save(tmp_path / "a.jpg", exif=exif_of())
    fresh.add(tmp_path / "a.jpg", id="a", metadata={"n": 1}, exif="camera")
    fresh.add_many([NewItem(tmp_path / "a.jpg", "b", exif="gps")])
    assert fresh.get("a").metadata["exif"]["lens"] == "50mm"
    assert fresh.get("b").metadata["exif"]["gps"] is None
    with pytest.raises(InvalidArgument, match="camera"):
        fresh.add(tmp_path / "a.jpg", exif="all")


def test_job_with_failures(fresh, folders):
    bad = folders / f"bad-{fresh.name}"
    bad.mkdir()
    (bad / "bad.jpg").write_bytes(b"no picture")
    job = fresh.index_folder([str(bad)])
    job.wait(progress=False)
    assert job.progress.failed == 1
    (failure,) = job.failures()
    assert isinstance(failure, Failure)
    assert failure.uri.endswith("bad.jpg")


def test_job_that_fails(fresh, folders):
    job = fresh.index_folder(str(folders / "nowhere"))
    with pytest.raises(JobFailed, match="nowhere") as raised:
        job.wait(progress=False)
    assert raised.value.code == "not_found"
    assert isinstance(job.error, EideticError)


def test_job_events_and_cancelling(fresh, folders):
    many = folders / "many"
    if not many.exists():
        draw_folder(many, 400)
    job = fresh.index_folder(str(many), batch=1)  # slow enough to be stopped on any machine
    for event in job.events():
        if event.progress.indexed:
            break
    assert job.progress.total == 400
    with pytest.raises(TimeoutError):
        job.wait(progress=False, timeout_s=0)
    job.cancel()
    with pytest.raises(JobFailed, match="cancelled"):
        job.wait(progress=False)
    assert 0 < fresh.info().items < 400


def test_unknown_job(client):
    with pytest.raises(NotFound):
        client.job("999999")


def test_models(client):
    assert "default" in [model.name for model in client.models()]
    assert client.model("default").bundle["name"] == "default"
    assert any(layer.output for layer in client.layers("default"))
    assert client.check_model("default").dimensions == 256
    assert len(client.embed("default", encoded())) == 256
    with pytest.raises(NotFound):
        client.model("nothing")
    with pytest.raises(TypeError):
        client.add_model("x")


def test_add_model(client):
    name = f"bare-{type(client).__name__}"
    assert client.add_model(name, SOURCE / "models/default/model.onnx").name == name
    assert len(client.embed(name, encoded())) == 256
    with pytest.raises(EideticError):
        client.add_model("described", bundle={"name": "described"}, url="http://127.0.0.1:1/x")


def test_pull_model(client):
    job = client.pull_model("SqueezeNet", mirror="http://127.0.0.1:1")
    assert job.kind == "pull"
    with pytest.raises(JobFailed) as raised:
        job.wait(progress=False)
    assert raised.value.code == "unavailable"


def test_server(client, folders):
    assert client.health() == Health(True, True, True)
    assert "# TYPE" in client.metrics()
    assert client.server()["version"]
    name = f"of-{type(client).__name__}"
    assert client.backup(name) == name
    assert (folders / "backups" / name / "catalog.db").exists()
    with pytest.raises(AlreadyExists):
        client.backup(name)


def test_results_are_sequences(shapes):
    found = shapes.search(encoded(), k=3)
    assert len(found) == 3
    assert isinstance(found[0], Hit)
    assert found[:2] == list(found)[:2]
    assert found.ids == [hit.id for hit in found]
    assert found.collection == "shapes"
    assert found.timings_ms["total"] > 0


def test_another_model(server, client, fresh):
    name = f"other-{type(client).__name__}"
    add_model(server.data / "models", name)
    fresh.add_many([NewItem(textured(seed), str(seed), metadata={"n": seed % 2}) for seed in range(6)])
    with pytest.raises(NotFound, match="another model"):
        fresh.compare_models()
    assert fresh.migrate(name, step="prepare", progress=False).progress.indexed == 6
    assert (fresh.info().model, fresh.info().migration["state"]) == ("default", "ready")
    compared = fresh.compare_models(sample=4, label="n")
    assert isinstance(compared, ModelComparison)
    assert (compared.compared, len(compared.searches), compared.other_report.queries) == (6, 4, 6)
    waiting = fresh.migrate(step="switch", grace_s=3600, wait=False)
    assert waiting.wait(progress=False).state == "done"
    best = fresh.search(textured(3))
    assert (best.model, best[0].id) == (name, "3")
    with pytest.raises(InvalidArgument, match="--rollback"):
        fresh.cancel_migration()
    assert fresh.migrate(step="rollback").kind == "migrate"
    assert fresh.search(textured(3)).model == "default"
    fresh.migrate(name)
    assert fresh.finish_migration().migration is None
    with pytest.raises(InvalidArgument, match="already"):
        fresh.migrate(name)
