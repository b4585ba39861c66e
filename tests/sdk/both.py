"""AsyncClient as one that can be called like Client, so that a test speaks to either."""

import asyncio
import inspect

from eidetic import AsyncClient
from eidetic.handle import AwaitedHandle


class Loop:
    """An event loop, run while something is awaited."""

    def __init__(self):
        self._loop = asyncio.new_event_loop()

    def close(self):
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def wrap(self, value):
        """What an awaited method gives, as its blocking counterpart would."""
        if inspect.iscoroutine(value):
            return self.wrap(self._loop.run_until_complete(value))
        if inspect.isasyncgen(value):
            return self._iterate(value)
        if isinstance(value, AwaitedHandle):
            return Waiting(self, value)
        if isinstance(value, list):
            return [self.wrap(each) for each in value]
        return value

    def _iterate(self, values):
        try:
            while True:
                try:
                    yield self._loop.run_until_complete(values.__anext__())
                except StopAsyncIteration:
                    return
        finally:
            self._loop.run_until_complete(values.aclose())


class Waiting:
    """A handle whose methods wait."""

    def __init__(self, loop, handle):
        self._loop, self._handle = loop, handle

    def __getattr__(self, name):
        found = getattr(self._handle, name)
        if not callable(found):
            return found
        return lambda *arguments, **options: self._loop.wrap(found(*arguments, **options))

    def __repr__(self):
        return repr(self._handle)


class WaitingClient(Waiting):
    def __init__(self, *arguments, **options):
        loop = Loop()
        super().__init__(loop, AsyncClient(*arguments, **options))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._loop.wrap(self._handle.close())
        self._loop.close()
