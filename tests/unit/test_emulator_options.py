"""The emulator's options as they are written on the command line."""

from __future__ import annotations

import pytest

from reconciler.emulator.options import KINDS, ROUTES, EmulatorOptions, FaultRule, QuotaRate, parse_fault, parse_quota


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1500,100", (QuotaRate(1500, 60.0), QuotaRate(100, 60.0))),
        ("0,10/2s", (QuotaRate(0, 60.0), QuotaRate(10, 2.0))),
        ("25/1s, 5/0.5s", (QuotaRate(25, 1.0), QuotaRate(5, 0.5))),
    ],
)
def test_quotas_are_per_minute_unless_they_say_otherwise(text: str, expected: tuple[QuotaRate, QuotaRate]) -> None:
    assert parse_quota(text) == expected


@pytest.mark.parametrize("text", ["", "100", "1,2,3", "-1,5", "a,b", "1/s,1", "1,5/0s", "٣,4"])
def test_an_invalid_quota_is_refused_with_the_text_and_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid quota") as refused:
        parse_quota(text)
    assert repr(text) in str(refused.value)


def test_every_route_and_kind_can_be_asked_for() -> None:
    assert [parse_fault(f"{route}:500:1").route for route in ROUTES] == list(ROUTES)
    assert [parse_fault(f"cover:{kind}:5") for kind in KINDS] == [FaultRule("cover", kind, 5) for kind in KINDS]
    assert parse_fault("details:403:1:a:b") == FaultRule("details", "403", 1, "a:b")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("cover:500", "ROUTE:KIND:N[:TEXT]"),
        ("covers:500:5", "'covers'"),
        ("cover:418:5", "'418'"),
        ("cover:500:0", "'0'"),
        ("cover:500:often", "'often'"),
    ],
)
def test_an_invalid_fault_is_refused_naming_the_part(text: str, named: str) -> None:
    with pytest.raises(ValueError, match="is not a valid") as refused:
        parse_fault(text)
    assert named in str(refused.value)


def test_plain_quotas_count_per_window_and_none_is_no_limit() -> None:
    assert EmulatorOptions(quota=(None, 7), quota_window=2.0).rates() == (QuotaRate(0, 2.0), QuotaRate(7, 2.0))
    assert EmulatorOptions(quota=(QuotaRate(3, 1.0), 0)).rates() == (QuotaRate(3, 1.0), QuotaRate(0, 60.0))
