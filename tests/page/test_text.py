"""Words, with photographs and a text tower that others made: alone, beside a picture, and less of them."""

import shutil

import httpx
import pytest
from conftest import Visit, await_results, cards, index, pictures_shown, until
from live import Server
from parity.reference import PHOTOS, SHARED, make_bundle

TOWER = SHARED / "models/joint_text.onnx"
CALTECH = PHOTOS / "caltech101"
CLASSES = ("accordion", "airplanes", "dalmatian", "pizza", "soccer_ball", "umbrella")
EACH = 8

pytestmark = pytest.mark.skipif(not TOWER.exists() or not CALTECH.exists(), reason=f"needs {TOWER} and {CALTECH}")


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A server with a collection `photos` whose model has a text tower, and a client of it."""
    root = tmp_path_factory.mktemp("text")
    bundle = root / "data/models/mobilenet"
    bundle.mkdir(parents=True)
    files = {"text.onnx": TOWER, "words.txt": SHARED / "models/joint_text_vocab.txt"}
    make_bundle(
        bundle, files, layer="image_embeds", text={"model": "text.onnx", "vocabulary": "words.txt", "tokenizer": "words"}
    )
    lines = ["file,kind"]
    for name in CLASSES:
        (root / "pictures" / name).mkdir(parents=True)
        for photo in sorted((CALTECH / name).iterdir())[:EACH]:
            shutil.copy(photo, root / "pictures" / name)
            lines.append(f"{name}/{photo.name},{name}")
    (root / "pictures/metadata.csv").write_text("\n".join(lines) + "\n")
    with Server(root, tokens=False, paths={"allowed": [root / "pictures"]}) as server:
        with httpx.Client(base_url=server.url, timeout=300) as http:
            index(http, "photos", root / "pictures", model="mobilenet")
            yield server, http


@pytest.fixture
def reader(chromium, photos, request):
    visit = Visit(chromium, photos[0].url, request.node.name)
    yield visit
    visit.shoot("end")
    visit.finish()


def answer(photos, *terms, k=60):
    """The names of what the API finds, in order."""
    said = photos[1].post("/v1/collections/photos/search", json={"terms": list(terms), "k": k})
    assert said.status_code == 200, said.text
    return [hit["id"] for hit in said.json()["hits"]]


def found(page):
    """The names of the hits that are shown, in order."""
    # The cards come a few at a time.
    until(page, "(all => all.length === Number(all[0]?.ariaSetSize))([...document.querySelectorAll('section ul > li')])")
    return page.locator("section ul > li .line.quiet").evaluate_all("all => all.map(each => each.title)")


def ask(page, words):
    page.get_by_label("Words, or the address of a picture").fill(words)
    page.get_by_label("Words, or the address of a picture").press("Enter")
    page.get_by_role("group", name=f"“{words}”").wait_for()
    return await_results(page, EACH * len(CLASSES))


def kinds(names):
    return [name.split("/")[0] for name in names]


def test_words_find_pictures(reader, photos):
    page = reader.goto("/collections/photos")
    ask(page, "a photo of a pizza")
    assert "text=a+photo+of+a+pizza" in page.url
    expected = answer(photos, {"text": "a photo of a pizza"})
    assert found(page) == expected
    assert kinds(expected[:5]).count("pizza") >= 4, "the words mean something"
    pictures_shown(page, 8)
    reader.check_everywhere("words")
    page.reload()
    await_results(page, len(expected))
    assert found(page) == expected, "the address holds the words"
    cards(page).first.locator(".open").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("group", name="Found").wait_for()
    assert dialog.get_by_role("group", name="Searched with").count() == 0, "there is no picture to compare with"


def test_words_beside_a_picture(reader, photos):
    picture = answer(photos, {"text": "dalmatian"})[0]
    assert picture.startswith("dalmatian/")
    page = reader.goto(f"/collections/photos?id={picture.replace('/', '%2F')}")
    await_results(page, EACH * len(CLASSES))
    alone = found(page)
    page.get_by_label("Add to this search").check()
    ask(page, "umbrella")
    until(page, "document.querySelectorAll('.terms .chip').length === 2")
    both = answer(photos, {"id": picture}, {"text": "umbrella"})
    assert found(page) == both != alone
    assert max(map(both.index, [name for name in both if name.startswith("umbrella/")][:2])) < max(
        map(alone.index, [name for name in alone if name.startswith("umbrella/")][:2])
    ), "umbrellas come nearer"
    page.get_by_role("slider", name="Weight of “umbrella”").fill("3")
    page.wait_for_url("**weight=3**")
    await_results(page)
    heavy = answer(photos, {"id": picture}, {"text": "umbrella", "weight": 3})
    until(page, "first => document.querySelector('section ul > li .line.quiet').title === first", heavy[0])
    assert found(page) == heavy
    reader.check_everywhere("words-and-picture")


def test_words_less(reader, photos):
    page = reader.goto("/collections/photos?text=a+photo+of+a+pizza&text=soccer+ball")
    await_results(page, EACH * len(CLASSES))
    chip = page.get_by_role("group", name="“soccer ball”")
    chip.get_by_role("button", name="Less like this").click()
    page.wait_for_url("**weight=-1**")
    less = answer(photos, {"text": "a photo of a pizza"}, {"text": "soccer ball", "weight": -1})
    until(page, "last => [...document.querySelectorAll('section ul > li .line.quiet')].at(-1).title === last", less[-1])
    assert found(page) == less
    assert kinds(less[:3]) == ["pizza"] * 3
    assert kinds(less[-5:]).count("soccer_ball") >= 3, "what is meant less comes last"


def test_words_that_nobody_knows(reader):
    page = reader.goto("/collections/photos")
    page.get_by_label("Words, or the address of a picture").fill("qwzx vfrtg")
    page.get_by_label("Words, or the address of a picture").press("Enter")
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert "qwzx" in alert.inner_text(), "the words that are not known"
    reader.check_everywhere("unknown-words")
    ask(page, "a photo of a pizza qwzx")
    assert kinds(found(page)[:1]) == ["pizza"], "those that are known are enough"
