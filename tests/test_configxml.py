"""Config XML is read safely, and written the same by everyone."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfl_jobs.configs.configxml import element_paths, parse_config, write_config
from cfl_jobs.errors import ConfigError

POSTED = sorted((Path(__file__).parent / "data/jenkins/2.440.3/config").glob("*.posted.xml"))
# XML 1.0's characters; U+FFFE and U+FFFF are none, nor are surrogates and most controls.
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


@pytest.mark.parametrize("path", POSTED, ids=lambda path: path.name.partition(".")[0])
def test_a_config_of_jenkins_job_builder_is_written_as_it_wrote_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert write_config(parse_config(text, name=path.name)) == text


def test_there_are_recorded_configs() -> None:
    assert len(POSTED) > 20


@given(texts, texts)
def test_every_text_survives_being_written_and_read(text: str, value: str) -> None:
    root = ET.Element("project")
    inner = ET.SubElement(root, "command", {"class": value})
    inner.text = f"a\r\n\t{text}\r"
    read = parse_config(write_config(root), name="a")
    assert (read[0].text, read[0].get("class")) == (inner.text, value)


@pytest.mark.parametrize(
    "xml",
    ["<a><!-- a comment --><b>c</b></a>", '<a xmlns:n="urn:x"><n:b n:c="d">e</n:b></a>'],
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
        ("<project>", "a: config.xml line 1, column 10"),
        ("", "a: config.xml line 1"),
        ('<!DOCTYPE x [<!ENTITY e "boom">]><x>&e;</x>', "has a document type"),
    ],
)
def test_what_is_no_config_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_config(text, name="a")


def test_paths_number_only_what_is_not_alone() -> None:
    root = ET.fromstring("<p><b><s>1</s><s>2</s><t/></b></p>")
    assert [path for path, _ in element_paths(root)] == ["b", "b/s[1]", "b/s[2]", "b/t"]
