"""Confidences hold what docs/scores.md says of them, on real photographs of classes that were never learnt from."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import reference
from reference import MODEL, PHOTOS, make_bundle

pytestmark = pytest.mark.skipif(not MODEL.exists() or not PHOTOS.exists(), reason=f"needs {MODEL} and {PHOTOS}")

BENCH = Path(os.environ["EIDETIC_BUILD"]) / "bench/calibration_bench"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("confidence")
    bundle = make_bundle(folder, {}, layer="features")
    vectors = folder / "vectors.npy"
    embedded = reference.run(
        "embed", PHOTOS / "caltech101", "--model", bundle, "--precision", "f32", "-o", vectors, "--data", folder / "data"
    )
    assert embedded.returncode == 0, embedded.stderr
    done = subprocess.run([BENCH, vectors, f"{vectors}.files", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {(outcome["fit"], outcome["way"]): outcome for outcome in found}


@pytest.mark.parametrize("fit", ["labels", "no labels"])
@pytest.mark.parametrize("way", ["unseen", "in use"])
def test_nothing_similar_is_answered_where_nothing_is(outcomes, fit, way):
    outcome = outcomes[fit, way]
    assert outcome["refused"] >= 0.8
    assert outcome["lost"] <= 0.1


@pytest.mark.parametrize("fit", ["labels", "no labels"])
def test_a_confidence_is_the_share_of_matches(outcomes, fit):
    assert outcomes[fit, "unseen"]["error"] <= 0.08
