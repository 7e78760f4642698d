"""No library that is pinned or asked for is older than docs/advisories.md says."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.support.places import ROOT

ROW = re.compile(r"^\| ([a-z0-9.-]+) \| (\S+) \| (.+?) \| (.*?) ?\|$", re.MULTILINE)
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
ID = re.compile(r"\[(CVE-\d{4}-\d{4,}|GHSA(-[23456789cfghjmpqrvwx]{4}){3})\]\((https://[^)]+)\)")
EXTRAS = ("train", "postgresql", "login", "batch", "models")
# No release is sound; docs/advisories.md says what is done meanwhile.
OPEN = {"pi-heif"}


def text() -> str:
    return (ROOT / "docs" / "advisories.md").read_text(encoding="utf-8")


def rows() -> dict[str, tuple[str, str]]:
    """Lowest release and advisory of each library."""
    return {name: (lowest, advisory) for name, lowest, advisory, _ in ROW.findall(text())}


def asked() -> list[tuple[str, str, str]]:
    """File, library and release of each pin and each lower bound."""
    found = []
    for name in ("requirements.txt", "deploy/requirements-server.txt"):
        pins = PIN.findall((ROOT / name).read_text(encoding="utf-8"))
        found += [(name, canonicalize_name(library), release) for library, release in pins]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for extra in EXTRAS for line in project["optional-dependencies"][extra]]
    for line in [*project["dependencies"], *extras]:
        requirement = Requirement(line)
        bounds = [each.version for each in requirement.specifier if each.operator in (">=", "==")]
        assert len(bounds) == 1, line
        found.append(("pyproject.toml", canonicalize_name(requirement.name), bounds[0]))
    return found


@pytest.mark.parametrize(("file", "library", "release"), asked())
def test_no_library_is_older_than_its_advisory(file: str, library: str, release: str) -> None:
    assert library in rows(), f"{library} of {file} has no row in docs/advisories.md"
    lowest = rows()[library][0]
    if lowest not in ("any", "none"):
        assert Version(release) >= Version(lowest), f"{file} takes {library} {release}"


def test_every_row_is_about_a_library_of_ours() -> None:
    assert set(rows()) == {library for _, library, _ in asked()}


@pytest.mark.parametrize("library", rows())
def test_every_row_names_its_advisory_or_says_that_none_is_known(library: str) -> None:
    lowest, advisory = rows()[library]
    if lowest == "any":
        assert advisory == "none known to us"
    else:
        assert ID.search(advisory) and all(name in link for name, _, link in ID.findall(advisory))


def test_what_has_no_sound_release_is_explained() -> None:
    assert {library for library, (lowest, _) in rows().items() if lowest == "none"} == OPEN
    _, _, explained = text().partition("## Open")
    assert all(f"**{library}**" in explained for library in OPEN)
