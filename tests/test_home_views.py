"""The views in a home's config.xml: all else in it stays, to the byte."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from cfl_jobs.configs.configxml import parse_config
from cfl_jobs.errors import TargetError
from cfl_jobs.targets.home_views import (
    find_view,
    make_view,
    parse_views,
    put_view,
    read_view,
    replace_views,
)
from tests.rendered_jobs import view

BEFORE = """\
<?xml version='1.1' encoding='UTF-8'?>
<!-- before -->
<hudson>
    <!-- <views> of old </views> -->
  <useSecurity >true</useSecurity>
  <text views="&lt;views/>"><![CDATA[<views>ünï</views>]]>\t&#13;</text>
  <clouds><views>not those</views></clouds>
  """
AFTER = """
  <primaryView>x</primaryView>
  <secret>{AQAA}</secret>
</hudson><!-- </views> -->
"""
ONE = "<views><!-- kept --><v><owner/><name>one</name></v></views>"


@pytest.mark.parametrize("views", ["<views/>", "<views />", "<views></views>", ONE])
def test_all_but_the_views_stays_to_the_byte(views: str) -> None:
    """Comments, blanks, XML 1.1, and what only looks like views."""
    text = BEFORE + views + AFTER
    element = parse_views(text, source="home")
    put_view(element, None, make_view("new", view("new", ("a",)).config))
    changed = replace_views(text, element)
    assert changed.startswith(BEFORE)
    assert changed.endswith(AFTER)
    again = parse_views(changed, source="home")
    new = find_view(again, "new")
    assert new is not None
    assert ("<!-- kept -->" in changed) == (views == ONE)
    put_view(again, new, None)
    assert find_view(parse_views(replace_views(changed, again), source="home"), "new") is None


def test_a_tag_right_after_an_empty_one_is_not_taken_for_its_end() -> None:
    """Where expat sees the end of an empty element differs from that of others."""
    text = "<hudson><views/></hudson>"
    assert replace_views(text, ET.Element("views")).count("</hudson>") == 1
    text = "<hudson><views><v/></views></hudson>"
    assert replace_views(text, ET.Element("views")) == "<hudson><views /></hudson>"


@pytest.mark.parametrize("text", ["<hudson/>", "<hudson></hudson>", "<hudson>\n  <a/>\n</hudson>"])
def test_a_home_without_views_gets_them(text: str) -> None:
    """Jenkins always writes the element; a person may not."""
    views = parse_views(text, source="home")
    put_view(views, None, make_view("new", view("new", ()).config))
    changed = replace_views(text, views)
    found = parse_views(changed, source="home")
    assert [view.findtext("name") for view in found] == ["new"]
    assert len(parse_config(changed, name="home")) == (2 if "<a/>" in text else 1)


def test_a_view_takes_the_place_of_the_one_it_replaces() -> None:
    """Jenkins shows its tabs in this order."""
    text = "<hudson><views>" + "".join(f"<v><name>{n}</name></v>" for n in "abc")
    views = parse_views(f"{text}</views></hudson>", source="home")
    put_view(views, find_view(views, "b"), make_view("b", view("b", ("j",)).config))
    assert [view.findtext("name") for view in views] == ["a", "b", "c"]
    assert views[1].find("jobNames") is not None


def test_a_view_has_one_owner_and_is_read_without_it() -> None:
    """Also where the config that is put has one."""
    made = make_view("v", "<v><owner class='x'/><name>other</name></v>")
    assert [owner.get("class") for owner in made.iterfind("owner")] == ["hudson"]
    assert made.findtext("name") == "v"
    assert "owner" not in read_view(made)


def test_what_makes_no_sense_names_its_source() -> None:
    """With what to do."""
    with pytest.raises(TargetError, match=r"home: config\.xml line 1") as caught:
        parse_views("<hudson>", source="home")
    assert caught.value.advice
