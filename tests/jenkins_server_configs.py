"""The stand-in's configs: posted text -> what Jenkins stores, saves and has after a restart.

The rules for a save are learnt, for each version of Jenkins, from its recorded pairs in
tests/data/jenkins/VERSION/config (posted and saved form of one job): which classes a plugin gives,
the order of a class' fields, their defaults, what is dropped, what is encrypted. The few rewrites
that change meaning are written out below.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from posixpath import normpath, relpath
from secrets import token_bytes
from typing import Any
from xml.parsers import expat

DATA = Path(__file__).parent / "data" / "jenkins"
MATRICES = (
    "hudson.security.AuthorizationMatrixProperty",
    "com.cloudbees.hudson.plugins.folder.properties.AuthorizationMatrixProperty",
)
FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
OLD, NEW = DIALECTS = ("2.440.3", "2.568.2")
chosen = OLD  # the version that `save` and `restart` play unless they are told
_CIPHER = re.compile(r"\{AQAA[A-Za-z0-9+/=]+\}")
_DECLARATION = re.compile(r"\A\ufeff?\s*<\?xml[^>]*\?>\s*")
# Classes of Jenkins itself start with these; all others come with a plugin.
_CORE_PACKAGES = (
    *("hudson.model", "hudson.scm", "hudson.security", "hudson.tasks", "hudson.triggers"),
    *("hudson.util", "hudson.views", "jenkins.model", "jenkins.triggers"),
)
_CORE = tuple(f"{package}." for package in _CORE_PACKAGES)
# Packages that plugins of several makers share.
_SHARED_PACKAGES = frozenset(
    {
        "com.cloudbees.hudson.plugins",
        "com.cloudbees.jenkins",
        "com.cloudbees.jenkins.plugins",
        "com.cloudbees.plugins",
        "io.jenkins.plugins",
        "org.jenkins.plugins",
        "org.jenkinsci.plugins",
        "org.jenkinsci.plugins.workflow",
    }
)
# Seen to vanish because this server lacks the plugin; they stay once a test installs it.
_MISSING_HERE = {
    "com.cloudbees.jenkins.plugins.okidocki.DockerBuildWrapper": "docker-custom-build-environment",
    "hudson.plugins.cobertura.CoberturaPublisher": "cobertura",
    "hudson.plugins.sonar.SonarRunnerBuilder": "sonar",
    "hudson.plugins.throttleconcurrents.ThrottleJobProperty": "throttle-concurrents",
    "hudson.plugins.validating__string__parameter.ValidatingStringParameterDefinition": (
        "validating-string-parameter"
    ),
    "hudson.tasks.Ant": "ant",
    "jenkins.plugins.slack.SlackNotifier": "slack",
    "jenkins.plugins.slack.SlackNotifier_-SlackJobProperty": "slack",
    "org.jenkinsci.plugins.rabbitmqbuildtrigger.RemoteBuildTrigger": "rabbitmq-build-trigger",
}


class MalformedConfig(Exception):
    """Text that is not well-formed XML."""


@dataclass(eq=False)
class Node:
    """One element. `text` is None for `<x/>` and "" for `<x></x>`, which XStream tells apart."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    text: str | None = None

    def find(self, path: str) -> Node | None:
        """Return the first element at a path such as "builders/hudson.tasks.Shell"."""
        first, _, rest = path.partition("/")
        found = next((child for child in self.children if child.tag == first), None)
        return found.find(rest) if found and rest else found

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()

    def copy(self) -> Node:
        children = [child.copy() for child in self.children]
        return Node(self.tag, dict(self.attributes), children, self.text)


def is_xml_1_1(text: str) -> bool:
    return bool(re.match(r"""\s*<\?xml version=["']1\.1""", text))


# XML 1.1 may name control characters; while expat looks on, they are of the private use area.
_CONTROL = re.compile(r"&#(?:x([01]?[0-9a-fA-F])|([12]?[0-9]|3[01]));")
_SHIFTED = {0xE000 + code: code for code in range(1, 32)}


