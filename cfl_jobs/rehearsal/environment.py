"""What stands for the world of a build: variables, credentials, and clones in GitHub's place.

Clones are only read: git fetches from them, nothing is checked out or written there.
"""

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
from cfl_jobs.errors import RehearsalError, suggest
from cfl_jobs.files import read_text
from cfl_jobs.reading.secrets import KINDS, CredentialKind, name_of, names_of, read_secrets
from cfl_jobs.rehearsal.directory import Home, write_text
from cfl_jobs.rehearsal.records import BuildRecord
from cfl_jobs.sample import run_git

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
class GivenCredential:
    """`secret` is a text, a password, a file's or a key's text; `user` is "" for kinds without."""

    secret: str = field(repr=False)
    user: str = ""


def read_credentials(
    path: Path | None, bindings: Iterable[BoundCredential]
) -> dict[str, GivenCredential]:
    """Return what a secrets file, if there is one, gives of these credentials, by id.

    Raises CflJobsError, DefinitionError.
    """
    if path is None:
        return {}
    given = {name_of(name): value for name, value in read_secrets(path).items()}
    found: dict[str, GivenCredential] = {}
    for binding in bindings:
        *user, secret = (given.get(name, "") for name in _names_for(binding))
        if secret and all(user):
            if KINDS.get(binding.kind) in (CredentialKind.FILE, CredentialKind.SSH_KEY):
                secret = read_text(path.parent / secret, advice="It is to hold the secret.")
            found[binding.credentials_id] = GivenCredential(secret, *user)
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


def repository_name(url: str) -> str:
    """Return the name in a repository's URL: "ocargo" in https://github.com/x/ocargo.git."""
    return re.split(r"[/:]", url.rstrip("/"))[-1].removesuffix(".git")


def short_branch(branch: str) -> str:
    """Return a branch as people name it, of any way in which git does."""
    return re.sub("^(refs/heads/|(refs/)?remotes/origin/|origin/)", "", branch)


