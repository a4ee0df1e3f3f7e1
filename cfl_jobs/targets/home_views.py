"""A home's config.xml → its views, and the same text with other views.

Everything else in that file is the server's and stays as it is, to the byte: security, nodes,
secrets, comments.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET
from xml.parsers import expat

from cfl_jobs.configs.configxml import (
    child_of,
    format_config,
    parse_config,
    restore_controls,
    split_declaration,
)
from cfl_jobs.errors import ConfigError, TargetError

# What Jenkins itself makes of a new home: the view "all", shown first. Where workspaceDir and
# buildsDir lack, it keeps workspaces in the jobs' own folders (seen with 2.440.3 and 2.568.2).
FRESH_HOME = """\
<?xml version='1.1' encoding='UTF-8'?>
<hudson>
  <workspaceDir>${JENKINS_HOME}/workspace/${ITEM_FULL_NAME}</workspaceDir>
  <buildsDir>${ITEM_ROOTDIR}/builds</buildsDir>
  <views>
    <hudson.model.AllView>
      <owner class="hudson" reference="../../.."/>
      <name>all</name>
      <filterExecutors>false</filterExecutors>
      <filterQueue>false</filterQueue>
      <properties class="hudson.model.View$PropertyList"/>
    </hudson.model.AllView>
  </views>
  <primaryView>all</primaryView>
</hudson>
"""


def parse_views(text: str, *, source: str) -> ET.Element:
    """Return the element `views`, with its comments; an empty one where there is none.

    Raises TargetError, naming `source`, where the text makes no sense.
    """
    try:
        parse_config(text, name=source)
    except ConfigError as error:
        advice = "Put that right first: no Jenkins starts with it."
        raise TargetError(error.message, advice=advice) from error
    data = split_declaration(text)[1].encode()
    place = _locate(data)
    return _parse(data[slice(*place)]) if place else ET.Element("views")


def replace_views(text: str, views: ET.Element) -> str:
    """Return a home's config with other views."""
    head, body = split_declaration(text)
    return head + restore_controls(_replace(body.encode(), views))


def _replace(data: bytes, views: ET.Element) -> str:
    ET.indent(views, level=1)
    piece = ET.tostring(views, encoding="unicode").replace("\r", "&#13;").strip().encode()
    place = _locate(data)
    if place:
        return (data[: place[0]] + piece + data[place[1] :]).decode()
    end = data.rfind(f"</{_parse(data).tag}".encode())
    if end >= 0:
        return (data[:end].rstrip() + b"\n  " + piece + b"\n" + data[end:]).decode()
    root = _parse(data)
    root.append(views)
    return ET.tostring(root, encoding="unicode").replace("\r", "&#13;") + "\n"


def find_view(views: ET.Element, name: str) -> ET.Element | None:
    return next((view for view in views if view.findtext("name") == name), None)


def put_view(views: ET.Element, old: ET.Element | None, new: ET.Element | None) -> None:
    """Put a view where another was, or last; None for nothing."""
    place = len(views) if old is None else list(views).index(old)
    if old is not None:
        views.remove(old)
    if new is not None:
        views.insert(place, new)


def read_view(view: ET.Element) -> str:
    """Return a view's config, without the owner, which says only where it stands."""
    _drop_owner(view)
    view.tail = None
    ET.indent(view)
    return format_config(view)


def make_view(name: str, config: str) -> ET.Element:
    """Return a view as the home's config has it."""
    view = parse_config(config, name=name)
    child_of(view, "name").text = name
    _drop_owner(view)
    view.insert(0, ET.Element("owner", {"class": "hudson", "reference": "../../.."}))
    return view


def _drop_owner(view: ET.Element) -> None:
    for owner in view.findall("owner"):
        view.remove(owner)


def _parse(data: bytes) -> ET.Element:
    builder = ET.TreeBuilder(insert_comments=True, insert_pis=True)
    return ET.fromstring(data, ET.XMLParser(target=builder))  # noqa: S314 - has no entities


def _locate(data: bytes) -> tuple[int, int] | None:
    """Return where the root's element `views` begins and ends."""
    depth = 0
    place: list[int] = []
    parser = expat.ParserCreate("UTF-8")

    def begin(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth == 2 and tag == "views" and not place:
            place.append(parser.CurrentByteIndex)

    def end(tag: str) -> None:
        nonlocal depth
        if depth == 2 and tag == "views" and len(place) == 1:
            index = parser.CurrentByteIndex  # at the end tag, or after an empty element
            is_tag = data.startswith(b"</views", index)
            place.append(data.index(b">", index) + 1 if is_tag else index)
        depth -= 1

    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.Parse(data, True)
    return (place[0], place[1]) if place else None
