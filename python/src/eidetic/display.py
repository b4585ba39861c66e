"""How things look: hits in a notebook, progress on a terminal."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, Any, Optional, Sequence

if TYPE_CHECKING:
    from .results import Hit

_CELL = "margin:0;width:132px;font:12px sans-serif;overflow-wrap:anywhere"
_PICTURE = "display:block;width:132px;height:132px;object-fit:contain;background:#8883"


def grid(collection: str, hits: Sequence[Hit], thumbnails: Sequence[Optional[bytes]], *, more: int = 0) -> str:
    """Hits as HTML: thumbnail, similarity and id of each."""
    cells = "".join(_cell(hit, thumbnail) for hit, thumbnail in zip(hits, thumbnails))
    rest = f"<p>… and {more} more</p>" if more else ""
    title = f"{len(hits) + more} hits in {collection}" if hits else f"nothing found in {collection}"
    return (
        f'<div><p style="font:12px sans-serif">{html.escape(title)}</p>'
        f'<div style="display:flex;flex-wrap:wrap;gap:8px">{cells}</div>{rest}</div>'
    )


def _cell(hit: Hit, thumbnail: Optional[bytes]) -> str:
    name = html.escape(hit.id, quote=True)
    count = len(hit.copies)
    copies = f" + {count} {'copy' if count == 1 else 'copies'}" if count else ""
    if thumbnail is None:
        picture = f'<div style="{_PICTURE}"></div>'
    else:
        picture = (
            f'<img style="{_PICTURE}" alt="{name}" src="data:image/jpeg;base64,{base64.b64encode(thumbnail).decode()}">'
        )
    return (
        f'<figure style="{_CELL}" title="{name}">{picture}'
        f"<figcaption><b>{hit.similarity:.1%}</b>{copies}<br>{name}</figcaption></figure>"
    )


class Bar:
    """A tqdm bar where tqdm is installed (`pip install eidetic[notebook]`), else nothing."""

    def __init__(self, title: str, *, shown: bool, unit: str = "pictures") -> None:
        self._bar: Any = None
        if shown:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            self._bar = tqdm(desc=title, unit=unit, total=0)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, done: int, total: int, failed: int) -> None:
        if self._bar is None:
            return
        self._bar.total = total
        self._bar.n = done
        if failed:
            self._bar.set_postfix(failed=failed, refresh=False)
        self._bar.refresh()
