"""Tracked mappings behave as dicts and know afterwards what was asked of them."""

from __future__ import annotations

import copy
import json
import operator
from collections.abc import Callable
from typing import Any

import pytest

from cfl_jobs.reading.tracking import TrackedDict, TrackedList, unread_places


def tracked(**entries: Any) -> TrackedDict:
    return TrackedDict(entries.items())


def unread(value: object) -> list[str]:
    return sorted(key for _, key in unread_places(value))


@pytest.mark.parametrize(
    "ask",
    [
        lambda data: data["a"],
        lambda data: data.get("a"),
        lambda data: "a" in data,
        lambda data: data.pop("a"),
        lambda data: data.setdefault("a", 2),
        lambda data: data.copy()["a"],
        lambda data: copy.copy(data)["a"],
    ],
)
def test_asking_for_a_key_reads_that_key_only(ask: Callable[[Any], Any]) -> None:
    data = tracked(a=1, b=2)
    ask(data)
    assert unread(data) == ["b"]


@pytest.mark.parametrize(
    "ask",
    [
        list,
        dict,
        lambda data: {**data},
        lambda data: list(data.keys()),
        lambda data: list(data.values()),
        lambda data: list(data.items()),
        lambda data: list(reversed(data)),
        lambda data: {}.update(data),
        lambda data: json.dumps(data),
        str,
        repr,
        lambda data: data == {"a": 1},
        lambda data: data != {"a": 1},
        lambda data: data.popitem(),
    ],
)
def test_going_through_all_keys_may_have_read_any_of_them(ask: Callable[[Any], Any]) -> None:
    data = tracked(a=1, b=2)
    ask(data.copy())
    assert (unread(data), data.suspect_keys()) == ([], ("a", "b"))


@pytest.mark.parametrize(
    "ask",
    [
        lambda data: [key for key in data if key == "a"],
        lambda data: [key for key in data if key != "a"],
        lambda data: [value for key, value in data.items() if key in ("a", "c")],
        lambda data: [{"a": 1}.get(key) for key in data],
        lambda data: {"a", "c"} & set(data),
        lambda data: dict(data)["a"],
        lambda data: {**data}.get("a"),
        lambda data: list(data) and operator.contains(data.keys(), "a"),
    ],
)
def test_a_key_that_was_handed_out_is_read_where_a_text_equals_it(
    ask: Callable[[Any], Any],
) -> None:
    data = tracked(a=1, b=2)
    ask(data)
    assert data.suspect_keys() == ("b",)


@pytest.mark.parametrize(
    "ask",
    [
        lambda data: [data[key] for key in data],
        lambda data: [data.get(key) for key in data if key in data],
        lambda data: [data.pop(key) for key in list(data)],
        lambda data: [key.startswith("a") for key in data],
        lambda data: sorted(data.items()) == sorted(data.items()),
        lambda data: dict(data.items()),
        lambda data: {key: 1 for other in (data, tracked(a=1, b=2)) for key in other},
    ],
)
def test_to_look_up_what_was_handed_out_reads_nothing(ask: Callable[[Any], Any]) -> None:
    data = tracked(a=1, b=2)
    copied = data.copy()
    ask(copied)
    assert data.suspect_keys() == ("a", "b")


def test_suspects_are_unread_or_not_once_that_is_settled() -> None:
    data = tracked(a=1, b=2, c=TrackedList([tracked(d=1)]))
    str(data)
    data.settle(unread=["b"])
    assert unread(data) == ["b"]
    assert data.suspect_keys() == ()


def test_the_names_that_keys_were_compared_with_are_known() -> None:
    data = tracked(a=1)
    assert len([key for key in data if key == "b" or key != "c"]) == 1
    assert data.asked_keys() == {"b", "c"}


def test_a_key_that_was_handed_out_is_plain_text_elsewhere() -> None:
    (key,) = tracked(a=1)
    for same in (str(key), f"{key}", key.lower()):
        assert type(same) is str
        assert same == "a"


@pytest.mark.parametrize(
    "ask", [len, bool, lambda data: data is None, id, type, lambda data: data == "a", dict.keys]
)
def test_looking_at_the_whole_reads_nothing(ask: Callable[[Any], Any]) -> None:
    data = tracked(a=1, b=2)
    ask(data)
    assert unread(data) == ["a", "b"]


def test_printing_reads_what_stands_inside_too() -> None:
    data = tracked(a=TrackedList([tracked(b=1)]))
    str(data)
    assert unread(data) == []


def test_a_key_inside_an_unread_key_is_not_told_apart() -> None:
    inner = tracked(c=1)
    data = tracked(a=inner, b=TrackedList([tracked(d=1), tracked(e=1)]))
    data["b"][0]["d"]
    assert unread(data) == ["a", "e"]


def test_a_mapping_that_stands_in_two_places_is_told_once() -> None:
    shared = tracked(c=1)
    assert unread(TrackedList([shared, shared])) == ["c"]


def test_reading_an_inherited_key_reads_it_where_it_was_written() -> None:
    defaults = tracked(a=1, b=2)
    entry = TrackedDict(defaults.raw_items(), forward={"a": defaults, "b": defaults})
    assert entry["a"] == 1
    assert unread(defaults) == ["b"]


def test_the_defaults_that_a_reader_names_are_kept() -> None:
    data = tracked(a="x", b="y", c="z")
    data.get("a", False)
    data.get("b")
    data.get("missing", 5)
    data.copy().get("c", 3)
    assert data.defaults == {"a": False, "missing": 5, "c": 3}


def test_asked_keys_tell_what_the_reader_knows() -> None:
    data = tracked(a=1)
    data.get("b")
    assert ("a" in data, "c" in data) == (True, False)
    assert data.asked_keys() == {"a", "b", "c"}
