"""The stand-in's rules: recorded pairs of one job, posted and saved -> what a save does to any job.

Which classes a plugin gives, the order of a class' fields, their defaults, what is dropped, what is
encrypted.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_bytes

from tests.jenkins_server_xml import Node, write

_CIPHER = re.compile(r"\{AQAA[A-Za-z0-9+/=]+\}")
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
    gone: set[str] = field(default_factory=set)
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


def class_of(node: Node, inherited: str = "") -> str:
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
        key = class_of(saved) or key or saved.tag
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
            rule.gone = {tag for tag in rule.dropped - rule.kept if "." not in tag}
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
        name = class_of(node)
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
            if child.tag in rule.gone:
                continue
            if child.tag in rule.classes and "class" not in child.attributes:
                attributes_of = {**child.attributes, "class": rule.classes[child.tag]}
                child = Node(child.tag, attributes_of, child.children, child.text)
            children.append(self.save(child, plugins, f"{key}/{child.tag}", plugin or around))
        if rule.seen and not rule.collection:
            children = self._arrange(children, rule, node)
        text = encrypt() if rule.secret and not is_cipher(node.text) else node.text
        if not children and not (text or "").strip():
            keep = rule.empty_text if rule.empty_text is not None else not name
            text = "" if keep and not node.children else None
        return Node(node.tag, attributes, children, text)

    def _is_known(self, node: Node, plugins: Mapping[str, str]) -> bool:
        name = class_of(node)
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
