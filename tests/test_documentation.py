"""jenkins-job-builder's docstrings say what an option wants, in several ways."""

from __future__ import annotations

import pytest

from cfl_jobs.rendering.documentation import plain_name, read_documentation

DOCSTRING = """yaml: sample
    Sends a report. Can be used once.

    :arg int timeout: how long to wait
    :arg str quiet: minutes of silence, "5" for one (default '')
    :arg str count: Total number of warnings (default '')
    :arg str mode: how to send it. Can be 'fast' (at once), 'slow' or "never". (default 'fast')
    :arg str path: can be absolute or relative to the workspace
    :arg str role: Execute on. One of MASTER / SLAVE / BOTH.

    :arg list send-to: recipients

        :send-to values:
            * **developers** (disabled by default)
            * **culprits**
              and those before them

    :arg dict clean-if: when

        :clean-if values:
            * **success** (`bool`) (default true)
            * **failure** (`bool`)

    :arg str type: what it is

        :Allowed Values: * **tag**
                    * **branch** any

        :Thresholds: * **unstable** (`dict`)
            :unstable: * **total-all** (int)
            * **size**: ('int'): how large
    :arg int size: the largest
    :arg bool twice: yes
    :arg str twice: or no

    Full Example:

    .. literalinclude:: /fixtures/sample.yaml
    """


@pytest.mark.parametrize(
    ("option", "kind", "choices"),
    [
        ("timeout", "int", set()),
        ("quiet", "str", set()),
        ("count", "int", set()),
        ("mode", "str", {"fast", "slow", "never"}),
        ("path", "str", set()),
        ("role", "str", {"MASTER", "SLAVE", "BOTH"}),
        ("send-to", "list", {"developers", "culprits"}),
        ("clean-if", "dict", set()),
        ("success", "bool", set()),
        ("type", "str", {"tag", "branch"}),
        ("unstable", "dict", set()),
        ("totalAll", "int", set()),
        ("size", "int", set()),
        ("twice", "", set()),
    ],
)
def test_an_option_is_read_from_the_docstring(option: str, kind: str, choices: set[str]) -> None:
    found = read_documentation(DOCSTRING)[plain_name(option)]
    assert found.kind == kind
    assert found.choices == frozenset(choices)


def test_words_in_quotes_are_known_of_their_option() -> None:
    found = read_documentation(DOCSTRING)
    assert found["mode"].words == {"fast", "slow", "never"}
    assert found["path"].words == set()


def test_a_docstring_without_options_says_nothing() -> None:
    assert read_documentation("") == {}
