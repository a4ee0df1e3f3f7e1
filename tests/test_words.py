"""Words for elements, and which of their values nobody may see."""

from __future__ import annotations

import pytest

from cfl_jobs.check.secret_text import hide_secrets, is_secret
from cfl_jobs.planning.differences import split_words


@pytest.mark.parametrize(
    "tag",
    ["password", "authToken", "remoteBuildToken", "token", "apiKey", "api_key", "clientSecret",
     "passphrase", "privateKey", "dbPasswd"],
)  # fmt: skip
def test_a_field_of_such_a_name_holds_a_secret(tag: str) -> None:
    assert is_secret(tag, "s3cr3t")


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("authTokenCredentialId", "id"),
        ("credentialsId", "id"),
        ("passwordVariable", "PASS"),
        ("useToken", "true"),
        ("password", "${PASSWORD}"),
        ("token", "$TOKEN"),
        ("authToken", ""),
        ("command", "echo token"),
    ],
)
def test_names_of_credentials_variables_and_flags_are_no_secrets(tag: str, text: str) -> None:
    assert not is_secret(tag, text)


def test_encrypted_values_and_passwords_in_urls_are_hidden_in_any_text() -> None:
    hidden = hide_secrets("a {AQAAABAAAAAQabc=} b https://me:pw@example.org c")
    assert "AQAAA" not in hidden
    assert "pw" not in hidden
    assert "example.org" in hidden


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("hudson.plugins.ws__cleanup.PreBuildCleanup", "pre build cleanup"),
        ("numToKeep", "num to keep"),
        ("x", "x"),
    ],
)
def test_tags_are_split_into_words(tag: str, words: str) -> None:
    assert split_words(tag) == words