def parse(text: str) -> Node:
    """Parse XML 1.0 or 1.1. Raises MalformedConfig."""
    if is_xml_1_1(text):
        text = _CONTROL.sub(
            lambda found: chr(0xE000 + (int(found[1], 16) if found[1] else int(found[2]))), text
        )
    top = Node("")
    stack = [top]
    texts: list[list[str]] = [[]]
    data = _DECLARATION.sub("", text, count=1).encode()
    parser = expat.ParserCreate(encoding="utf-8")
    parser.buffer_text = True

    def start(tag: str, attributes: dict[str, str]) -> None:
        node = Node(tag, dict(attributes))
        stack[-1].children.append(node)
        stack.append(node)
        texts.append([])

    def end(_tag: str) -> None:
        node = stack.pop()
        text = "".join(texts.pop())
        if not node.children:  # expat is behind the tag then where it was <x/>, else before </x>
            at = parser.CurrentByteIndex
            node.text = None if not text and data[at - 2 : at] == b"/>" else text

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = lambda data: texts[-1].append(data.translate(_SHIFTED))
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise MalformedConfig(str(error)) from error
    return top.children[0]


_PIECE = re.compile(r"<!--.*?-->|<[^>]*>(?:</[^>]*>)?|[^<]+", re.DOTALL)
_EMPTY_PAIR = re.compile(r"^<([^\s/>]+)((?:\s[^>]*)?)></\1>$")


def store(text: str) -> str:
    """Return the form in which a posted config is kept: as it is, but for declaration and quoting.

    Jenkins copies the text through Java's identity transform.
    """
    body = _DECLARATION.sub("", text, count=1).rstrip()
    body = body.replace("\r\n", "\n")

    def requote(match: re.Match[str]) -> str:
        if match[0].startswith("<"):
            is_pair = "></" in match[0]
            return _EMPTY_PAIR.sub(r"<\1\2/>", match[0]) if is_pair else match[0]
        return match[0].replace("&quot;", '"').replace("&apos;", "'")

    body = _PIECE.sub(requote, body)
    return f'<?xml version="1.0" encoding="UTF-8"?>{body}'


_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"} | {
    chr(code): f"&#x{code:x};" for code in range(1, 32) if code not in (9, 10)
}
_SPECIAL = re.compile("[\x01-\x08\x0b-\x1f&<>\"']")


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda found: _ESCAPED[found[0]], text)


def write(root: Node, *, quote: str = "'") -> str:
    """Write as XStream and Jenkins' XmlFile do: XML 1.1, two spaces, no line end at the end."""
    lines: list[str] = []

    def add(node: Node, depth: int) -> None:
        pad = "  " * depth
        opening = node.tag + "".join(
            f' {name}="{_escape(value)}"' for name, value in node.attributes.items()
        )
        if node.children:
            lines.append(f"{pad}<{opening}>")
            for child in node.children:
                add(child, depth + 1)
            lines.append(f"{pad}</{node.tag}>")
        elif node.text is None:
            lines.append(f"{pad}<{opening}/>")
        else:
            lines.append(f"{pad}<{opening}>{_escape(node.text)}</{node.tag}>")

    add(root, 0)
    declaration = f"<?xml version={quote}1.1{quote} encoding={quote}UTF-8{quote}?>"
    return "\n".join([declaration, *lines])


