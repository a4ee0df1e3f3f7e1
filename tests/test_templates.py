"""Templates: values keep their type, places survive macros; the schema tells what they take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from cfl_jobs.errors import Position
from cfl_jobs.reading.definitions import load_definitions
from cfl_jobs.reading.tracking import TrackedDict
from cfl_jobs.rendering.sandbox import Loader
from cfl_jobs.rendering.template_trees import read_template
from cfl_jobs.rendering.templates import TemplateRenderer
from tests.case_files import write_project
from tests.projects import ROOT


def render_one(root: Path, template: str, entry: str = "", **files: str) -> TrackedDict:
    write_project(
        root,
        definitions=f"template: a.yaml.j2\njobs:\n  - name: One\n{entry}",
        template=template,
        **files,
    )
    definitions = load_definitions(root)
    assert not definitions.findings
    data, findings = TemplateRenderer(definitions).render(definitions.entries[0])
    assert not findings, [str(finding) for finding in findings]
    assert data is not None
    return data


@pytest.mark.parametrize(
    ("written", "template", "value"),
    [
        ("5", "{{ x }}", 5),
        ("true", "{{ x }}", True),
        ('"5"', "{{ x }}", "5"),
        ('"yes"', "{{ x }}", "yes"),
        ("[1, a]", "{{ x }}", [1, "a"]),
        ("{a: {b: 1}}", "{{ x }}", {"a": {"b": 1}}),
        ("", "{{ x }}", None),
        ('"a: b # c"', "{{ x }}", "a: b # c"),
        ('"a: b # c"', "x {{ x }} y", "x a: b # c y"),
        ('"- {{ y }}"', "{{ x }}", "- {{ y }}"),
        ('"\\"; rm"', '"{{ x }}"', '"; rm'),
        ('"a\\n  b: c\\n"', "{{ x }}", "a\n  b: c\n"),
        ("5", '"{{ x }}"', "5"),
        ("true", "is {{ x }}", "is true"),
        ("[a, b]", "{{ x | join(', ') }}", "a, b"),
        ("<&>", "{{ x | upper }}{{ '<' }}", "<&><"),
        ("-a-1-", "{{ x | trim(chars='-') | replace('-', 2) | replace(1, 3) }}", "a23"),
        ("{items: 1, keys: 2}", "{{ x.items }}{{ x.keys }}", "12"),
        ("3", "{{ x * 2 }}", 6),
        ("a", "|\n  first {{ x }}\n  ${SHELL} {not: yaml}", "first a\n${SHELL} {not: yaml}\n"),
    ],
)
def test_a_value_stands_as_what_it_is(
    tmp_path: Path, written: str, template: str, value: object
) -> None:
    entry = f"    x: {written}\n"
    data = render_one(tmp_path, f"name: {{{{ name }}}}\nvalue: {template}\n", entry)
    assert data["value"] == value


@settings(max_examples=35)
@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=30))
def test_no_text_can_change_the_structure(tmp_path: Path, text: str) -> None:
    entry = f"    x: {json.dumps(text, ensure_ascii=False)}\n"
    template = 'name: {{ name }}\nlist:\n  - a: {{ x }}\n    "k{{ x }}": "<{{ x }}>"\nlast: 1\n'
    data = render_one(tmp_path, template, entry)
    assert dict(data.raw_items()) == {
        "name": "One",
        "list": [{"a": text, f"k{text}": f"<{text}>"}],
        "last": 1,
    }


TWO_FILES = """\
{% extends "settings.yaml.j2" %}
{% block body %}
builders:
{% for x in [1, 2] %}
  {# a comment that
     takes two lines #}
  - shell: "{{ x }}"
    other: 1
{% endfor %}
{{ "written-as-key" }}: here
{% endblock %}
"""
BASE = """\
{% macro property(n) %}
- build-discarder:
    num-to-keep: {{ n }}
{% endmacro %}
name: {{ name }}
properties:
  {{ property(3) | indent(2) }}
{% block body %}{% endblock %}
"""


def test_places_survive_inheritance_macros_loops_and_comments(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/settings.yaml.j2").write_text(BASE)
    data = render_one(tmp_path, TWO_FILES)

    def place(mapping: Any, key: str) -> str:
        return str(mapping.position_of(key))

    discarder = data["properties"][0]["build-discarder"]
    assert discarder["num-to-keep"] == 3
    assert place(discarder, "num-to-keep") == "templates/settings.yaml.j2:3:5"
    for step in data["builders"]:
        assert place(step, "shell") == "templates/a.yaml.j2:7:5"
        assert place(step, "other") == "templates/a.yaml.j2:8:5"
    assert data.position_of("written-as-key").line == 10
    assert place(data, "name") == "templates/settings.yaml.j2:5:1"


def test_places_are_a_templates_own_whether_it_is_read_first_or_last(tmp_path: Path) -> None:
    extending = "{% extends 'a.yaml.j2' %}"
    for number, first in enumerate(("a.yaml.j2", "settings.yaml.j2", "a.yaml.j2")):
        root = write_project(tmp_path / str(number), template=BASE)
        (root / "templates/settings.yaml.j2").write_text(extending)
        (root / "jobs/a.yaml").write_text(f"template: {first}\njobs:\n  - name: One\n")
        definitions = load_definitions(root)
        data, findings = TemplateRenderer(definitions).render(definitions.entries[0])
        assert data is not None, findings
        assert str(data.position_of("name")) == "templates/a.yaml.j2:5:1"


def test_a_value_from_a_definition_keeps_the_place_where_it_was_written(tmp_path: Path) -> None:
    data = render_one(tmp_path, "name: {{ name }}\ndescription: {{ x }}\n", "    x: text\n")
    assert data["description"].pos == Position("jobs/a.yaml", 4, 8)


def test_templates_see_settings_and_all_definitions_of_the_chain(tmp_path: Path) -> None:
    template = (
        "name: {{ name }}\n"
        "description: {% for one in chain.a %}{{ one.name }} {% endfor %}at {{ settings.place }}\n"
    )
    data = render_one(tmp_path, template, settings="settings:\n  place: here\n")
    assert data["description"] == "One at here"


def test_a_script_is_composed_with_its_inputs_and_blamed_on_its_file(tmp_path: Path) -> None:
    script = '#!/usr/bin/env bash\n: "${who:?}"\necho "hello $who"\n'
    template = 'name: {{ name }}\nbuilders:\n  - shell: {{ script("a.sh", who=x) }}\n'
    data = render_one(tmp_path, template, "    x: it's me\n", script=script)
    text = data["builders"][0]["shell"]
    assert text.startswith("#!/usr/bin/env bash\nwho='it'\"'\"'s me'\n")
    assert text.endswith('echo "hello $who"\n')
    assert text.pos.file == "templates/scripts/a.sh"


@pytest.mark.parametrize(
    "loop", ["x", "x | unique", "x | default([]) | sort | list", "x | map('lower') | reverse"]
)
def test_a_loop_takes_no_text_for_its_letters(tmp_path: Path, loop: str) -> None:
    """Also where a filter would have made a list of them."""
    template = f"description: {{% for y in {loop} %}}{{{{ y }}}}{{% endfor %}}"
    assert render_one(tmp_path, template, "    x: [a]\n")["description"].lower() == "a"
    (tmp_path / "jobs/a.yaml").write_text("template: a.yaml.j2\njobs:\n  - {name: One, x: alice}\n")
    definitions = load_definitions(tmp_path)
    _, [finding] = TemplateRenderer(definitions).render(definitions.entries[0])
    assert finding.message == "'alice' is text where a list is needed"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ('echo {{ "${#files[@]}" }}\n', "echo ${#files[@]}\n"),
        ("echo {{ '{{' }}.State}}\n", "echo {{.State}}\n"),
        ("echo {% raw %}${#files[@]}{% endraw %}\n  next\n", "echo ${#files[@]}\nnext\n"),
        ("echo {% if name %}some{% endif %}\n  next\n", "echo some\nnext\n"),
        ("echo some {# of many #}\n  next\n", "echo some \nnext\n"),
        ("{% if name %}some{% endif %}\n  next\n", "some\nnext\n"),
        ("{% if name %}\n  some\n  {% endif %}\n  next\n", "some\nnext\n"),
        ("{##}\n  {# taken out #}some\n", "some\n"),
        ('echo "${line%%#}" "${line%#}"\n', 'echo "${line%%#}" "${line%#}"\n'),
    ],
)
def test_shell_in_a_template_keeps_each_of_its_lines(
    tmp_path: Path, template: str, text: str
) -> None:
    data = render_one(tmp_path, f"name: {{{{ name }}}}\ntext: |\n  {template}")
    assert data["text"] == text


def test_a_script_is_plain_text(tmp_path: Path) -> None:
    script = "#!/usr/bin/env bash\necho '{{ name }} {% x %}' \"${#files[@]}\" {name} # {# a #}\n"
    template = 'name: {{ name }}\nbuilders:\n  - shell: {{ script("a.sh") }}\n'
    data = render_one(tmp_path, template, script=script)
    assert data["builders"][0]["shell"].endswith(script.partition("\n")[2])


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        ("{{ ''.__class__.__mro__ }}", "not allowed"),
        ("{{ name.__init__.__globals__ }}", "not allowed"),
        ("{{ name.pos.__init__.__globals__ }}", "not allowed"),
        ("{{ script.__globals__ }}", "not allowed"),
        ("{{ script.__self__ }}", "not allowed"),
        ("{{ cycler.__init__ }}", "not allowed"),
        ("{{ settings.update({}) }}", "not allowed"),
        ("{{ chain.clear() }}", "not allowed"),
        ("{{ 'a' * 10**9 }}", "product is too long"),
        ("{{ 10**9 * [1] }}", "product is too long"),
        ("{{ 10**10**10 }}", "power is too large"),
        ("{{ '%900000000d' % 1 }}", "use ~"),
        ("{{ range(10**12) | list }}", "Range too big"),
        ("{{ self._TemplateReference__context }}", ""),
        ("{{ self.__init__ }}", ""),
        ("{{ ''.join.__self__ }}", ""),
        ("{{ ''.format.__self__ }}", ""),
        ("{{ '{0.__class__}'.format(name) }}", ""),
        ('{{ "%s" | format(name.__class__) }}', ""),
        ("{{ lipsum }}", ""),
        ("{{ name | safe }}", ""),
        ('{% include "../jobs/a.yaml" %}', ""),
        ('{% include "/etc/passwd" %}', ""),
        ('{{ script("../../jobs/a.yaml") }}', ""),
        ('{{ script("/etc/passwd") }}', ""),
        ("{% for x in range(10) recursive %}{{ loop([x]) }}{% endfor %}", ""),
        ("{{ {}['x'] }}", ""),
        ("{{ 1 // 0 }}", ""),
        ("{{ name.missing.deeper }}", ""),
    ],
)
def test_a_template_can_do_nothing_but_make_text(tmp_path: Path, attack: str, message: str) -> None:
    """It can neither escape nor fill the memory."""
    write_project(
        tmp_path,
        definitions="template: a.yaml.j2\njobs:\n  - name: One\n",
        template=f"name: {{{{ name }}}}\ndescription: {attack}\n",
        settings="settings: {}\n",
    )
    definitions = load_definitions(tmp_path)
    data, findings = TemplateRenderer(definitions).render(definitions.entries[0])
    assert data is None
    assert findings[0].position is not None
    assert findings[0].position.line >= 1
    assert message in findings[0].message
    assert "root:" not in str(findings)


SCHEMA = json.loads((ROOT / "templates/schema.json").read_text(encoding="utf-8"))
TEMPLATES = SCHEMA["properties"]["template"]["enum"]
MODELINE = "# yaml-language-server: $schema=../templates/schema.json\n"
FILES = sorted(path.name for path in (ROOT / "jobs").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(SCHEMA)
    return Draft202012Validator(SCHEMA)


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / "jobs" / name).read_text(encoding="utf-8"))


def messages(validator: Draft202012Validator, document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_schema_knows_what_a_template_reads_and_nothing_that_none_reads(template: str) -> None:
    """Some variables are for other templates, which find them in `chain`."""
    load = Loader(load_definitions(ROOT).sources).read
    reads = {name: read_template(name, load) for name in TEMPLATES}
    known = SCHEMA["$defs"][f"{template.partition('.')[0]}-variables"]["properties"]
    assert {"name", "moved"} | reads[template].variables <= known.keys()
    words = frozenset[str]().union(*(read.words for read in reads.values()))
    assert known.keys() - {"moved"} <= words


def test_the_schema_knows_the_settings_and_the_templates_that_are_in_use() -> None:
    definitions = load_definitions(ROOT)
    load = Loader(definitions.sources).read
    read = frozenset[str]().union(
        *(read_template(name, load).keys_of("settings") for name in TEMPLATES)
    )
    settings = SCHEMA["$defs"]["settings"]["properties"]["settings"]["properties"]
    assert read | {"project", "server"} == settings.keys()
    assert {entry.template for entry in definitions.entries} <= set(TEMPLATES)


@pytest.mark.parametrize("name", FILES)
def test_real_definitions_are_valid_and_name_the_schema(
    name: str, validator: Draft202012Validator
) -> None:
    assert messages(validator, load(name)) == []
    text = (ROOT / "jobs" / name).read_text(encoding="utf-8")
    assert text.startswith(MODELINE)
    assert (ROOT / "jobs" / "../templates/schema.json").is_file()


def change(document: Any, path: str, **changes: Any) -> None:
    """Change the mapping at a path: None takes a key out."""
    for key in path.split("/") if path else ():
        document = document[int(key) if key.isdigit() else key]
    for key, value in changes.items():
        document.pop(key, None)
        document |= {} if value is None else {key: value}


ALICE = ["USER:alice"]


@pytest.mark.parametrize(
    ("file", "path", "changes", "told"),
    [
        ("deploy", "jobs/2", {"restrictd_to": ALICE}, ["$.jobs[2]: ", "'restrictd_to' was unexp"]),
        ("deploy", "", {"defaults": None, "defalts": {}}, ["'defalts' was unexpected"]),
        ("deploy", "jobs/0/secrets/0", {"credential": None, "credentail": "x"},
         ["'credentail' was unexpected", "'credential' is a required property"]),
        ("deploy", "", {"template": "deplot.yaml.j2"}, ["'deplot.yaml.j2' is not one of"]),
        ("settings", "settings", {"retention_days": "90 days"},
         ["$.settings.retention_days: '90 days' is not of type 'integer'"]),
        ("publish", "jobs/0", {"restricted_to": "USER:alice"},
         ["$.jobs[0].restricted_to: 'USER:alice' is not of type 'array'"]),
        # The directory of a repository is read through `chain`, by the distribution's template.
        ("publish", "jobs/0", {"directory": None}, ["$.jobs[0]: 'directory' is a required pro"]),
        # Read in the templates' base, with a default, and by no definition so far.
        ("publish", "jobs/0", {"restricted_to": ALICE, "node_label": "linux"}, []),
        ("publish", "", {"defaults": {"directory": "."}}, []),
    ],
)  # fmt: skip
def test_what_is_wrong_is_rejected_and_nothing_else(
    file: str, path: str, changes: dict[str, Any], told: list[str], validator: Draft202012Validator
) -> None:
    """Misspelt names, other types, what is required; a default is as good as an entry's own."""
    document = load(f"{file}.yaml")
    change(document, path, **changes)
    if "directory" in document.get("defaults", ()):
        for entry in document["jobs"]:
            del entry["directory"]
    found = messages(validator, document)
    assert bool(found) is bool(told)
    assert all(any(words in message for message in found) for words in told)
