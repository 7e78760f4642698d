"""Programs of other people that read and write tables: R and PSPP."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def run_r(script: str, folder: Path, *packages: str, locale: str = "C.UTF-8") -> str:
    """Run an R script in a folder and return what it prints; skip where R or a package is missing.

    Args:
        script: The script.
        folder: Where it runs.
        packages: Those that it loads.
        locale: The locale.
    """
    program = shutil.which("Rscript")
    if program is None:
        pytest.skip("R is not installed (Debian: r-base-core)")
    load = "\n".join(
        f'if (!requireNamespace("{name}", quietly = TRUE)) quit(status = 77) else '
        f'suppressPackageStartupMessages(library("{name}"))'
        for name in packages
    )
    path = folder / "script.R"
    path.write_text(f"{load}\n{script}\n", encoding="utf-8")
    done = subprocess.run(
        [program, "--vanilla", str(path)],
        cwd=folder,
        env=os.environ | {"LC_ALL": locale},
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode == 77:
        pytest.skip(f"R has no package {' or '.join(packages)}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_pspp(syntax: str, folder: Path) -> str:
    """Run SPSS syntax with GNU PSPP in a folder and return its output; skip where it is missing."""
    program = shutil.which("pspp")
    if program is None:
        pytest.skip("GNU PSPP is not installed (Debian: pspp)")
    (folder / "syntax.sps").write_text(syntax, encoding="utf-8")
    done = subprocess.run(
        [program, "--batch", "-o", "-", "-O", "format=txt", "syntax.sps"],
        cwd=folder,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
