"""Writes .vscode/: JSON schemas of the configuration, from the YAML files and their comments.

    make schema

An editor with the YAML language server then completes keys, shows the comment of a key, and marks
values of the wrong kind. The schemas are lenient: further keys are allowed, as they are in Hydra.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
CONF, VSCODE = ROOT / "conf", ROOT / ".vscode"
GLOBAL = ("experiment", "hparams_search", "debug", "local")
"""Groups whose files speak of the whole configuration."""
KINDS = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
Schema = dict[str, Any]


def schema_of(node: yaml.Node, lines: list[str]) -> Schema:
    """What the node of one file shows: kinds of values, and comments as descriptions."""
    if isinstance(node, yaml.MappingNode):
        found: Schema = {}
        for key, value in node.value:
            if key.value in ("<<", "defaults"):
                continue
            inner = schema_of(value, lines)
            if text := comment(lines, key.start_mark.line):
                inner["description"] = text
            found[key.value] = inner
        return {"kinds": {"object"}, "properties": found}
    if isinstance(node, yaml.SequenceNode):
        return {"kinds": {"array"}}
    if "${" in node.value:
        return {"kinds": set(KINDS.values())}
    return {"kinds": {KINDS[type(yaml.safe_load(yaml.serialize(node)))]}}


def comment(lines: list[str], at: int) -> str:
    """The comment lines right above a key."""
    found: list[str] = []
    while at > 0 and lines[at - 1].strip().startswith("#"):
        at -= 1
        found.insert(0, lines[at].strip().lstrip("# "))
    return " ".join(line for line in found if not line.startswith("@package"))


def merged(first: Schema, second: Schema) -> Schema:
    """Both: what one file leaves out another may show."""
    result: Schema = {"kinds": first["kinds"] | second["kinds"]}
    ours, theirs = first.get("properties", {}), second.get("properties", {})
    if ours or theirs:
        result["properties"] = {
            key: merged(ours[key], theirs[key])
            if key in ours and key in theirs
            else ours.get(key) or theirs[key]
            for key in {**ours, **theirs}
        }
    if text := first.get("description") or second.get("description"):
        result["description"] = text
    return result


def of_files(files: list[Path]) -> Schema:
    result: Schema = {"kinds": {"object"}, "properties": {}}
    for file in files:
        text = file.read_text()
        node = yaml.compose(text)
        if isinstance(node, yaml.MappingNode):
            result = merged(result, schema_of(node, text.splitlines()))
    return result


def as_json(schema: Schema) -> Schema:
    """A JSON schema; everything may be null or an interpolation."""
    kinds = set(schema["kinds"]) | {"null"}
    if "number" in kinds:
        kinds.discard("integer")
    result: Schema = {}
    if kinds != {"null"} and not kinds & {"array", "string"}:  # those stand for others, too
        text = {"type": "string", "pattern": r"\$\{"}
        result["anyOf"] = [{"type": sorted(kinds)}, text]
    if "properties" in schema:
        inner = {key: as_json(value) for key, value in schema["properties"].items()}
        result["properties"] = dict(sorted(inner.items()))
    if "description" in schema:
        result["description"] = schema["description"]
    return result


def options(group: str) -> list[str]:
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))


def groups() -> list[str]:
    return sorted(
        str(folder.relative_to(CONF))
        for folder in CONF.rglob("*")
        if folder.is_dir() and folder.name != "local" and options(str(folder.relative_to(CONF)))
    )


def defaults() -> Schema:
    """The defaults list: groups and the options there are."""
    choices = {group: {"examples": options(group)} for group in groups()}
    choices |= {f"override /{group}": choice for group, choice in choices.items()}
    return {"type": "array", "items": {"anyOf": [{"type": "string"}, {"properties": choices}]}}


def schemas() -> dict[str, tuple[Schema, list[str]]]:
    """name: (schema, the files it is for)."""
    found: dict[str, tuple[Schema, list[str]]] = {}
    whole = of_files([CONF / "train.yaml"])
    for group in GLOBAL:
        whole = merged(whole, of_files(sorted((CONF / group).glob("*.yaml"))))
    for group in ("data", "model", "callbacks", "logger", "trainer", "paths", "extras"):
        part = of_files(sorted((CONF / group).glob("*.yaml")))
        part = merged(part, whole["properties"].get(group, {"kinds": {"object"}}))
        whole["properties"][group] = part
        found[group] = (part, [f"{group}/*.yaml"])
    sweeper = of_files(sorted((CONF / "hydra" / "sweeper").glob("*.yaml")))
    hydra = whole["properties"].setdefault("hydra", {"kinds": {"object"}, "properties": {}})
    sweeper = merged(sweeper, hydra["properties"].get("sweeper", {"kinds": {"object"}}))
    hydra["properties"]["sweeper"] = sweeper
    found["sweeper"] = (sweeper, ["hydra/sweeper/*.yaml"])
    found["train"] = (whole, ["train.yaml", *(f"{group}/*.yaml" for group in GLOBAL)])
    found["analyze"] = (of_files([CONF / "analyze.yaml"]), ["analyze.yaml"])
    return found


def files() -> dict[Path, str]:
    """Everything that belongs into .vscode/."""
    settings: dict[str, list[str]] = {}
    result: dict[Path, str] = {}
    for name, (schema, globs) in schemas().items():
        content = as_json(schema)
        content["properties"]["defaults"] = defaults()
        result[VSCODE / "schemas" / f"{name}.json"] = json.dumps(content, indent=1) + "\n"
        settings[f".vscode/schemas/{name}.json"] = [f"**/conf/{pattern}" for pattern in globs]
    result[VSCODE / "settings.json"] = json.dumps({"yaml.schemas": settings}, indent=2) + "\n"
    return result


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
