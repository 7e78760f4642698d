"""Converts the description of a session to plain values and back, with validation.

Values that are read are not trusted: texts are shortened and put on one line, and whatever ferapp
would not write is refused.
"""

import json
import re
from codecs import BOM_UTF8
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final, NoReturn, get_args
from uuid import uuid4

from ferapp.errors import DataError
from ferapp.sessions.formats.limits import (
    MOST_LABELS,
    MOST_MARKERS,
    MOST_MODELS,
    MOST_SETTINGS_BYTES,
    refuse_more,
)
from ferapp.sessions.report.baseline import baseline_spans
from ferapp.sessions.session import (
    MOST_SECONDS,
    MOST_TITLE,
    Marker,
    Provenance,
    Readings,
    SessionInfo,
    Source,
)
from ferapp.system.text import one_line

FORMAT: Final = 1
"""Version of Parquet and JSON files; newer ones are refused."""

MOST_LETTERS: Final = 80
"""Longest name, in characters."""

# They belong to titles in Arabic and Hebrew, and turn no other text around, as overrides do.
_WRITING_MARKS: Final = re.compile("([\u061c\u200e\u200f])")
_MOST_CONSENT: Final = 2000
_MOST_SETTING: Final = 200
_MOST_SETTINGS: Final = 100
_MOST_NAME: Final = 1000
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MAY_BE_NULL: Final = ("started", "duration_s", "provenance")
_EPOCH: Final = datetime.fromtimestamp(0, UTC)


def metadata(recording: SessionInfo, readings: Readings) -> dict[str, Any]:
    """The description of a session as values for JSON, without its id.

    The key `baseline` repeats from when to when each face's neutral baseline counts, which the
    readings say as well.
    """
    return {
        "title": recording.title,
        "source": recording.source,
        "started": recording.started.isoformat() if recording.started else None,
        "labels": list(recording.labels),
        "unsure_below": recording.unsure_below,
        "settings": recording.settings,
        "models": recording.models,
        "version": recording.version,
        "consent": recording.consent,
        "duration_s": recording.duration_s,
        "markers": [asdict(marker) for marker in recording.markers],
        "provenance": recording.provenance.to_json() if recording.provenance else None,
        "baseline": [span.to_json() for span in baseline_spans(readings)],
    }


def parse_json(text: bytes) -> dict[str, Any]:
    """An object in JSON without NaN and infinity, which it has no words for.

    Raises:
        DataError: It is something else, or has them.
    """

    def refuse(constant: str) -> NoReturn:
        raise DataError(f"JSON has no {constant}")

    whole = json.loads(text.removeprefix(BOM_UTF8), parse_constant=refuse)
    if not isinstance(whole, dict):
        raise DataError("it is not a session")
    return whole


def from_envelope(whole: dict[str, Any]) -> SessionInfo:
    """The session that the metadata of a file describes.

    Raises:
        DataError: A newer version has written it, or something is missing or invalid.
    """
    version = whole.get("ferapp")
    if type(version) is not int or version < 1:
        raise DataError("it is not a session of ferapp")
    if version > FORMAT:
        raise DataError("a newer version of ferapp made it; update ferapp")
    return from_metadata(whole.get("recording"))


def from_metadata(value: object) -> SessionInfo:
    """Validate such values and return the session, under a new id.

    Raises:
        DataError: Something is missing or invalid.
    """
    # R's jsonlite writes null as {}.
    fields: dict[str, Any] = {
        key: None if given == {} and key in _MAY_BE_NULL else given
        for key, given in _dict(value).items()
    }
    if missing := {"title", "source", "started", "labels", "unsure_below"} - fields.keys():
        raise DataError(f"it lacks the {' and the '.join(sorted(missing))} of the session")
    if fields["source"] not in get_args(Source):
        raise DataError(f"its source must be one of {', '.join(get_args(Source))}")
    labels = [_line(label) for label in _list(fields["labels"], "expressions", MOST_LABELS)]
    if not labels:
        raise DataError("it has no probabilities of expressions")
    if labels != fields["labels"] or not all(labels) or len(set(labels)) != len(labels):
        raise DataError("its expressions must have short names, all different")
    consent = _text(fields.get("consent", ""))[:_MOST_CONSENT].split("\n")
    given = _list(fields.get("markers", []), "markers", MOST_MARKERS)
    markers = sorted(map(_marker, given), key=lambda marker: marker.at_s)
    duration_s = fields.get("duration_s")
    return SessionInfo(
        id=uuid4().hex,
        title=_title(fields["title"]),
        source=fields["source"],
        started=_start(fields["started"]),
        labels=tuple(labels),
        unsure_below=_number(fields["unsure_below"], 1),
        settings=_settings(fields.get("settings", {})),
        models=_models(fields.get("models", {})),
        version=_line(fields.get("version", "")),
        consent="\n".join(map(one_line, consent)),
        markers=tuple(markers),
        duration_s=None if duration_s is None else _number(duration_s, MOST_SECONDS),
        provenance=provenance_of(fields.get("provenance")),
    )


