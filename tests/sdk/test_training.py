"""Learning a model through either client."""

import itertools

import pytest
from eidetic import AlreadyExists, InvalidArgument, JobFailed, NotFound, Training

SMALL = {"embedder_layers": [8], "epochs": 3, "batch_size": 8, "sampler_m": 4, "lr": 1e-3, "progress": False}
NUMBERS = itertools.count(1)


@pytest.fixture
def name():
    return f"learnt-{next(NUMBERS)}"


def test_from_labels_to_a_model(client, shapes, name):
    job = shapes.train(name, label="kind", loss="multi_similarity", **SMALL)
    assert (job.kind, job.subject, job.state) == ("train", "shapes", "done")
    assert [epoch.epoch for epoch in job.epochs] == [1, 2, 3]
    training = client.training(name)
    assert isinstance(training, Training)
    assert (training.request["label"], training.request["loss"]) == ("kind", "multi_similarity")
    report = training.report
    assert (report.items, report.classes, report.learnt, report.held_out) == (40, 4, 28, 12)
    assert report.epochs == job.epochs
    assert 0 < report.before.map_at_r <= 1 and report.after_margin.p_at_1 >= 0
    assert report.worst[0].class_name in {"circle", "square", "cross", "stripes"}
    assert not report.interrupted and report.best_epoch >= 1
    listed = client.trainings()[0]
    assert (listed.name, listed.job.id, list(listed.report.epochs)) == (name, job.id, [])
    assert b"<h1>" in client.training_file(name)
    assert client.training_file(name, "epochs.csv").count(b"\n") == 4
    assert name in [model.name for model in client.models()]
    with pytest.raises(AlreadyExists, match=name):
        shapes.train(name, label="kind", **SMALL)
    client.drop_training(name)
    with pytest.raises(NotFound):
        client.training(name)


def test_watched_and_stopped(client, shapes, name):
    endless = {**SMALL, "epochs": 100_000}
    job = shapes.train(name, wait=False, **endless)
    for info in job.events():
        if len(info.epochs) >= 2:
            assert info.stage == "epochs"
            break
    with pytest.raises(InvalidArgument, match=job.id):
        client.drop_training(name)
    job.cancel()
    with pytest.raises(JobFailed, match="cancelled"):
        job.wait(progress=False)
    assert client.training(name).report.interrupted
    client.drop_training(name)


def test_what_cannot_be_learnt(shapes, name):
    with pytest.raises(NotFound, match="kind"):
        shapes.train(name, label="knd", **SMALL)
    with pytest.raises(InvalidArgument, match="circle, triplet"):
        shapes.train(name, loss="circel", **SMALL)
    with pytest.raises(InvalidArgument, match="held out"):
        shapes.train(name, split=0.99, **SMALL)
