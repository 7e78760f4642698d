"""Which libraries come with ferapp, and the licence of each."""

import re
from dataclasses import dataclass
from importlib import metadata
from typing import Final

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import Requirement

UNKNOWN: Final = "see its files"
"""The licence of a library whose metadata and files do not make it clear."""

# What classifiers and older metadata have instead of an SPDX identifier.
_NAMES: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# What wheels hold besides the code that their metadata is about; their licence files say it.
_BUNDLED: Final = {"pi_heif": "LGPL-3.0-or-later"}  # libheif and libde265
_FILES: Final = re.compile(r"(licen[cs]e|copying)[^/]*$", re.IGNORECASE)


@dataclass(frozen=True)
class Library:
    """One installed library.

    Attributes:
        name: As its authors write it.
        version: The installed one.
        licence: An SPDX expression, or `UNKNOWN`.
    """

    name: str
    version: str
    licence: str


def libraries() -> list[Library]:
    """All direct and indirect requirements of ferapp that are installed, by name."""
    by_name: dict[str, Library] = {}
    todo = ["ferapp"]
    while todo:
        try:
            about = metadata.distribution(todo.pop())
        except metadata.PackageNotFoundError:
            continue  # for another platform
        if about.name in by_name:
            continue
        by_name[about.name] = Library(about.name, about.version, _with_bundled(about))
        for text in about.requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(requirement.name)
    return sorted(by_name.values(), key=lambda library: library.name.lower())


def _with_bundled(about: metadata.Distribution) -> str:
    bundled = _BUNDLED.get(about.name)
    return f"{licence(about)} AND {bundled}" if bundled else licence(about)


def licence(about: metadata.Distribution) -> str:
    """The licence of one library, from its metadata or else from its licence file."""
    given = about.metadata
    fields = [given[name] for name in ("License-Expression", "License") if name in given]
    classes = [
        line.rsplit(" :: ", 1)[-1]
        for line in given.get_all("Classifier", [])
        if line.startswith("License ::")
    ]
    for value in (*fields, *classes):
        try:
            return canonicalize_license_expression(_NAMES.get(value, value))
        except InvalidLicenseExpression:
            continue  # empty, the whole text, or a family of licences
    return _of_text("".join(_texts(about)))


def _texts(about: metadata.Distribution) -> list[str]:
    return [
        file.read_text(encoding="utf-8") for file in about.files or [] if _FILES.search(str(file))
    ]


def _of_text(text: str) -> str:
    """Which BSD licence a text is: all of them have the same classifier."""
    if "GNU" in text or "Redistribution and use in source and binary forms" not in text:
        return UNKNOWN
    return "BSD-3-Clause" if "Neither the name" in text else "BSD-2-Clause"