def provenance_of(value: object) -> Provenance | None:
    """Validate what `Provenance.to_json` gave; None stays None.

    Raises:
        DataError: Something is missing or invalid.
    """
    if value is None:
        return None
    fields = _dict(value)
    sha256, size = fields.get("sha256"), fields.get("size_bytes")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise DataError("the hash of its source is not one")
    if type(size) is not int or not 0 <= size < 2**63:
        raise DataError("the size of its source is not a number of bytes")
    date = fields.get("content_date")
    return Provenance(
        sha256=sha256,
        size_bytes=size,
        name=one_line(_text(fields.get("name", ""))[:_MOST_NAME]),
        content_date=None if date is None else _date(date),
        version=_line(fields.get("version", "")),
    )


def _marker(value: object) -> Marker:
    fields = _dict(value)
    at_s, end_s = _number(fields.get("at_s"), MOST_SECONDS), fields.get("end_s")
    # R's jsonlite writes null as {}.
    until_s = None if end_s in (None, {}) else _number(end_s, MOST_SECONDS)
    if until_s is not None and until_s <= at_s:
        raise DataError("a marker in it ends before it begins")
    return Marker(at_s, _title(fields.get("name")), until_s)


def _dict(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError("a part of it should be an object, but is not")
    return value


def _list(value: object, what: str, most: int) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(f"its {what} should be a list, but are not")
    refuse_more(what, len(value), most)
    return value


def _models(value: object) -> dict[str, dict[str, str]]:
    models = {_line(kind): _dict(model) for kind, model in _dict(value).items()}
    refuse_more("models", len(models), MOST_MODELS)
    for model in models.values():
        refuse_more("entries about a model", len(model), MOST_MODELS)
    return {kind: {_line(k): _line(v) for k, v in model.items()} for kind, model in models.items()}


def _settings(value: object) -> dict[str, Any]:
    settings = _dict(_plain_value(value))
    count = len(json.dumps(settings, ensure_ascii=False).encode("utf-8", "replace"))
    refuse_more("bytes of settings", count, MOST_SETTINGS_BYTES)
    return settings


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise DataError("a part of it should be text, but is not")
    return value


def _line(value: object) -> str:
    return one_line(_text(value)[:MOST_LETTERS])


def _title(value: object) -> str:
    """What its owner has typed, on one line."""
    parts = _WRITING_MARKS.split(_text(value)[:MOST_TITLE])
    return "".join(part if _WRITING_MARKS.fullmatch(part) else one_line(part) for part in parts)


def _number(value: object, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise DataError(f"a number in it must be between 0 and {most:g}")
    return float(value)


def _start(value: object) -> datetime | None:
    """The start; None if it is unknown."""
    if value is None:
        return None
    moment = _date(value)
    if moment.tzinfo is None:
        raise DataError("its start has no time zone")
    # What batches of earlier versions wrote for an unknown start.
    return None if moment == _EPOCH else moment


def _date(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(value))
        # Near the first or last year such a moment may not exist in UTC.
        moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise DataError("its start is not a date and time") from error
    return moment


def _plain_value(value: object, depth: int = 4) -> Any:
    match value:
        case None | bool():
            return value
        case int() | float() if abs(value) < 2**63:
            return value
        case str():
            return one_line(value[:_MOST_SETTING])
        case list() if depth and len(value) <= _MOST_SETTINGS:
            return [_plain_value(entry, depth - 1) for entry in value]
        case dict() if depth and len(value) <= _MOST_SETTINGS:
            return {_line(key): _plain_value(entry, depth - 1) for key, entry in value.items()}
    raise DataError("its settings are not those that ferapp saves")
