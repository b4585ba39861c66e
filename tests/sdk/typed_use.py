"""Not run: what mypy must find right, and what it must find wrong."""

from typing import List, Optional

from eidetic import (
    AsyncClient,
    AsyncCollection,
    AsyncJob,
    ClassifierInfo,
    Client,
    Collection,
    Hit,
    ItemRef,
    Job,
    JobInfo,
    Region,
    Training,
    Vector,
)
from eidetic.train import Options, Report, fine_tune


def blocking(client: Client) -> List[Hit]:
    made: Collection = client.create_collection("a", metric="dot")
    job: Job = made.index_folder("/photos", prune=True)
    info: JobInfo = job.wait()
    names: List[str] = [item.id for item in made.items(filter="price < 3")]
    made.search(5)  # type: ignore[arg-type]
    made.search("x.jpg", kk=3)  # type: ignore[call-arg]
    found = made.search([ItemRef("a"), "b.jpg", Vector([1.0])], k=info.progress.done + len(names))
    chance: Optional[float] = made.search("x.jpg", min_confidence="auto", classify="class")[0].confidence
    learnt: ClassifierInfo = made.train_classifier("labels", label="kind", min_confidence=chance)
    divided: Job = made.set_regions("multi", wait=False)
    made.set_regions(2)  # type: ignore[arg-type]
    changed: Job = made.migrate("other", step="prepare", wait=False)
    made.migrate(drop=True)  # type: ignore[call-arg]
    names += [changed.id] + [search.id for search in made.compare_models(sample=5).searches]
    best = made.search("x.jpg", regions=True, collapse=True, augment="parts")[0]
    where: Optional[Region] = best.region
    names += [copy.id for copy in best.copies] + [divided.id]
    made.search(ItemRef(best.id, crop=where), crop=best.query_region)
    made.train_classifier(label="kind")  # type: ignore[call-arg]
    trained: Job = made.train("shoes", label="kind", epochs=20, wait=False)
    made.train(label="kind")  # type: ignore[call-arg]
    training: Training = client.training(trained.subject)
    chance = training.report.after.map_at_r + sum(epoch.loss for epoch in trained.epochs)
    return found[: len(learnt.classes)]


async def awaited(client: AsyncClient) -> List[Hit]:
    made: AsyncCollection = await client.create_collection("a")
    made.info()  # type: ignore[unused-coroutine]
    async for event in (await made.index_folder("/photos")).events():
        print(event.progress.done)
    job: AsyncJob = await made.set_regions("2x3")
    print(job.state)
    return list(await made.search("x.jpg", regions=True))


def learning() -> List[float]:
    fine_tune("shoes", 5)  # type: ignore[arg-type]
    Options(epoch=5)  # type: ignore[call-arg]
    report: Report = fine_tune("shoes", Options(trunk="resnet18"), epochs=5)
    return [epoch.loss for epoch in report.epochs]
