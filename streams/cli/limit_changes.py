"""Reads changes of risk limits from the command line, for `session open --limit` and `risk limits set`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer

FORMS = "NAME=VALUE such as max_position=500, NAME.PARAMETER=VALUE such as order_rate.window_ms=1000, or @FILE"


def limit_changes(words: Iterable[str]) -> dict[str, Any]:
    """Returns the JSON merge patch (RFC 7396) that the words describe; numbers are exact decimal text.

    A word is NAME=VALUE, NAME.PARAMETER=VALUE, a JSON object of limits by name, or @FILE with such an object (JSON, or
    TOML if the name ends in .toml). A VALUE is JSON, or else text. A later word overrides an earlier word. The name
    preset stands for the breakers of a preset.

    Raises BadParameter: names the word or the limit, the rule that it breaks, and the known names.
    """
    from streams.core.risk.limits import check_patch
    from streams.pipeline.reference.presets import preset_patch

    patch: dict[str, Any] = {}
    try:
        for word in words:
            changes = _changes(word)
            if "preset" in changes:
                _add(patch, preset_patch(changes.pop("preset")))
            _add(patch, changes)
        check_patch(patch)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return patch


def _changes(word: str) -> dict[str, Any]:
    if word.startswith("@"):
        return _from_file(Path(word[1:]))
    if word.startswith("{"):
        return _object(word, word)
    path, separator, text = word.partition("=")
    names = path.split(".")
    if not separator or not all(names):
        raise typer.BadParameter(f"{word}: must be {FORMS}")
    value = _value(text)
    for name in reversed(names):
        value = {name: value}
    return value  # type: ignore[no-any-return]


def _from_file(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"@{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"@{file}: must be UTF-8 text: {error}") from error
    if file.suffix != ".toml":
        return _object(f"@{file}", text)
    import tomllib

    try:
        return tomllib.loads(text, parse_float=str)
    except ValueError as error:
        raise typer.BadParameter(f"@{file}: must be TOML: {error}") from error


def _object(source: str, text: str) -> dict[str, Any]:
    try:
        document = _json(text)
    except ValueError as error:
        raise typer.BadParameter(f"{source}: must be a JSON object of limits by name: {error}") from error
    if not isinstance(document, dict):
        raise typer.BadParameter(f"{source}: must be a JSON object of limits by name")
    return document


def _value(text: str) -> Any:
    try:
        return _json(text)
    except ValueError:
        return text


def _json(text: str) -> Any:
    """Returns the JSON value of a text, numbers as text. Raises ValueError."""
    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _add(patch: dict[str, Any], changes: dict[str, Any]) -> None:
    """Adds changes of limits to a patch. Parameters of the same limit are combined."""
    for name, value in changes.items():
        before = patch.get(name)
        patch[name] = _combined(_named(name, before, value), _named(name, value, before))


def _named(name: str, value: Any, other: Any) -> Any:
    """Returns a value alone under the name of its limit's main parameter, if other parameters are given too."""
    from streams.core.risk.limits import CONTROLS

    is_alone = not (value is None or isinstance(value, bool | dict))
    return {CONTROLS[name].alone: value} if is_alone and isinstance(other, dict) and name in CONTROLS else value


def _combined(before: Any, value: Any) -> Any:
    if not (isinstance(before, dict) and isinstance(value, dict)):
        return value
    return before | {name: _combined(before.get(name), item) for name, item in value.items()}
