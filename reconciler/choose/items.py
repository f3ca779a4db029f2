"""The assets of the page: one row each, in order, filtered and searched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from reconciler.choose.choices import Choices
from reconciler.model import Desired, Verdict
from reconciler.report import phrases
from reconciler.util.sanitize import clean

Filter = Literal["all", "drifted", "unknown", "unmanaged", "chosen", "blank"]
FILTERS: tuple[Filter, ...] = get_args(Filter)


@dataclass(slots=True)
class Item:
    """One asset. URLs are as the API returned them, "" where there is none.

    Attributes:
        desired: its entry; None where no file manages it.
        state: of its entry, or "reading" until that is known, or "unmanaged".
        created: as the list says, `yyyymmddhhmmss`.
        blank: whether the cover is nearly one colour, once that was measured.
    """

    asset_id: str
    desired: Desired | None
    title: str = ""
    created: str = ""
    state: str = "reading"
    reason: str = ""
    message: str = ""
    cover_url: str = field(default="", repr=False)
    cover_name: str = ""
    wanted_url: str = field(default="", repr=False)
    wanted_name: str = ""
    blank: str = ""

    def found(self, verdict: Verdict) -> None:
        """Takes over what a plan says of the entry."""
        self.state, self.title = verdict.state, verdict.title or self.title
        self.reason, self.message = verdict.reason or "", verdict.message
        self.cover_url = verdict.cover_url or self.cover_url
        self.cover_name = phrases.cover(verdict.before) if verdict.before is not None else ""
        self.wanted_url = verdict.put_url
        self.wanted_name = phrases.cover(verdict.after) if verdict.after is not None else wanted(verdict.desired)

    def in_sync(self) -> None:
        self.state, self.reason, self.message = "in_sync", "", ""
        if self.desired is not None:
            self.wanted_url, self.wanted_name = self.cover_url, wanted(self.desired)
            self.cover_name = self.wanted_name

    @property
    def place(self) -> str:
        return phrases.place(self.desired.source) if self.desired is not None else ""


def wanted(desired: Desired) -> str:
    """The snapshot that an entry names, in words."""
    if desired.offset is not None:
        return f"{desired.set} {phrases.clock(desired.offset)}"
    return f"{desired.set}[{desired.index if desired.index is not None else 0}]"


class Items:
    """All assets by ID: those of the desired files in their order, then the others.

    Attributes:
        version: grows with every change.
    """

    def __init__(self, choices: Choices) -> None:
        self._items: dict[str, Item] = {}
        self._choices = choices
        self._counted: tuple[int, Mapping[str, int]] = (-1, {})
        self.version = 0

    def replace(self, covers: Iterable[Desired]) -> None:
        """Takes these entries; what is known of their assets stays, and so do the assets without entries."""
        known = self._items
        self._items = {}
        for desired in covers:
            item = known.pop(desired.asset_id, None) or Item(desired.asset_id, desired)
            if item.desired != desired:
                item.desired, item.state = desired, "ignored" if desired.ignore else "reading"
            self._items[desired.asset_id] = item
        for asset_id, item in known.items():
            item.desired, item.state = None, "unmanaged"
            self._items[asset_id] = item
        self.version += 1

    def get(self, asset_id: str) -> Item | None:
        return self._items.get(asset_id)

    def listed(self, asset_id: str) -> Item:
        """The item of an asset that the list shows."""
        item = self._items.get(asset_id)
        if item is None:
            item = self._items[asset_id] = Item(asset_id, None, state="unmanaged")
        return item

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    def counts(self) -> Mapping[str, int]:
        """How many items each filter shows."""
        version, counts = self._counted
        if version != self.version:
            found = Counter(name for item in self for name in FILTERS if self._in(item, name))
            counts = {name: found[name] for name in FILTERS}
            self._counted = self.version, counts
        return counts

    def select(self, filtered: Filter, file: str = "", text: str = "", *, by_creation: bool = False) -> list[Item]:
        """The items of a view, in its order."""
        folded = text.casefold().strip()
        found = [
            item
            for item in self
            if self._in(item, filtered)
            and (not file or (item.desired is not None and clean(item.desired.file) == file))
            and (not folded or folded in item.title.casefold() or folded in item.asset_id)
        ]
        return sorted(found, key=lambda item: item.created, reverse=True) if by_creation else found

    def _in(self, item: Item, filtered: Filter) -> bool:
        match filtered:
            case "drifted":
                return item.state == "update"
            case "chosen":
                return self._choices.get(item.asset_id) is not None
            case "blank":
                return bool(item.blank)
            case "all":
                return True
            case _:
                return item.state == filtered
