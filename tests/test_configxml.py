"""Config XML is read safely, and written the same by everyone."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfl_jobs.configs.configxml import (
    check_config,
    element_paths,
    format_config,
    parse_config,
    write_config,
)
from cfl_jobs.errors import ConfigError

POSTED = sorted((Path(__file__).parent / "data/jenkins/2.440.3/config").glob("*.posted.xml"))
assert len(POSTED) > 20
# XML 1.0's characters; U+FFFE and U+FFFF are none, nor are surrogates and most controls.
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


@pytest.mark.parametrize("path", POSTED, ids=lambda path: path.name.partition(".")[0])
def test_a_config_of_jenkins_job_builder_is_written_as_it_wrote_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert write_config(parse_config(text, name=path.name)) == text


@settings(max_examples=40)
@given(texts, texts)
def test_every_text_survives_being_written_and_read(text: str, value: str) -> None:
    root = ET.Element("project")
    inner = ET.SubElement(root, "command", {"class": value})
    inner.text = f"a\r\n\t{text}\r"
    read = parse_config(write_config(root), name="a")
    assert (read[0].text, read[0].get("class")) == (inner.text, value)


@pytest.mark.parametrize(
    "xml", ["<a><!-- a comment --><b>c</b></a>", '<a xmlns:n="urn:x"><n:b n:c="d">e</n:b></a>']
)
def test_raw_xml_with_comments_and_namespaces_keeps_its_meaning(xml: str) -> None:
    root = ET.fromstring(xml)
    read = parse_config(write_config(root), name="a")
    assert [(part.tag, part.attrib, part.text) for part in read] == [
        (part.tag, part.attrib, part.text) for part in root if isinstance(part.tag, str)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "<?xml version='1.1' encoding='UTF-8'?>\n<project/>",
        '\ufeff<?xml version="1.0"?><project/>',
        "<project/>",
    ],
)
def test_jenkins_declaration_is_no_obstacle(text: str) -> None:
    """Jenkins declares XML 1.1, which expat refuses."""
    assert parse_config(text, name="a").tag == "project"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<project>", "a: config.xml line 1, column 10: no element found$"),
        ("", "a: config.xml line 1, column 1: no element found$"),
        ('<!DOCTYPE x [<!ENTITY e "boom">]><x>&e;</x>', "has a document type"),
    ],
)
def test_what_is_no_config_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_config(text, name="a")


def test_paths_number_only_what_is_not_alone() -> None:
    root = ET.fromstring("<p><b><s>1</s><s>2</s><t/></b></p>")
    assert [path for path, _ in element_paths(root)] == ["b", "b/s[1]", "b/s[2]", "b/t"]


@pytest.mark.parametrize("reference", ["&#x1b;", "&#27;", "&#x1B;"])
def test_a_control_character_that_jenkins_keeps_is_read_and_written_back(reference: str) -> None:
    """XML 1.1 has them as references only, and expat not at all."""
    text = f"<?xml version='1.1' encoding='UTF-8'?>\n<project><a>x{reference}[1m</a></project>"
    check_config(text, name="a")
    root = parse_config(text, name="a")
    assert root.findtext("a") == "x\x1b[1m"
    written = format_config(root)
    assert written.startswith('<?xml version="1.1"')
    assert "x&#x1b;[1m" in written
    assert parse_config(written, name="a").findtext("a") == "x\x1b[1m"


def test_a_config_without_control_characters_is_written_as_xml_1_0() -> None:
    assert format_config(ET.Element("a")).startswith('<?xml version="1.0"')


@pytest.mark.parametrize(
    "text", ["<?xml version='1.0'?><a>&#x1b;</a>", "<a>&#0;</a>", "<a>\x1b</a>"]
)
def test_a_control_character_where_xml_has_none_is_an_error(text: str) -> None:
    for read in (parse_config, check_config):
        with pytest.raises(ConfigError, match=r"a: config\.xml line 1, column"):
            read(text, name="a")