@dataclass
class Rule:
    """What a save does to one class, or to one field that holds plain text or a collection."""

    seen: bool = False
    plugin: str = ""
    sequences: list[list[str]] = field(default_factory=list)
    collection: bool = False
    # Per field: what was there where the posted config had none (None: it stayed absent).
    absent: dict[str, list[Node | None]] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    kept_empty: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    classes: dict[str, str] = field(default_factory=dict)
    unclassed: bool = False
    secret: bool = False
    empty_text: bool | None = None
    ranks: dict[str, int] = field(default_factory=dict)
    defaults: dict[str, Node] = field(default_factory=dict)

    def merge_orders(self) -> list[str]:
        """Merge the recorded orders of fields; they come from one class and never conflict."""
        order: list[str] = []
        waiting = [list(sequence) for sequence in self.sequences]
        while waiting := [sequence for sequence in waiting if sequence]:
            heads = [sequence[0] for sequence in waiting]
            tails = {tag for sequence in waiting for tag in sequence[1:]}
            chosen = next((head for head in heads if head not in tails), heads[0])
            order.append(chosen)
            waiting = [[tag for tag in sequence if tag != chosen] for sequence in waiting]
        return order

    def find_defaults(self) -> dict[str, Node]:
        found = {}
        for tag, nodes in self.absent.items():
            texts = {write(node) if node else "" for node in nodes}
            if len(texts) == 1 and nodes[0] is not None:
                found[tag] = nodes[0]
        return found


def _class_of(node: Node, inherited: str = "") -> str:
    name = node.attributes.get("class", "")
    return name if "." in name else inherited or (node.tag if "." in node.tag else "")


