"""The error tree of ferapp.

```text
FerappError
├── UserError                what a user can fix: a file, a setting, a name
│   ├── ImageError           a picture that can't be read
│   ├── VideoError           a video that can't be read
│   ├── DataError            a data set whose layout or rows are wrong
│   ├── ModelError           a weights file or manifest entry that can't be used
│   │   ├── ManifestError    a manifest of models breaks its schema
│   │   ├── UnknownModel     no entry of that name
│   │   ├── MissingWeights   the entry's file is not on this machine
│   │   └── WrongHash        the file does not have the hash in the manifest
│   ├── SettingError         a setting that the models or the file do not support
│   ├── FetchError           a download failed
│   ├── CameraError          a browser's video that can't be read
│   ├── TooBusy              more visitors than the server can serve at once
│   ├── StoreError           the database or a file of sessions can't be read or written
│   ├── FaceEditError        faces can't be named, merged or split in this way
│   │   └── NameTaken        another face already has the name
│   ├── LibraryError         a required library that can't be used
│   └── MissingExtra         an optional dependency is not installed
└── InvalidValue             a programmer passed a value of the wrong shape or range (a ValueError)
```

Every message says what was wrong, what was expected and what to do next.
"""


class FerappError(Exception):
    """Base of everything that ferapp raises on purpose."""


class UserError(FerappError):
    """Something that the user can fix; its text can be shown as it is."""


class ImageError(UserError):
    """A picture that can't be read."""


class VideoError(UserError):
    """A video that can't be read."""


class DataError(UserError):
    """A data set whose layout or rows are wrong."""


class ModelError(UserError):
    """A weights file or a manifest entry that can't be used."""


class ManifestError(ModelError):
    """The manifest breaks its schema."""


class UnknownModel(ModelError):
    """No manifest entry of that name."""


class MissingWeights(ModelError):
    """The entry's weights file is not on this machine."""


class WrongHash(ModelError):
    """A weights file does not have the hash in the manifest."""


class SettingError(UserError):
    """A setting that the chosen models or the chosen file do not support."""


class FetchError(UserError):
    """A download failed."""


class CameraError(UserError):
    """The video of a browser can't be read."""


class TooBusy(UserError):
    """More visitors than the server can serve at once."""


class StoreError(UserError):
    """The database or a file of sessions can't be read or written.

    Args:
        message: What went wrong, in a sentence.
        may_pass: Whether a retry may work.
        is_full: Whether the disk is full.
        remedy: Where it is and what names it, for whoever runs ferapp; empty if that is no help.
    """

    def __init__(
        self,
        message: str,
        *,
        may_pass: bool = False,
        is_full: bool = False,
        remedy: str = "",
    ) -> None:
        super().__init__(message)
        self.may_pass = may_pass
        self.is_full = is_full
        self.remedy = remedy

    def copy(self) -> "StoreError":
        """The same error, to be raised once more: each keeps a traceback of its own."""
        return StoreError(
            str(self), may_pass=self.may_pass, is_full=self.is_full, remedy=self.remedy
        )


class FaceEditError(UserError):
    """Faces of a session can't be named, merged or split in this way."""


class NameTaken(FaceEditError):
    """Another face already has the name.

    Args:
        face: The face that has the name.
        other: The face that was to get it.
    """

    def __init__(self, face: int, other: int) -> None:
        super().__init__(
            f"Face {face} already has this name. If face {other} is the same person, merge the "
            "two; if not, choose another name."
        )
        self.face = face
        self.other = other


class LibraryError(UserError):
    """A required library is damaged or replaced by another one."""


class MissingExtra(UserError):
    """An optional dependency is not installed."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(
            f"This needs {library}, which is not installed. "
            f'Install it in the folder of ferapp with: python -m pip install -e ".[{extra}]"'
        )


class InvalidValue(FerappError, ValueError):
    """A programmer passed a value of the wrong shape or range."""
