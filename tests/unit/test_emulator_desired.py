"""The example in `desired/` and the emulator's catalogue belong together."""

from __future__ import annotations

from pathlib import Path

import reconciler.emulator
from reconciler.desired.load import load
from reconciler.emulator import ODD
from reconciler.emulator.catalogue import ordinary

DESIRED = str(Path(__file__).parents[2] / "desired")


def test_the_example_manages_the_default_catalogue_in_every_form() -> None:
    covers = load([DESIRED]).covers
    assert {cover.asset_id for cover in covers} == {ordinary(number).asset_id for number in range(24)}
    assert {cover.set for cover in covers} == {"sample", "dots", "quantity"}
    assert any(cover.index == 0 for cover in covers)
    assert any(cover.index is not None and cover.index < 0 for cover in covers)
    assert any(cover.offset is not None for cover in covers)
    assert any(cover.note for cover in covers)
    assert any(cover.ignore for cover in covers)


def test_five_covers_of_the_example_drift_and_the_others_are_decidable_and_in_sync() -> None:
    assets = {asset.asset_id: asset for asset in map(ordinary, range(24))}
    drifted = []
    for cover in load([DESIRED]).covers:
        asset = assets[cover.asset_id]
        if cover.ignore:
            continue
        offsets = sorted(asset.sets[cover.set])
        wanted = cover.offset if cover.index is None else offsets[cover.index]
        assert wanted in offsets
        if asset.cover != f"{cover.set}/{wanted}":
            drifted.append(asset.position)
    # Among them the IDs that look like numbers.
    assert sorted(drifted) == [0, 1, 2, 7, 15]


def test_the_packages_docstring_lists_every_odd_asset() -> None:
    for name, asset_id in ODD.items():
        assert f"| {name} | {asset_id} |" in str(reconciler.emulator.__doc__)