class Rules:
    """All rules, by class name ("hudson.tasks.Shell") or class and field ("project/builders")."""

    def __init__(self) -> None:
        self.rules: dict[str, Rule] = {}
        self.unknown: set[str] = set()
        self._plugins: dict[str, str | None] = {}

    def learn(self, posted: Node, saved: Node, key: str = "") -> None:
        """Learn from one recorded pair."""
        if "reference" in saved.attributes:
            return
        key = _class_of(saved) or key or saved.tag
        rule = self.rules.setdefault(key, Rule())
        rule.seen = True
        rule.secret |= is_cipher(saved.text) and not is_cipher(posted.text)
        rule.unclassed |= "class" in posted.attributes and "class" not in saved.attributes
        rule.plugin = saved.attributes.get("plugin", rule.plugin)
        tags = [child.tag for child in saved.children]
        if any("." in tag for tag in tags) or len(set(tags)) < len(tags) or "string" in tags:
            rule.collection = True
        rule.sequences.append(tags)
        if not saved.children:
            rule.empty_text = saved.text is not None
        rest = list(saved.children)
        for child in posted.children:
            twin = next((other for other in rest if other.tag == child.tag), None)
            if twin is None:
                if "." in child.tag:
                    self.unknown.add(child.tag)
                rule.dropped.add(child.tag)
                continue
            rest.remove(twin)
            rule.kept.add(child.tag)
            if not child.children and not child.text:
                rule.kept_empty.add(child.tag)
            if "class" in twin.attributes and "class" not in child.attributes:
                rule.classes[child.tag] = twin.attributes["class"]
            self.learn(child, twin, f"{key}/{child.tag}")
        given = {child.tag for child in posted.children}
        for child in rest:
            if child.tag not in given:
                rule.absent.setdefault(child.tag, []).append(child)
                self._know(child, f"{key}/{child.tag}")

    def _know(self, node: Node, key: str) -> None:
        """Learn the shape of what Jenkins added by itself."""
        self.learn(node, node, key)

    def finish(self) -> None:
        """Note, for every field with a default, the pairs in which it stayed absent."""
        for rule in self.rules.values():
            for tag, nodes in rule.absent.items():
                if any(tag not in sequence for sequence in rule.sequences):
                    nodes.append(None)
            rule.ranks = {tag: number for number, tag in enumerate(rule.merge_orders())}
            rule.defaults = rule.find_defaults()
            self.unknown -= {name for name in self.unknown if name in self.rules}

    def plugin_of(self, name: str) -> str | None:
        """Return the plugin that brings a class: "" for Jenkins' own, None where nobody knows."""
        if name not in self._plugins:
            self._plugins[name] = self._find_plugin(name)
        return self._plugins[name]

    def _find_plugin(self, name: str) -> str | None:
        rule = self.rules.get(name)
        if rule and rule.plugin:
            return rule.plugin.partition("@")[0]
        if name in self.unknown:
            return _MISSING_HERE.get(name)
        package = name.rpartition(".")[0]
        while package.count(".") > 1 and package not in _SHARED_PACKAGES:
            for other, known in self.rules.items():
                if known.plugin and other.startswith(f"{package}."):
                    return known.plugin.partition("@")[0]
            package = package.rpartition(".")[0]
        return "" if name.startswith(_CORE) or (rule and rule.seen) else None

    def save(self, node: Node, plugins: Mapping[str, str], key: str = "", around: str = "") -> Node:
        """Return the element as Jenkins writes it at its next save.

        `around` is the plugin of the element around it: XStream names a plugin only where it
        changes.
        """
        if "reference" in node.attributes:  # XStream's pointer to an element already written
            return node.copy()
        name = _class_of(node)
        key = name or key or node.tag
        rule = self.rules.get(key) or Rule()
        attributes = dict(node.attributes)
        if rule.unclassed:
            attributes.pop("class", None)
        plugin = rule.plugin.partition("@")[0] or (self.plugin_of(name) if name else "")
        if plugin is None:
            plugin = attributes.get("plugin", "").partition("@")[0]
        attributes.pop("plugin", None)
        if plugin in plugins and plugin != around:
            attributes["plugin"] = f"{plugin}@{plugins[plugin]}"
        children: list[Node] = []
        for child in node.children:
            if not self._is_known(child, plugins):
                continue
            if "." not in child.tag and child.tag in rule.dropped - rule.kept:
                continue
            given = Node(child.tag, dict(child.attributes), child.children, child.text)
            if child.tag in rule.classes and "class" not in given.attributes:
                given.attributes["class"] = rule.classes[child.tag]
            children.append(self.save(given, plugins, f"{key}/{child.tag}", plugin or around))
        if rule.seen and not rule.collection:
            children = self._arrange(children, rule, node)
        text = encrypt() if rule.secret and not is_cipher(node.text) else node.text
        if not children and not (text or "").strip():
            keep = rule.empty_text if rule.empty_text is not None else not name
            text = "" if keep and not node.children else None
        return Node(node.tag, attributes, children, text)

    def _is_known(self, node: Node, plugins: Mapping[str, str]) -> bool:
        name = _class_of(node)
        if not name:
            return True
        plugin = self.plugin_of(name)
        if plugin is None:
            plugin = node.attributes.get("plugin", "?").partition("@")[0]
        return plugin == "" or plugin in plugins

    def _arrange(self, children: list[Node], rule: Rule, node: Node) -> list[Node]:
        given = {child.tag for child in node.children}
        for tag, default in rule.defaults.items():
            if tag not in given:
                children.append(default.copy())
        ranks: list[tuple[int, Node]] = []
        last = -1
        for child in children:
            last = rule.ranks.get(child.tag, last)
            ranks.append((last, child))
        return [child for _, child in sorted(ranks, key=lambda pair: pair[0])]


def is_cipher(text: str | None) -> bool:
    """Tell whether a text is a hudson.util.Secret that was encrypted already."""
    return bool(text and _CIPHER.fullmatch(text))


def encrypt() -> str:
    """Return a new cipher text; which bytes is chance, but they stay once they are saved."""
    return "{AQAAABAAAAAQ" + b64encode(token_bytes(32)).decode() + "}"


def mask_ciphers(config: str) -> str:
    return _CIPHER.sub("{CIPHER}", config)


@cache
def exchanges(version: str) -> list[dict[str, Any]]:
    """Return the recorded requests and answers, in order."""
    text = (DATA / version / "exchanges.json").read_text(encoding="utf-8")
    recordings: list[dict[str, Any]] = json.loads(text)["exchanges"]
    return recordings


