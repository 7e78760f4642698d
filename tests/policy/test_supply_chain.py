"""The dependencies of ferapp: pinned, with hashes, and free to use."""

import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ferapp.ui.about.licences import UNKNOWN, libraries, licence
from tests.support.places import ROOT

PERMISSIVE = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "PSF-2.0",
    "Unlicense",
    "Zlib",
}
# Changed files of theirs have to be published; nothing else is affected. Those under the LGPL are
# files of their own in the wheel, which everyone may replace.
WEAK_COPYLEFT = {"certifi": "MPL-2.0", "pi_heif": "BSD-3-Clause AND LGPL-3.0-or-later"}


def pins() -> list[str]:
    """Each requirement of requirements.txt with its hashes, on one line."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def pinned() -> dict[str, list[Requirement]]:
    """The pins by name; some packages have one for each range of Python versions."""
    pins_by_name: dict[str, list[Requirement]] = {}
    for pin in pins():
        requirement = Requirement(pin.split("--hash")[0])
        pins_by_name.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return pins_by_name


def test_every_library_is_pinned_with_hashes() -> None:
    assert len(pins()) > 50
    line = re.compile(r"[\w.-]+==[\w.]+( ; [^#]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")
    assert not [pin for pin in pins() if not line.fullmatch(pin)]


def test_pinned_requirements_match_those_of_the_app() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lag = []
    for wanted in map(Requirement, project["dependencies"]):
        versions = [
            next(iter(pin.specifier)).version
            for pin in pinned().get(canonicalize_name(wanted.name), [])
        ]
        if not versions or not all(map(wanted.specifier.contains, versions)):
            lag.append(f"{wanted} is not {versions}: run make lock")
    assert not lag


@pytest.fixture
def _pins_are_installed() -> None:
    """Skip with other releases than the pinned ones (`make test-lowest`)."""
    installed = {canonicalize_name(library.name): library.version for library in libraries()}
    others = [
        name
        for name, pins in pinned().items()
        if name in installed and not any(pin.specifier.contains(installed[name]) for pin in pins)
    ]
    if others:
        pytest.skip(f"other releases than those pinned: {', '.join(sorted(others)[:3])} ...")


@pytest.mark.usefixtures("_pins_are_installed")
def test_everything_installed_with_the_app_is_pinned() -> None:
    names = {canonicalize_name(library.name) for library in libraries()} - {"ferapp"}
    assert len(names) > 50 and names <= set(pinned())


@pytest.mark.usefixtures("_pins_are_installed")
def test_every_library_has_a_permissive_licence() -> None:
    refused = [
        library
        for library in libraries()
        if not set(re.split(r" AND | OR ", library.licence)) <= PERMISSIVE
        and WEAK_COPYLEFT.get(library.name) != library.licence
    ]
    assert not refused


def test_the_licence_of_bundled_libraries_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The metadata of pi-heif are about its Python code alone."""
    real = metadata.distribution
    monkeypatch.setattr(
        metadata, "distribution", lambda name: real("pi-heif" if name == "ferapp" else name)
    )
    listed = {library.name: library.licence for library in libraries()}
    assert listed["pi_heif"] == "BSD-3-Clause AND LGPL-3.0-or-later"
    texts = [str(file) for file in real("pi-heif").files or [] if "bundled" in str(file)]
    assert texts and "LGPLv3" in Path(str(real("pi-heif").locate_file(texts[0]))).read_text("utf-8")


class Installed(metadata.Distribution):
    """A distribution with these metadata and files."""

    def __init__(self, folder: Path, fields: dict[str, str], text: str) -> None:
        self.folder, self.fields, self.text = folder, fields, text

    def read_text(self, filename: str) -> str | None:
        if filename == "RECORD":
            (self.folder / "LICENSE.txt").write_text(self.text, encoding="utf-8")
            return "LICENSE.txt,,\n"
        lines = [f"{name}: {value}" for name, value in self.fields.items()]
        return "\n".join(["Name: x", *lines]) if filename == "METADATA" else None

    def locate_file(self, path: object) -> Path:
        return self.folder / str(path)


BSD = "Redistribution and use in source and binary forms are permitted provided that"


@pytest.mark.parametrize(
    ("fields", "text", "expected"),
    [
        pytest.param({"License-Expression": "mit or isc"}, "", "MIT OR ISC", id="expression"),
        pytest.param({"License": "Apache 2.0"}, "", "Apache-2.0", id="field, in other words"),
        pytest.param({"License": "GPL-3.0-only"}, "", "GPL-3.0-only", id="copyleft"),
        pytest.param(
            {"License": "the whole text", "Classifier": "License :: OSI Approved :: MIT License"},
            "",
            "MIT",
            id="classifier",
        ),
        pytest.param(
            {"Classifier": "License :: OSI Approved :: BSD License"},
            BSD,
            "BSD-2-Clause",
            id="file with two clauses",
        ),
        pytest.param({}, f"{BSD} ... Neither the name of", "BSD-3-Clause", id="with three"),
        pytest.param({}, f"{BSD} ... GNU GENERAL PUBLIC LICENSE", UNKNOWN, id="two in a file"),
        pytest.param({}, "", UNKNOWN, id="nothing is said"),
    ],
)
def test_licences_are_given_by_their_spdx_names(
    fields: dict[str, str], text: str, expected: str, tmp_path: Path
) -> None:
    assert licence(Installed(tmp_path, fields, text)) == expected


@pytest.mark.parametrize(
    ("report", "message"),
    [
        pytest.param("", "nothing was looked up", id="no answer"),
        pytest.param("idna 3.20 PYSEC-2099-1", "PYSEC-2099-1", id="a vulnerability"),
    ],
)
def test_an_audit_that_could_not_run_is_no_success(
    report: str, message: str, tmp_path: Path
) -> None:
    auditor = tmp_path / "pip-audit"
    auditor.write_text(f'#!/bin/sh\nprintf "{report}" > build/audit.txt\nexit 1\n')
    auditor.chmod(0o755)
    command = ["make", "--file", ROOT / "Makefile", "audit", f"BIN={tmp_path}", "INSTALL=:"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode and message in run.stdout