class Repositories:
    """Which local repository stands for which name.

    `sample` are those in the home, be they links that lead out of it: they are ours to change.
    """

    def __init__(self, home: Home, paths: Mapping[str, Path]) -> None:
        self.home = home
        self.sample = {n for n, path in paths.items() if path.is_relative_to(home.repositories)}
        self.paths = {name: path.expanduser().resolve() for name, path in paths.items()}
        for name, path in self.paths.items():
            self._check_clone(name, path)

    def is_known(self, url: str) -> bool:
        return repository_name(url) in self.paths or url.startswith(("/", "file://"))

    def require(self, name: str) -> str:
        """Return the name that is known. Raises RehearsalError."""
        short = repository_name(name)
        if short not in self.paths:
            known = ", ".join(sorted(self.paths)) or "none yet"
            advice = suggest(short, self.paths) or f"Add it with --repo {short}=PATH."
            raise RehearsalError(
                f"There is no repository {name!r} here (known: {known}).", advice=advice
            )
        return short

    def write_git_config(self, urls: Iterable[str]) -> None:
        """Write the git settings that steps get: GitHub's URLs lead to the local repositories."""
        lines = ["[safe]", "\tdirectory = *", "[init]", "\tdefaultBranch = master"]
        lines += ["[advice]", "\tdetachedHead = false", "[gc]", "\tauto = 0"]
        known = {url for url in urls if repository_name(url) in self.paths}
        # A clone that no job's URL names is that of a submodule, which stands beside a repository.
        others = {*self.paths}.difference(map(repository_name, known))
        beside = {f"{re.sub('[^/:]+/*$', '', url)}{name}.git" for url in known for name in others}
        for url in sorted(known | beside):
            lines.append(f"[url {_quote(str(self.paths[repository_name(url)]))}]")
            lines += [f"\tinsteadOf = {_quote(form)}" for form in _forms(url)]
        write_text(self.home.state / "gitconfig", "\n".join(lines) + "\n")

    def read_head(self, url: str, branch: str) -> str | None:
        """Return the commit that `branch` is at in the local repository, None without one."""
        answer = self.git("ls-remote", url, f"refs/heads/{short_branch(branch)}").split()
        return next(iter(answer), None)

    def list_uncommitted(self, name: str) -> tuple[str, ...]:
        """Return the files that are changed or new in a repository's work tree, if it has one."""
        arguments = ("--no-optional-locks", "status", "--porcelain", "--no-renames", "-z")
        listed = self._ask(self.paths[name], *arguments).split("\0")
        return tuple(entry.split(maxsplit=1)[-1] for entry in listed if entry)

    def commit(self, name: str, branch: str) -> None:
        """Commit all that a sample's work tree has, be it nothing new; it has to be on `branch`."""
        directory = self.paths[name]
        current = self._ask(directory, "branch", "--show-current")
        if current != branch:
            raise RehearsalError(
                f"{directory} is on {current or 'no branch'}, not on {branch}.",
                advice=f"Check out {branch} there, or push what is checked out with --branch.",
            )
        self.git("add", "--all", directory=directory)
        what = ("commit", "--quiet", "--allow-empty", "--message=A change to rehearse with")
        self.git(*_WHO, *what, directory=directory)

    def git(self, *arguments: str, directory: Path | None = None) -> str:
        """Run git on local repositories and return what it prints. Raises RehearsalError."""
        done = run_git(arguments, directory or self.home.root, git_variables(self.home))
        if done.returncode:
            what = " ".join(["git", *arguments])
            raise RehearsalError(
                f"{what} failed: {done.stderr.strip()}",
                advice="Put the repository right, then run it again.",
            )
        return done.stdout

    def _check_clone(self, name: str, path: Path) -> None:
        """Raise RehearsalError where git could not fetch everything from a clone."""
        shallow = self._ask(path, "rev-parse", "--is-shallow-repository") if path.is_dir() else ""
        if not shallow:
            raise RehearsalError(
                f"{path} (for {name}) is not a git repository.",
                advice=f"Give a clone of it: --repo {name}=PATH",
            )
        incomplete, option = "a shallow clone", "--unshallow"
        if shallow == "false":
            if not self._ask(path, "config", "--get-regexp", r"^remote\..*\.promisor$"):
                return
            listed = self._ask(path, "rev-list", "--objects", "--all", "--missing=print")
            if not any(line.startswith("?") for line in listed.splitlines()):
                return
            incomplete, option = "a partial clone", "--refetch --no-filter"
        raise RehearsalError(
            f"{path} (for {name}) is {incomplete}; git fetches nothing from one.",
            advice=f"Fetch the rest: git -C {path} fetch {option}",
        )

    def _ask(self, path: Path, *arguments: str) -> str:
        """Return what git answers about a clone of anyone's, "" where it fails."""
        done = run_git(arguments, path, git_variables(self.home) | _SAFE)
        return done.stdout.strip() if done.returncode == 0 else ""


_WHO = ("-c", "user.name=Rehearsal", "-c", "user.email=rehearsal@example.org")


def find_submodules(home: Home, clones: Iterable[Path]) -> set[str]:
    """Return the names of the repositories that are submodules of clones, at their HEAD."""
    asked = ("config", "--blob=HEAD:.gitmodules", "--get-regexp", r"^submodule\..*\.url$")
    variables = git_variables(home) | _SAFE
    told = (run_git(asked, path, variables).stdout for path in clones if path.is_dir())
    return {repository_name(line.split()[-1]) for text in told for line in text.splitlines()}


# safe.directory counts only from the command line, the environment or a user's own settings.
_SAFE = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}


def _quote(text: str) -> str:
    """Return text as git's settings take any."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _forms(url: str) -> tuple[str, ...]:
    """Return the ways to write the repository's URL that scripts may use."""
    found = re.fullmatch(r"(?:\w+://)?(?:[^@/]*@)?([^/:]+)[:/](.*)", url.strip())
    host, path = found.groups() if found else ("", url)
    path = path.rstrip("/").removesuffix(".git")
    host = host.lower()
    bases = (f"https://{host}/{path}", f"git@{host}:{path}", f"ssh://git@{host}/{path}")
    return tuple(sorted({url, *bases, *(f"{base}.git" for base in bases)}))
