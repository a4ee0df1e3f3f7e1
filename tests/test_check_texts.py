"""What the rules read out of texts: shell variables, Ant patterns, secrets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cfl_jobs.check.flow import may_overlap
from cfl_jobs.check.secret_text import find_secrets, hide_secrets
from cfl_jobs.check.shell import expanding_text, find_assigned, find_uses


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("echo $A ${B} \"$C\" '$D' \\$E # $F", ["A", "B", "C"]),
        ("echo ${#A} ${!B} ${C[@]} ${D:-$E} ${F%.txt}", ["A", "B", "C", "D", "E", "F"]),
        ("cat <<X\n$A\nX\ncat <<'Y'\n$B\nY\ncat <<-\"Z\"\n\t$C\n\tZ\necho $D", ["A", "D"]),
        ('echo "it\'s $A" "$(awk \'{print $NF}\' "$B")"', ["A", "B"]),
        ("cat <<<$A; echo $((B + 1)) $# $? $1", ["A"]),
        ("case x in a) echo $A;; esac\necho '$B'", ["A"]),
        ("echo a#$A", ["A"]),
        ("true\u00a0# $A", ["A"]),
        ("cat <<X\nb\\\nX\n# $A\nX", ["A"]),
    ],
)
def test_variables_are_found_where_they_expand(script: str, names: list[str]) -> None:
    assert [use.name for use in find_uses(script)] == names


def test_a_use_tells_its_line_and_what_happens_without_the_variable() -> None:
    first, second, third = find_uses('echo "$A"\necho "${B:-}"\n: "${C:?}"')
    assert (first.line, first.has_default, first.is_required) == (1, False, False)
    assert (second.line, second.has_default, second.is_required) == (2, True, False)
    assert (third.line, third.has_default, third.is_required) == (3, False, True)


def test_what_a_script_sets_is_told_from_what_it_only_writes() -> None:
    script = """
    A=1 B+=2; export C=3
    for D in x; do read -r E F; done
    local G=1 H
    printf -v I x
    mapfile -t J < x
    export K
    echo "L=1" 'M=1' # N=1
    """
    assert {name for name in find_assigned(script) if name.isupper()} == set("ABCDEFGHIJ")


@given(st.text(st.sampled_from("aA$'\"(){}\\<# \nE"), max_size=40))
def test_blanking_keeps_every_line_and_column(script: str) -> None:
    for quoted in (True, False):
        text = expanding_text(script, quoted=quoted)
        assert [len(line) for line in text.split("\n")] == [len(x) for x in script.split("\n")]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("commit.txt", "commit.txt", True),
        ("commit.txt", "tested.txt", False),
        ("out/*.gz", "**/a.gz", True),
        ("out/*.gz", "a.gz", False),
        ("out/", "out/deep/er.txt", True),
        ("**", "anything/at/all", True),
        ("a?c", "abc", True),
        ("$NAME.txt", "report.txt", True),
        ("${X}/a", "b/c", False),
        ("*.gz", "*.txt", False),
        ("a*b", "*c*b", True),
    ],
)
def test_patterns_overlap_where_some_path_matches_both(
    one: str, other: str, expected: bool
) -> None:
    assert may_overlap(one, other) is expected
    assert may_overlap(other, one) is expected


@pytest.mark.parametrize(
    "line",
    [
        "password=correct-horse",
        "DB_PASSWORD: 'correct horse'",
        'token = "abcd1234"',
        "api-key: 1234abcd",
        "curl https://user:hunter2@example.org",
        "AKIAABCDEFGHIJKLMNOP",
        "-----BEGIN RSA PRIVATE KEY-----",
        "x = 'q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83v'",
        "deadbeef01234567deadbeef01234567",
        "xoxb-123456789012-abcdefghij",
        "AWS_SECRET_ACCESS_KEY=ab3CD/ef5GH/ij7KL/mn9OP/qr1ST/uv3WX/yz5AB+cd",
        "AWS_SECRET_ACCESS_KEY=abCD/efGH/ijKL/mnOP/qrST/uvWX/yzAB/c7deF",
        "PGPASSWORD=hunter2 psql",
        "wget --http-password hunter2 https://example.org",
        "curl -u admin:pw https://example.org",
        "curl -fsSuadmin:pw https://example.org",
        "curl --user 'admin:pw' https://example.org",
        "curl -H 'Authorization: Bearer abcd1234' https://example.org",
        "mysql -u root -ppw shop",
        "mysqldump -p'p w' shop",
        "sshpass -p pw ssh example.org",
        "docker login -u ann -p pw registry.example.org",
        "redis-cli -a pw ping",
        "unzip -P pw a.zip",
        "ldapsearch -x -w pw",
        "smbclient -U ann%pw //example.org/a",
        "sqlplus ann/pw@shop",
        "openssl pkcs12 -passin pass:pw",
        "keytool -storepass geheim -list",
        "echo pw | sudo -S true",
    ],
)
def test_a_secret_is_found_and_hidden(line: str) -> None:
    (secret,) = find_secrets(line)
    text = line[secret.start : secret.end]
    assert text not in secret.kind
    assert text not in hide_secrets(line)


@pytest.mark.parametrize(
    "line",
    [
        'password="$PASSWORD"',
        "password: {{ password }}",
        "credential-id: codeforlife-prod-secret-key",
        "variable: SITE_SECRET_KEY",
        "auth-token-id: slack-of-team",
        "token-macro: 400.v35420b_922dcb_",
        "secret_file=/run/secrets/key",
        "git checkout 3f786850e387550fdab836ed7e6dc881de23001b  # this commit",
        "https://github.com/ocadotechnology/ocargo.git",
        "COPYARTIFACT_BUILD_NUMBER_CREATE_DISTRIBUTION",
        "refspec: +refs/heads/*:refs/remotes/origin/*",
        "secrets: read",
        "SSH_KEY_TOKEN=/run/secrets/a",
        "access_key: secrets/prod/shop",
        'curl -u "$USER:$PASSWORD" https://example.org:8080/',
        "curl -u admin: https://example.org",
        'curl -H "Authorization: Bearer $TOKEN" https://example.org',
        "mysql -p shop",
        'mysql -p"$PASSWORD" -P 3306 shop',
        "docker run -p 80:80 -u 1000:1000 nginx",
        'docker login -u ann -p "$PASSWORD"',
        "mkdir -p a/b && ssh -p 22 example.org",
        "git push -u origin main",
        'echo "$PASSWORD" | sudo -S true',
        "zip -r a.zip a",
    ],
)
def test_what_is_no_secret_is_left_alone(line: str) -> None:
    assert find_secrets(line) == ()


@given(st.text())
def test_hiding_twice_changes_nothing_more_and_never_fails(text: str) -> None:
    hidden = hide_secrets(text)
    assert hidden.count("\n") == text.count("\n")
    assert hide_secrets(hidden).count("\n") == hidden.count("\n")
