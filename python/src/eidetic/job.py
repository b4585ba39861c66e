"""Work that the server goes on with after its answer."""

from __future__ import annotations

import json
import time
from typing import List, Optional, Sequence, Tuple

from .display import Bar
from .drivers import AwaitedDriver, BlockingDriver
from .errors import EideticError, JobFailed, Unreachable
from .exchange import open_stream, query, segment
from .handle import AwaitedHandle, BlockingHandle, Handle
from .learning import TrainEpoch
from .parsing import parse
from .results import Failure, JobInfo, Progress
from .steps import Emit, Feed, NoAnswer, Op, Read, Request, Sleep, consume, feed, verb

_PAGE = 1000


class JobVerbs(Handle):
    """A job, as it was when last heard of."""

    def __init__(self, info: JobInfo) -> None:
        self.info = info

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def kind(self) -> str:
        """ "index", "put", "regions", "migrate", "copy", "pull" or "train"."""
        return self.info.kind

    @property
    def subject(self) -> str:
        """The collection; of "pull" the model."""
        return self.info.subject

    @property
    def state(self) -> str:
        """ "queued", "running", "done", "failed" or "cancelled"."""
        return self.info.state

    @property
    def progress(self) -> Progress:
        return self.info.progress

    @property
    def stage(self) -> str:
        """Of "train", while it runs: "features", then "epochs"."""
        return self.info.stage

    @property
    def epochs(self) -> Sequence[TrainEpoch]:
        """Of "train": those so far."""
        return self.info.epochs

    @property
    def error(self) -> Optional[EideticError]:
        """Of a failed job."""
        return self.info.error

    def __repr__(self) -> str:
        done = f"{self.progress.done}/{self.progress.total}"
        return f"<{type(self).__name__} {self.id} {self.kind} {self.subject} {self.state} {done}>"

    @property
    def _path(self) -> str:
        return f"/v1/jobs/{segment(self.id)}"

    @verb
    def refresh(self) -> Op[JobInfo]:
        """Asks how far the job is. Raises `NotFound` when the server has forgotten it."""
        self.info = JobInfo.of((yield from self._json("GET", self._path)))
        return self.info

    @feed
    def events(self) -> Feed[JobInfo]:
        """The job whenever it has changed, until it has ended. A broken connection is made anew."""
        yield from self._watch(None)

    @verb
    def wait(self, *, progress: bool = True, timeout_s: Optional[float] = None) -> Op[JobInfo]:
        """Waits until the job has ended.

        Args:
            progress: show a bar, where tqdm is installed.
            timeout_s: how long at most; None: as long as it takes.

        Raises `JobFailed` when it failed or was cancelled, `TimeoutError` when it took too long (it goes on all the
        same). Items that failed alone are no failure of the job: see `failures`.
        """
        return (yield from self._await(progress, timeout_s))

    def _await(self, progress: bool, timeout_s: Optional[float] = None) -> Op[JobInfo]:
        """`wait`, as a part of other verbs."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        unit = "B" if self.kind == "pull" else "pictures"
        with Bar(f"{self.kind} {self.subject}", shown=progress, unit=unit) as bar:
            yield from consume(
                self._watch(deadline),
                lambda info: bar.show(info.progress.done, info.progress.total, info.progress.failed),
            )
        if self.state != "done":
            detail = self.error.detail if self.error else f"the job is {self.state}"
            raise JobFailed(f"job {self.id}: {detail}", code=self.error.code if self.error else self.state)
        return self.info

    @verb
    def failures(self) -> Op[List[Failure]]:
        """The items that failed and why, in the order of their failing. The server remembers the first 10,000."""
        found: List[Failure] = []
        while True:
            page = query(offset=len(found), limit=_PAGE)
            said = yield from self._json("GET", f"{self._path}/failures", query=page)
            found += [parse(Failure, each) for each in said["failures"]]
            if len(said["failures"]) < _PAGE:
                return found

    @verb
    def cancel(self) -> Op[JobInfo]:
        """Stops the job; what it has stored stays. A job that has ended stays as it is."""
        self.info = JobInfo.of((yield from self._json("POST", f"{self._path}/cancel")))
        return self.info

    def _watch(self, deadline: Optional[float]) -> Feed[JobInfo]:
        retries, broken = self._connection.retries, 0
        while broken <= retries:
            left = (
                self._connection.timeout_s
                if deadline is None
                else min(deadline - time.monotonic(), self._connection.timeout_s)
            )
            if left <= 0:
                raise TimeoutError(f"job {self.id} is still {self.state}")
            request = Request(
                "GET", f"{self._path}/events", headers={"Accept": "text/event-stream"}, timeout_s=max(left, 0.05)
            )
            try:
                yield from open_stream(request, retries=retries)
                text = b""
                while piece := (yield Read()):
                    events, text = _split(text + piece)
                    for event in events:
                        self.info, broken = JobInfo.of(json.loads(event)), 0
                        yield Emit(self.info)
                        if self.info.ended:
                            return
                    if deadline is not None and time.monotonic() > deadline:
                        raise TimeoutError(f"job {self.id} is still {self.state}")
            except NoAnswer as lost:
                if lost.timed_out:  # nothing has changed for long
                    continue
            broken += 1
            yield Sleep(0.2 * broken)
        raise Unreachable(f"the events of job {self.id} break off")


def _split(text: bytes) -> Tuple[List[bytes], bytes]:
    """The data of the complete events `job` in a stream of server-sent events, and what follows them."""
    *complete, rest = text.replace(b"\r\n", b"\n").split(b"\n\n")
    found = []
    for event in complete:
        lines = [line.partition(b":")[::2] for line in event.split(b"\n")]
        fields = [(name, value[1:] if value.startswith(b" ") else value) for name, value in lines]
        data = b"\n".join(value for name, value in fields if name == b"data")
        if data and dict(fields).get(b"event") == b"job":
            found.append(data)
    return found, rest


class Job(JobVerbs, BlockingHandle):
    def __init__(self, driver: BlockingDriver, info: JobInfo) -> None:
        super().__init__(info)
        self._driver = driver


class AsyncJob(JobVerbs, AwaitedHandle):
    def __init__(self, driver: AwaitedDriver, info: JobInfo) -> None:
        super().__init__(info)
        self._driver = driver
