"""From a file to a stored session, once."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from ferapp.errors import DataError, UserError
from ferapp.inference.manifest import manifest
from ferapp.sessions.formats.confined import open_session
from ferapp.sessions.overviews import Likeness, Overview
from ferapp.sessions.session import SessionInfo
from ferapp.sessions.store import KEEP_DAYS, Store


@dataclass(frozen=True)
class Imported:
    """What became of a file.

    Attributes:
        session: Id of the session that has its content.
        earlier: The session that was there already; None if the file became a new one.
    """

    session: str
    earlier: Overview | None = None


def import_session(
    store: Store,
    owner: str,
    name: str,
    data: bytes,
    *,
    again: bool = False,
    on_note: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[int, int], None] = lambda _, __: None,
) -> Imported:
    """Store the session in a file, unless the owner has it already.

    It is there if the same file was imported under this title, or if a session has been read from
    the same source file with the same settings, models and version.

    Args:
        store: Where sessions are.
        owner: Whose it becomes.
        name: Name of the file.
        data: Its bytes.
        again: Whether to store it also if it is there.
        on_note: Called with each sentence about what was ignored or guessed.
        on_progress: Called with the number of readings that are stored, and of all. If it raises,
            nothing of the file stays.

    Raises:
        DataError: It is not a valid session, or is too large.
        StoreError: The database fails, or the owner has no room for it.
    """
    with open_session(name, data) as file:
        info = file.recording
        for note in file.notes:
            on_note(note)
        _refuse_contradiction(info, name)
        key = hashlib.sha256(f"{info.title}\n".encode("utf-8", "replace") + data).hexdigest()
        if not again:
            sha256 = info.provenance.sha256 if info.provenance else None
            for earlier in store.overviews(owner, like=Likeness(key, sha256)):
                if earlier.import_key == key or info.is_same_analysis(earlier.recording):
                    return Imported(earlier.recording.id, earlier)
        store.entries.enter(
            info,
            file.parts,
            owner,
            file.count,
            keep_days=KEEP_DAYS,
            import_key=key,
            on_progress=on_progress,
        )
    return Imported(info.id)


def _refuse_contradiction(info: SessionInfo, name: str) -> None:
    """Refuse expressions that the classifier named in the file does not know.

    Raises:
        DataError: It is so.
    """
    stated = info.models.get("classifier", {})
    try:
        model = manifest().model(stated.get("name") or "", "classifier")
    except UserError:  # of another installation
        return
    unknown = set(info.labels) - set(model.labels)
    if model.sha256 == stated.get("sha256") and unknown:
        raise DataError(
            f"{name} can't be opened: it says that {model.name} has read it, which knows no "
            f"{min(unknown)}. Choose a file that ferapp has exported."
        )
