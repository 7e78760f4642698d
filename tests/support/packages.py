"""Fake installed packages."""

from pathlib import Path


def install_package(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
    about = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "RECORD").write_text(
        "".join(f"{file},sha256=x,{len(text)}\n" for file, text in files.items())
        + f"{about.name}/RECORD,,\n../../../bin/tool,sha256=x,99\n"
    )
    for file, text in files.items():
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(text)
