"""Which libraries come with ferapp, and under which licence each may be used."""

import re
from dataclasses import dataclass
from importlib import metadata
from typing import Final

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import Requirement

UNKNOWN: Final = "see its files"
"""Where a library does not say it in a way that can be told."""

# What stands where a name of SPDX should, in classifiers and in older metadata.
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
_FILES: Final = re.compile(r"(licen[cs]e|copying)[^/]*$", re.IGNORECASE)


@dataclass(frozen=True)
class Library:
    """One that is installed.

    Attributes:
        name: As its authors write it.
        version: That is installed.
        licence: An SPDX expression, or `UNKNOWN`.
    """

    name: str
    version: str
    licence: str


def libraries() -> list[Library]:
    """Every library that comes with ferapp, found from one requirement to the next, by name."""
    found: dict[str, Library] = {}
    todo = ["ferapp"]
    while todo:
        try:
            about = metadata.distribution(todo.pop())
        except metadata.PackageNotFoundError:
            continue  # for another platform
        if about.name in found:
            continue
        found[about.name] = Library(about.name, about.version, licence(about))
        for text in about.requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(requirement.name)
    return sorted(found.values(), key=lambda library: library.name.lower())


def licence(about: metadata.Distribution) -> str:
    """That of one library: what its metadata say, else what its licence file says."""
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
    """Of BSD there are several, and their classifier is the same."""
    if "GNU" in text or "Redistribution and use in source and binary forms" not in text:
        return UNKNOWN
    return "BSD-3-Clause" if "Neither the name" in text else "BSD-2-Clause"