@cache
def recorded(name: str, form: str, version: str = OLD) -> str:
    """Return a recorded config. Forms: posted, stored, saved, restarted, upgraded.

    What was posted to several servers is kept once.
    """
    at = [DATA / known / "config" / f"{name}.{form}.xml" for known in (version, *DIALECTS)]
    here = at if form == "posted" else at[:1]
    return next(file for file in here if file.exists()).read_text(encoding="utf-8")


@cache
def recorded_names(form: str = "stored", version: str = OLD) -> tuple[str, ...]:
    """Name the recorded jobs that have this form."""
    ending = f".{form}.xml"
    files = (DATA / version / "config").glob(f"*{ending}")
    return tuple(sorted(file.name.removesuffix(ending) for file in files))


@cache
def recorded_plugins(version: str = OLD) -> dict[str, str]:
    """Return the plugins of the recorded server, with their versions."""
    found = next(item for item in exchanges(version) if item["name"] == "plugins")
    plugins = json.loads(found["response"]["body"])["plugins"]
    return {plugin["shortName"]: plugin["version"] for plugin in plugins}


@cache
def recorded_save(name: str, version: str) -> str:
    """Return a recorded config as Jenkins itself made it, in memory or at a save."""
    form = "saved" if name in recorded_names("saved", version) else "stored"
    return recorded(name, form, version)


@cache
def learnt_rules(version: str = OLD, names: tuple[str, ...] = ()) -> Rules:
    """Return the rules that the recorded pairs of these jobs give, by default of all."""
    rules = Rules()
    for name in names or recorded_names("stored", version):
        rules.learn(parse(recorded(name, "posted", version)), parse(recorded_save(name, version)))
    upgraded = recorded_names("upgraded", version)
    for name in (one for one in names or upgraded if one in upgraded):
        before = recorded_save(name, DIALECTS[DIALECTS.index(version) - 1])
        rules.learn(parse(before), parse(recorded(name, "upgraded", version)))
    bodies = {
        exchange["name"]: exchange["request"]["body"] or exchange["response"]["body"]
        for exchange in exchanges(version)
    }
    for posted, saved in (
        (
            "update config, with parts no plugin knows",
            "read config after a save: normalised, unknown parts gone",
        ),
        ("create view", "view config"),
    ):
        rules.learn(parse(bodies[posted]), parse(bodies[saved]))
    rules.finish()
    return rules


def save(
    config: str,
    plugins: Mapping[str, str],
    version: str = "",
    *,
    description: str | None = None,
    disabled: bool | None = None,
    entries: Sequence[str] = (),
) -> str:
    """Return what the file holds after Jenkins loaded `config` and saved the job.

    `entries` are added to its matrix of permissions.
    """
    rules = learnt_rules(version or chosen)
    root = parse(config)
    if root.tag == FOLDER:
        _add_folder_views(root, rules)
    if description is not None:
        _set(_described(root), "description", description)
    if disabled is not None:
        _set(root, "disabled", str(disabled).lower())
    if entries:
        _grant(root, entries)
    return write(save_node(root, plugins, rules))


def create(config: str, plugins: Mapping[str, str], version: str) -> str:
    """Return what Jenkins holds in memory after createItem, where that isn't what a save makes.

    matrix-project 917: the execution strategy is the default one until the config is posted again.
    """
    if "<executionStrategy" not in config:
        return save(config, plugins, version)
    root = parse(config)
    strategy = root.find("executionStrategy")
    if root.tag == "matrix-project" and strategy is not None:
        strategy.attributes = {"class": "hudson.matrix.DefaultMatrixExecutionStrategyImpl"}
        strategy.children = [Node("runSequentially", text="false")]
    return save(write(root), plugins, version)


def save_node(root: Node, plugins: Mapping[str, str], rules: Rules) -> Node:
    """Return the element tree as Jenkins writes it."""
    for node in list(root.walk()):
        if "reference" not in node.attributes:
            _rewrite(node, plugins, rules)
    return rules.save(root, plugins)


