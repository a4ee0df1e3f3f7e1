"""A build → its environment: what Jenkins sets, what a process gets, what its log must not show."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from cfl_jobs.configs.references import expand
from cfl_jobs.configs.steps.step import BoundCredential
from cfl_jobs.files import read_text
from cfl_jobs.reading.secrets import KINDS, CredentialKind, name_of, names_of, read_secrets
from cfl_jobs.rehearsal.directory import Home
from cfl_jobs.rehearsal.records import BuildRecord

# No server answers there; what a script puts into a message still looks right.
JENKINS_URL = "http://rehearsal.invalid/"

# What steps may know of this machine. HOME and git's settings are the rehearsal's own.
_PASSED_ON = re.compile(
    r"PATH|LANG|LANGUAGE|LC_\w+|TZ|TERM|TMPDIR|SHELL|USER|LOGNAME|PIP_\w+|UV_\w+|"
    r"SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(?i:\w+_proxy)"
)


def build_variables(record: BuildRecord) -> dict[str, str]:
    """Return what a build's environment holds at any time, also after it: Run.getEnvironment.

    Empty parameters are still there: only a process doesn't get them.
    """
    path = "".join(f"job/{quote(part)}/" for part in record.job.split("/"))
    job_url = f"{JENKINS_URL}{path}"
    build_url = f"{job_url}{record.number}/"
    display = f"{build_url}display/redirect"
    variables = {
        "CI": "true",
        "BUILD_NUMBER": str(record.number),
        "BUILD_ID": str(record.number),
        "BUILD_DISPLAY_NAME": record.shown_name,
        "BUILD_TAG": f"jenkins-{record.job.replace('/', '-')}-{record.number}",
        "BUILD_URL": build_url,
        "JOB_NAME": record.job,
        "JOB_BASE_NAME": record.job.rpartition("/")[2],
        "JOB_URL": job_url,
        "JOB_DISPLAY_URL": f"{job_url}display/redirect",
        "RUN_DISPLAY_URL": display,
        "RUN_ARTIFACTS_DISPLAY_URL": f"{display}?page=artifacts",
        "RUN_CHANGES_DISPLAY_URL": f"{display}?page=changes",
        "RUN_TESTS_DISPLAY_URL": f"{display}?page=tests",
        "JENKINS_URL": JENKINS_URL,
        "HUDSON_URL": JENKINS_URL,
    }
    variables |= record.parameters
    if record.revision:
        variables |= {
            "GIT_COMMIT": record.revision.commit,
            "GIT_BRANCH": record.revision.branch,
            "GIT_URL": record.revision.url,
        }
    return variables


def node_variables(home: Home, *, workspace: Path, executor: int, cookie: str) -> dict[str, str]:
    """Return what the environment holds only while the build runs, from where it runs."""
    return {
        "JENKINS_HOME": str(home.root),
        "HUDSON_HOME": str(home.root),
        "JENKINS_SERVER_COOKIE": cookie.partition("-")[0],
        "HUDSON_SERVER_COOKIE": cookie.partition("-")[0],
        "HUDSON_COOKIE": cookie,
        "EXECUTOR_NUMBER": str(executor),
        "NODE_NAME": "built-in",
        "NODE_LABELS": "built-in",
        "WORKSPACE": str(workspace),
        "WORKSPACE_TMP": f"{workspace}@tmp",
    }


def git_variables(home: Home) -> dict[str, str]:
    """Return the variables with which git reads no settings but the rehearsal's, and no network."""
    return {
        "HOME": str(home.state / "home"),
        "GIT_CONFIG_GLOBAL": str(home.state / "gitconfig"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "file",
        "GIT_TERMINAL_PROMPT": "0",
    }


def process_environment(variables: Mapping[str, str], home: Home) -> dict[str, str]:
    """Return the environment of a step's process.

    As hudson.EnvVars.overrideExpandingAll: variables inside values are replaced, and what is
    empty is not set at all. HOME is inside the rehearsal; git reads only the rehearsal's
    settings and reaches only local repositories; pip keeps the user's settings.
    """
    environment = {k: v for k, v in os.environ.items() if _PASSED_ON.fullmatch(k)}
    environment |= git_variables(home)
    settings = Path.home() / ".config/pip/pip.conf"
    if settings.is_file():
        environment.setdefault("PIP_CONFIG_FILE", str(settings))
    for name, value in variables.items():
        others = environment | {k: v for k, v in variables.items() if k != name and v}
        expanded = expand(value, others)
        if expanded:
            environment[name] = expanded
        else:
            environment.pop(name, None)
    return environment


MASK = b"****"
_LONG_ENOUGH = 8  # characters


@dataclass(frozen=True, slots=True)
class Credential:
    """`secret` is a text, a password, a file's or a key's text; `user` is "" for kinds without."""

    secret: str = field(repr=False)
    user: str = ""


def read_credentials(
    path: Path | None, bindings: Iterable[BoundCredential]
) -> dict[str, Credential]:
    """Return what a secrets file, if there is one, gives of these credentials, by id.

    Raises CflJobsError, DefinitionError.
    """
    if path is None:
        return {}
    given = {name_of(name): value for name, value in read_secrets(path).items()}
    found: dict[str, Credential] = {}
    for binding in bindings:
        *user, secret = (given.get(name, "") for name in _names_for(binding))
        if secret and all(user):
            if KINDS.get(binding.kind) in (CredentialKind.FILE, CredentialKind.SSH_KEY):
                secret = read_text(path.parent / secret, advice="It is to hold the secret.")
            found[binding.credentials_id] = Credential(secret, *user)
    return found


def ask_for(missing: Iterable[BoundCredential]) -> str:
    """Return the sentence that asks for credentials which aren't given."""
    missing = tuple(missing)
    ids = ", ".join(dict.fromkeys(binding.credentials_id for binding in missing))
    names = dict.fromkeys(name for binding in missing for name in _names_for(binding))
    return (
        f"These credentials are needed and not given: {ids}\n"
        f"Write lines {'=..., '.join(names)}=... into a file and give it with --secrets FILE."
    )


def _names_for(binding: BoundCredential) -> tuple[str, ...]:
    return names_of(binding.credentials_id, KINDS.get(binding.kind, CredentialKind.STRING))


class Masker:
    """Replaces secrets in a log's bytes by ****, a whole line at a time.

    Of a text of several lines each is one, if it is long enough to be told from others.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms: set[str] = set()
        for secret in secrets:
            lines = (line for line in secret.splitlines() if len(line.strip()) >= _LONG_ENOUGH)
            for part in {secret, *lines}:
                # `sh -x` shows an argument with blanks or quotes in its quoted form.
                forms |= {part, shlex.quote(part), part.replace("'", "'\\''")}
        told = (form.encode() for form in forms if form.strip(" \n'"))
        self._forms = sorted(told, key=len, reverse=True)
        self._pending = b""

    def add(self, data: bytes) -> bytes:
        """Return what may be written now; an unfinished line is held back."""
        if not self._forms:
            return data
        lines, newline, self._pending = (self._pending + data).rpartition(b"\n")
        return self.mask(lines + newline)

    def end(self) -> bytes:
        """Return what was held back."""
        data, self._pending = self._pending, b""
        return self.mask(data)

    def mask(self, data: bytes) -> bytes:
        for form in self._forms:
            data = data.replace(form, MASK)
        return data
