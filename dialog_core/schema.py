"""The JSON schema of a settings file, for the plugins that are installed: an editor completes and checks with it.

It says what :mod:`dialog_core.converter` accepts, as far as a schema can: types, limits, choices, unknown and missing
keys. What depends on two settings at once is told by ``dialogctl check`` only.
Source: JSON Schema, draft 2020-12, "Validation".
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from dialog_core.converter import options_of
from dialog_core.defaults import DEFAULT_COMPONENTS
from dialog_core.fields import Secret
from dialog_core.plugins import KINDS, Catalog, Offer
from dialog_core.resilience.failover import JOINED
from dialog_core.settings import ResolvedAgent, Settings

__all__ = ["DIALECT", "schema_of"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]
SIMPLE: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    Path: "string",
}
LIMITS = {"at_least": "minimum", "at_most": "maximum", "above": "exclusiveMinimum"}
SOURCE: Schema = {
    "description": "text that is looked up: in the environment or a .env file, or in a file",
    "oneOf": [
        {
            "type": "object",
            "properties": {
                "env": {"type": "string", "description": "name of a variable"},
                "default": {"description": "what holds if the variable is not set"},
            },
            "required": ["env"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {
                "file": {"type": "string", "description": "path, relative to the settings file"}
            },
            "required": ["file"],
            "additionalProperties": False,
        },
    ],
}
OWN_CLASS = r"^[A-Za-z_]\w*(\.\w+)*[.:]\w+$"
"""The dotted path of an application's own agent."""


def schema_of(catalog: Catalog) -> Schema:
    """The schema of a whole settings file, of which the catalog's components may be part."""
    components = {kind: component(kind, catalog) for kind in KINDS}
    return {
        "$schema": DIALECT,
        "title": "dialog settings",
        **table(Settings),
        "$defs": {"source": SOURCE, **components},
    }


def table(cls: type, *, optional: typing.Collection[str] = ()) -> Schema:
    """The schema of a settings class. optional: keys that have a default elsewhere."""
    options = options_of(cls)
    required = [
        key
        for key, field in options.items()
        if field.default is attrs.NOTHING and key not in optional
    ]
    found: Schema = {
        "type": "object",
        "properties": {key: setting(field) for key, field in options.items()},
        "additionalProperties": False,
    }
    return {**found, "required": required} if required else found


def setting(field: attrs.Attribute[Any]) -> Schema:
    """The schema of one setting, with its description, unit and default."""
    told = field.metadata
    if kind := told.get("kind"):
        one: Schema = {"$ref": f"#/$defs/{kind}"}
        many = {"type": "array", "items": one, "description": told["help"]}
        if told.get("chain"):
            joined = "several that decide together" if kind in JOINED else "and its fallbacks"
            fallbacks = {**many, "minItems": 1, "description": f"{told['help']}, {joined}"}
            return {"description": told["help"], "anyOf": [one, fallbacks]}
        return many if told.get("many") else {**one, "description": told["help"]}
    unit = told.get("unit", "")
    help_ = f"{told.get('help', '')}{f' (in {unit})' if unit else ''}"
    found: Schema = {"description": help_} if help_ else {}
    default = plain(field.default)
    if default is not None:
        found["default"] = default
    return {**found, **value(field.type, told)}


def plain(default: Any) -> Any:
    """A default as JSON; None where there is none, or none that can be told."""
    match default:
        case enum.Enum():
            return default.value
        case bool() | int() | float() | str():
            return default
        case tuple() | list():
            items = [plain(item) for item in default]
            return None if None in items else items
    return None


def value(wanted: Any, told: Mapping[str, Any]) -> Schema:
    """The schema of a type. told: limits and choices, which bind numbers and words inside it."""
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in {typing.Union, types.UnionType}:
        options = [value(option, told) for option in inner if option is not type(None)]
        return options[0] if len(options) == 1 else {"anyOf": options}
    if origin in {tuple, list, frozenset}:
        return sequence(origin, inner, told)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": member(inner[1])}
    if wanted is Secret:
        return sourced({"type": "string", "minLength": 1})
    if origin is typing.Literal:
        return sourced({"enum": list(inner)})
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        return sourced({"enum": [each.value for each in wanted]})
    if wanted in SIMPLE:
        return sourced({"type": SIMPLE[wanted], **limits(told)})
    return member(wanted) if isinstance(wanted, type) and attrs.has(wanted) else {}


def member(wanted: Any) -> Schema:
    """The schema of a table's member: a settings class, or any other type."""
    if wanted is ResolvedAgent:
        return table(wanted, optional=DEFAULT_COMPONENTS)
    if isinstance(wanted, type) and attrs.has(wanted):
        return table(wanted)
    return value(wanted, {})


def sequence(origin: Any, inner: tuple[Any, ...], told: Mapping[str, Any]) -> Schema:
    """A list of one type, or of fixed length."""
    if origin is tuple and Ellipsis not in inner:
        items = [value(each, told) for each in inner]
        size = len(items)
        return {"type": "array", "prefixItems": items, "minItems": size, "maxItems": size}
    return {"type": "array", "items": value(inner[0], {})}


def sourced(of: Schema) -> Schema:
    """A value that may stand in the file, or be looked up."""
    return {"anyOf": [of, {"$ref": "#/$defs/source"}]}


def limits(told: Mapping[str, Any]) -> Schema:
    """What `dialog_core.fields.setting` was given, in the schema's words."""
    found = {word: told[key] for key, word in LIMITS.items() if told.get(key) is not None}
    if told.get("one_of"):
        found["enum"] = list(told["one_of"])
    return found


# --- components -----------------------------------------------------------------------------------------------------


def component(kind: str, catalog: Catalog) -> Schema:
    """One of the offers, chosen by ``use``; or its bare name, where nothing need be set."""
    offers = catalog.offers[kind]
    names = {offer: names_of(offer, catalog) for offer in offers}
    options = [offered(offer, names[offer]) for offer in offers]
    bare = [name for offer in offers if not required(offer) for name in names[offer]]
    text: Schema = {"type": "string", "enum": sorted(bare)}
    if kind == "agent":
        taken = {"not": {"enum": sorted(name for known in names.values() for name in known)}}
        own = {"type": "string", "pattern": OWN_CLASS, **taken}
        text = {"anyOf": [text, own]}
        options.append({"type": "object", "properties": {"use": own}, "required": ["use"]})
    looked_up = {"$ref": "#/$defs/source"}
    options.append({"type": "object", "properties": {"use": looked_up}, "required": ["use"]})
    return {"description": KINDS[kind], "oneOf": [text, looked_up, *options]}


def names_of(offer: Offer, catalog: Catalog) -> list[str]:
    """Everything that a settings file may write for an offer, the shortest first."""
    shortest = catalog.written(offer)
    name = offer.factory.name
    others = {name, f"{offer.plugin.name}:{name}", offer.full} - {shortest}
    return [shortest, *sorted(o for o in others if catalog.matching(offer.kind, o) == (offer,))]


def required(offer: Offer) -> bool:
    """Whether a component cannot do without a setting."""
    return any(f.default is attrs.NOTHING for f in options_of(offer.factory.settings).values())


def offered(offer: Offer, names: list[str]) -> Schema:
    """The table of one component."""
    found = table(offer.factory.settings)
    found["title"] = f"{names[0]} ({offer.plugin})"
    found["properties"] = {"use": {"enum": names}, **found["properties"]}
    found["required"] = ["use", *found.get("required", ())]
    return found