def restart(config: str, plugins: Mapping[str, str], version: str = "") -> str:
    """Return what the file holds after a restart: the archiver's old `latestOnly` is moved.

    hudson.tasks.ArtifactArchiver turns it into a build discarder and saves the job; any other
    config is left as it is.
    """
    root = parse(config)
    publishers = root.find("publishers")
    archivers = publishers.children if publishers else []
    moved = False
    for archiver in archivers:
        old = archiver.find("latestOnly")
        if archiver.tag != "hudson.tasks.ArtifactArchiver" or old is None:
            continue
        archiver.children.remove(old)
        moved = True
        if old.text == "true":
            _keep_last_artifacts(root)
    return save(write(root), plugins, version) if moved else config


def _set(root: Node, tag: str, text: str) -> None:
    found = root.find(tag)
    if found is None:
        found = Node(tag)
        root.children.append(found)
    found.text = text
    found.children = []


def _keep_last_artifacts(root: Node) -> None:
    rotator = root.find("logRotator") or root.find(
        "properties/jenkins.model.BuildDiscarderProperty/strategy"
    )
    if rotator is not None:
        _set(rotator, "artifactNumToKeep", "1")
        return
    numbers = ("daysToKeep", "numToKeep", "artifactDaysToKeep")
    fields = [*(Node(tag, text="-1") for tag in numbers), Node("artifactNumToKeep", text="1")]
    strategy = Node("strategy", {"class": "hudson.tasks.LogRotator"}, fields)
    properties = root.find("properties")
    if properties is None:
        properties = Node("properties")
        root.children.append(properties)
    properties.children.append(Node("jenkins.model.BuildDiscarderProperty", {}, [strategy]))


def _rewrite(node: Node, plugins: Mapping[str, str], rules: Rules) -> None:
    """Apply the rewrites that are more than order, defaults and drops."""
    name = _class_of(node) or node.tag
    if name == "hudson.plugins.copyartifact.BuildSelectorParameter":
        _rewrite_selector(node, plugins, rules)
    elif name == "hudson.plugins.git.GitSCM":
        _rewrite_git_identity(node)
    elif name in MATRICES:
        node.children.sort(key=_entry_order)
    elif name == "hudson.model.ListView":
        _rewrite_status_filter(node)


def _rewrite_selector(node: Node, plugins: Mapping[str, str], rules: Rules) -> None:
    """copyartifact keeps a parameter's default selector as XML text, without line ends."""
    old = node.find("defaultSelector")
    if old is None:
        return
    node.children.remove(old)
    selector = rules.save(old, plugins)
    selector.tag = selector.attributes.pop("class").rpartition(".")[2]
    selector.attributes = {"plugin": f"copyartifact@{plugins.get('copyartifact', '')}"}
    text = write(selector).partition("\n")[2].replace("\n", "")
    node.children.append(Node("defaultSelectorXml", text=text))


def _rewrite_status_filter(node: Node) -> None:
    """hudson.model.ListView.readResolve turns the old field into a filter."""
    old, filters = node.find("statusFilter"), node.find("jobFilters")
    if old is not None and filters is not None:
        node.children.remove(old)
        filters.children.append(Node("hudson.views.StatusFilter", {}, [old]))


def _entry_order(node: Node) -> tuple[str, ...]:
    """Order the entries of a matrix as matrix-auth does: by permission, then by kind and name."""
    kind, _, rest = (node.text or "").partition(":")
    if kind not in ("EITHER", "GROUP", "USER"):
        kind, rest = "EITHER", node.text or ""
    permission, _, name = rest.partition(":")
    return permission, kind, name


@dataclass(frozen=True)
class Matrix:
    """A job's own entries, as "USER:hudson.model.Item.Read:ann"."""

    entries: frozenset[str] = frozenset()
    inherits: bool = True


