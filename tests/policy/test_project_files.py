"""Files about the project: citation, hooks, workflows and issue forms."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

import ferapp
from tests.support.places import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))


def test_papers_cite_the_version_and_licence_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"
    assert citation["title"] == PROJECT["name"]
    assert citation["version"] == ferapp.__version__
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]


def test_hooks_run_a_release_that_make_lint_may_run() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    wanted = {
        requirement.name: requirement.specifier
        for requirement in map(Requirement, PROJECT["optional-dependencies"]["dev"])
    }
    versions = {
        repo["repo"].rpartition("/")[2]: repo["rev"].removeprefix("v") for repo in hooks["repos"]
    }
    assert set(versions) == {"ruff-pre-commit", "codespell"}
    for name, version in versions.items():
        assert wanted[name.removesuffix("-pre-commit")].contains(version)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_workflows_have_minimal_permissions(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert all(re.search(r"@v\d+$", used) for used in re.findall(r"uses: (\S+)", text))
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    for job in workflow["jobs"].values():
        if "permissions" in job:
            # Jobs with write access run none of our code.
            assert "checkout" not in str(job["steps"])


def test_workflows_run_existing_targets() -> None:
    ci, release = ((GITHUB / "workflows" / name).read_text() for name in ("ci.yml", "release.yml"))
    assert "run: .ci/run\n" in ci and (ROOT / ".ci" / "run").stat().st_mode & 0o111
    targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"run: make (\S+)", release)) == {"dist"} <= set(targets)


def test_bug_reports_ask_for_the_doctor_and_warn_of_pictures_of_people() -> None:
    form = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE" / "bug_report.yml").read_text("utf-8"))
    fields = {field.get("id"): field for field in form["body"]}
    assert "-m ferapp doctor" in fields["doctor"]["attributes"]["description"]
    assert fields["doctor"]["validations"]["required"] is True
    assert "pictures or videos of people" in fields[None]["attributes"]["value"]