def read_matrix(config: str) -> Matrix:
    """Return the matrix of a job or folder; most have none."""
    if not any(name in config for name in MATRICES):
        return Matrix()
    root = parse(config)
    found = next((node for node in root.walk() if node.tag in MATRICES), None)
    if found is None:
        return Matrix()
    texts = {child.text or "" for child in found.children if child.tag == "permission"}
    strategy = found.find("inheritanceStrategy")
    inherits = strategy is None or "NonInheriting" not in strategy.attributes.get("class", "")
    return Matrix(frozenset(texts), inherits)


def _grant(root: Node, entries: Sequence[str]) -> None:
    properties = root.find("properties")
    if properties is None:
        properties = Node("properties")
        root.children.append(properties)
    matrix = next((node for node in properties.children if node.tag in MATRICES), None)
    if matrix is None:
        strategy = "org.jenkinsci.plugins.matrixauth.inheritance.InheritParentStrategy"
        children = [Node("inheritanceStrategy", {"class": strategy})]
        matrix = Node(MATRICES[root.tag == FOLDER], {}, children)
        properties.children.append(matrix)
    matrix.children += [Node("permission", text=entry) for entry in entries]


# Classes that name other jobs, with the field: what follows a rename.
_REFERRING = {
    "hudson.plugins.copyartifact.CopyArtifact": "project",
    "hudson.plugins.parameterizedtrigger.BlockableBuildTriggerConfig": "projects",
    "hudson.plugins.parameterizedtrigger.BuildTriggerConfig": "projects",
    "hudson.tasks.BuildTrigger": "childProjects",
    "jenkins.triggers.ReverseBuildTrigger": "upstreamProjects",
}


def rename_references(config: str, context: str, old: str, new: str) -> str | None:
    """Return a config whose references follow the rename of a job, None where it stays as it is.

    Names are relative to the folder `context`. hudson.model.Items.computeRelativeNamesAfterRenaming
    also takes the blanks out of each list of names.
    """
    root = parse(config)
    changed = False
    for node in root.walk():
        found = node.find(_REFERRING.get(_class_of(node), " "))
        if found is not None and found.text:
            names = [name.strip() for name in found.text.split(",")]
            text = ",".join(_renamed(name, context, old, new) for name in names)
            changed |= text != found.text
            found.text = text
    return write(root) if changed else None


def _renamed(name: str, context: str, old: str, new: str) -> str:
    full = normpath(f"/{context}/{name}" if not name.startswith("/") else name).strip("/")
    if full != old and not full.startswith(f"{old}/"):
        return name
    now = f"/{new}{full.removeprefix(old)}"
    return now if name.startswith("/") else relpath(now, f"/{context}")


def _rewrite_git_identity(node: Node) -> None:
    """The git plugin's readResolve turns the old identity fields into an extension."""
    fields = [node.find("gitConfigName"), node.find("gitConfigEmail")]
    texts = [found.text or "" if found else "" for found in fields]
    extensions = node.find("extensions")
    if any(texts) and extensions is not None:
        identity = [Node("name", text=texts[0]), Node("email", text=texts[1])]
        tag = "hudson.plugins.git.extensions.impl.UserIdentity"
        extensions.children.append(Node(tag, {}, identity))


def _add_folder_views(root: Node, rules: Rules) -> None:
    """A folder posted without its views gets the default one, which has no description."""
    views = rules.rules[FOLDER].defaults["folderViews"].copy()
    for node in views.walk():
        node.children = [child for child in node.children if child.tag != "description"]
    if root.find("folderViews") is None:
        root.children.append(views)


def _described(root: Node) -> Node:
    """Return the element whose description submitDescription sets: of a folder, its primary view.

    cloudbees-folder: AbstractFolder is a ViewGroup, so Stapler hands the request to that view.
    """
    if root.tag != FOLDER:
        return root
    views = root.find("folderViews/views")
    primary = root.find("folderViews/primaryView")
    found = views.children if views else []
    named = [view for view in found if primary and read_text(view, "name") == primary.text]
    return (named or found)[0]


def read_text(node: Node, tag: str) -> str | None:
    found = node.find(tag)
    return found.text if found else None
