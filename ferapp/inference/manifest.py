"""``models/manifest.json``: the only place that describes the weights files.

Export, runtime and pages read label order, preprocessing and calibration from here; no other module
may define them. Classifiers that the operator adds have entries of the same form in a manifest of
their own, beside their files.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, HttpUrl, ValidationError, model_validator

from ferapp.errors import ManifestError, MissingWeights, UnknownModel
from ferapp.face_shape import shape_columns
from ferapp.inference.entry_parts import Calibration, EntryPart, Input, Line, Metric, Parts
from ferapp.inference.folder import MANIFEST_NAME, models_folder, read_inside
from ferapp.inference.outputs import Output
from ferapp.system.files import write_whole
from ferapp.system.folders import project_path
from ferapp.system.text import make_printable

MODELS_FOLDER: Final = project_path("models")
"""Folder of the shipped weights and their manifest."""

Kind = Literal["detector", "classifier", "smile", "landmarks"]

_MOST_MANIFEST_BYTES: Final = 1_000_000
# Names of the other columns in tables of results, and what these contain in place of a label.
_RESERVED_LABELS: Final = frozenset(
    "annotated damage expression face file first flaw is_smiling is_unsure last path picture "
    "probability score share_kept unsure x1 x2 y1 y2".split()
    + list(shape_columns(()))
)


class WeightsFile(EntryPart):
    """One file.

    Attributes:
        file: Its name in ``models/``, in the user's cache, in OpenCV's data folder or in the
            operator's folder.
        url: Where to download it; None for files that ship or were added.
        ships_with: Where a file without a URL comes from.
        sha256: Hash of its bytes.
        bytes: Its size; None if its publisher states only the hash.
    """

    file: Line
    url: HttpUrl | None = None
    ships_with: Literal["ferapp", "opencv", "operator"] = "ferapp"
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _is_a_plain_name(self) -> Self:
        names = {PurePosixPath(self.file).name, PureWindowsPath(self.file).name}
        if names != {self.file} or self.file in ("", ".", ".."):
            raise ValueError(f"file must be a plain name inside models/, not {self.file!r}")
        return self


class Model(WeightsFile):
    """One entry: a weights file, its input, its outputs and its origin.

    Attributes:
        name: The name that users type.
        kind: What it does.
        family: How it is run and its outputs are interpreted: ``ultra-light`` (scores and corners),
            ``ultra-light-caffe`` (scores and offsets, through OpenCV), ``yunet`` and ``haar``
            (through OpenCV), ``logits`` (classifiers), ``places`` (landmarks: their places and the
            error to expect of each).
        graph: A second file that describes the network, where the weights alone don't (Caffe).
        input: The input of the network.
        parts: Where a detector looks besides the whole picture; None for nowhere.
        padding: How much longer than the longer side of a face's box the side of the square is
            that a landmark network sees, as a share of the former; None for other networks.
        labels: The meaning of its outputs, in order.
        output: What a classifier gives for each label.
        flip_averaging: Whether a classifier reads each face and its mirror image; calibration and
            metrics are those of the mean of both.
        calibration: Calibration of a classifier's probabilities, if it has been fitted.
        licence: SPDX identifier of the licence of the weights.
        source: Who made it, and the reference.
        recipe: The recipe of `ferapp.training` that made it; None for weights of others.
        commit: Commit of the code that made it.
        data: The training data.
        metrics: Measured metrics.
    """

    name: Annotated[str, Field(max_length=60, pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    kind: Kind
    family: Literal["ultra-light", "ultra-light-caffe", "yunet", "haar", "logits", "places"]
    graph: WeightsFile | None = None
    input: Input
    parts: Parts | None = None
    padding: Annotated[float, Field(ge=0, le=2)] | None = None
    labels: tuple[Line, ...]
    output: Output = "logits"
    flip_averaging: bool = False
    calibration: Calibration | None = None
    licence: Line
    source: Line
    recipe: Line | None = None
    commit: Line | None = None
    data: Line
    metrics: tuple[Metric, ...] = ()

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if len(set(self.labels)) != len(self.labels) or len(self.labels) < 2:
            raise ValueError(f"labels must be at least two different names, not {self.labels}")
        if self.calibration and self.calibration.bias:
            if len(self.calibration.bias) != len(self.labels):
                raise ValueError("calibration.bias must have one number per label")
        if self.calibration and self.calibration.neutral_reference:
            if len(self.calibration.neutral_reference) != len(self.labels):
                raise ValueError("calibration.neutral_reference must have one number per label")
        if (self.kind == "classifier") != (self.family == "logits"):
            raise ValueError(f"a {self.kind} can't be of family {self.family!r}")
        if (self.kind == "landmarks") != (self.family == "places"):
            raise ValueError(f"a model for {self.kind} can't be of family {self.family!r}")
        if self.padding is not None and self.kind != "landmarks":
            raise ValueError("only landmark networks have a padding of their own")
        if (self.family == "ultra-light-caffe") != (self.graph is not None):
            raise ValueError("Caffe models, and only these, have a second file as their graph")
        if self.parts is not None and self.kind != "detector":
            raise ValueError("only detectors look in parts")
        is_ours = self.url is None and self.ships_with == "ferapp"
        if is_ours and None in (self.recipe, self.commit, self.bytes):
            raise ValueError("a model that ships must have a recipe, commit and size")
        return self

    @model_validator(mode="after")
    def _is_fit_to_be_added(self) -> Self:
        if not self.is_added:
            return self
        if self.family != "logits" or self.url is not None:
            raise ValueError("only classifiers of family 'logits', without a url, can be added")
        for label in self.labels:
            # On the command line labels are in lower case and separated by commas.
            is_plain = label[0].isalpha() and label == label.lower().strip() and "," not in label
            if not is_plain or len(label) > 40 or label in _RESERVED_LABELS:
                raise ValueError(
                    f"the label {label!r} can't be used: expected lower case, a letter first, no "
                    "comma, 40 characters at most, and not the name of another column"
                )
        return self

    @property
    def is_added(self) -> bool:
        """Whether the operator added it, so that it is not trusted."""
        return self.ships_with == "operator"

    @property
    def files(self) -> tuple[WeightsFile, ...]:
        """All files that it needs."""
        return (self,) if self.graph is None else (self, self.graph)


class Defaults(EntryPart):
    """The entries that are used by default."""

    detector: str
    classifier: str
    landmarks: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, of each kind that has one."""
        return tuple(name for name in (self.detector, self.classifier, self.landmarks) if name)


Preset = Literal["quick", "careful", "crowd"]
"""How much work finding a face is worth."""


class Manifest(EntryPart):
    """All entries.

    Attributes:
        defaults: What is used by default.
        presets: The face detector of each preset.
        models: The entries.
    """

    version: Literal[1]
    defaults: Defaults
    presets: dict[Preset, str] = Field(default_factory=dict)
    models: tuple[Model, ...]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        names = [m.name for m in self.models]
        if len(set(names)) != len(names):
            raise ValueError(f"names must differ: {names}")
        kinds: tuple[Kind, ...] = ("detector", "classifier", "landmarks")
        for kind in kinds:
            default = getattr(self.defaults, kind)
            if default is not None and not any(
                m.name == default and m.kind == kind for m in self.models
            ):
                raise ValueError(f"defaults.{kind} is not the name of a {kind}: {default!r}")
        for preset, name in self.presets.items():
            if not any(m.name == name and m.kind == "detector" for m in self.models):
                raise ValueError(f"presets.{preset} is not the name of a detector: {name!r}")
        return self

    def model(self, name: str | None, kind: Kind) -> Model:
        """The entry of this name, or the default of its kind.

        Raises:
            UnknownModel: There is none.
        """
        requested = name or getattr(self.defaults, kind, None)
        for model in self.models:
            if model.name == requested and model.kind == kind:
                return model
        names = ", ".join(m.name for m in self.models if m.kind == kind)
        raise UnknownModel(f"There is no {kind} called {requested!r}; there are: {names}.")

    def of_kind(self, kind: Kind) -> tuple[Model, ...]:
        """The entries of one kind, in the order of the manifest."""
        return tuple(m for m in self.models if m.kind == kind)

    def find(self, name: str) -> Model:
        """The entry of this name, whatever its kind.

        Raises:
            UnknownModel: There is none.
        """
        for model in self.models:
            if model.name == name:
                return model
        names = ", ".join(m.name for m in self.models)
        raise UnknownModel(f"There is no model called {name!r}; there are: {names}.")


def read_manifest(path: Path = MODELS_FOLDER / "manifest.json") -> Manifest:
    """Read and validate a manifest.

    Raises:
        ManifestError: The file is missing or violates the schema; the message says where.
    """
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as exc:
        raise ManifestError(f"{path.name} can't be read: {exc.strerror or exc}.") from exc
    except ValidationError as exc:
        raise ManifestError(f"{path.name} breaks its schema at {_error_text(exc)}") from exc


def _error_text(exc: ValidationError) -> str:
    """Location and reason of the first error."""
    first = exc.errors()[0]
    place = ".".join(str(part) for part in first["loc"]) or "the file"
    # The location may contain names from an untrusted file.
    return make_printable(f"{place}: {first['msg']}.")


@dataclass(frozen=True)
class RefusedModel:
    """An entry of the operator that can't be used.

    Attributes:
        name: Name of the model; without a usable one, "entry" and its number, or the manifest.
        reason: Why, in a sentence.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class AddedModels:
    """The entries of the operator's manifest; their files have not been examined.

    Attributes:
        models: The valid entries.
        refused: The others.
    """

    models: tuple[Model, ...] = ()
    refused: tuple[RefusedModel, ...] = ()


class _AddedManifest(EntryPart):
    version: Literal[1]
    models: tuple[Any, ...]


def read_added(folder: Path, names_in_use: Collection[str]) -> AddedModels:
    """Read the manifest of a folder and validate each entry by itself.

    Args:
        folder: The folder with the manifest.
        names_in_use: Names of other models.
    """
    try:
        entries = read_added_entries(folder)
    except ManifestError as exc:
        return AddedModels(refused=(RefusedModel(MANIFEST_NAME, str(exc)),))
    models: dict[str, Model] = {}
    refused = []
    for number, entry in enumerate(entries, 1):
        try:
            model = parse_added_model(entry)
            if model.name in names_in_use or model.name in models:
                raise ManifestError(
                    f"The name {model.name} is taken by another model; choose another one."
                )
            models[model.name] = model
        except ManifestError as exc:
            name = entry.get("name") if isinstance(entry, dict) else None
            is_name = isinstance(name, str) and name.isprintable() and len(name) <= 60
            title = str(name) if is_name else f"entry {number}"
            refused.append(RefusedModel(title, f"Entry {number} of {MANIFEST_NAME}: {exc}"))
    return AddedModels(tuple(models.values()), tuple(refused))


def read_added_entries(folder: Path) -> tuple[Any, ...]:
    """Read the entries of a folder's manifest, not yet validated.

    Raises:
        ManifestError: It can't be read or violates its schema.
    """
    try:
        text = read_inside(folder, MANIFEST_NAME, most_bytes=_MOST_MANIFEST_BYTES)
        return _AddedManifest.model_validate_json(text).models
    except MissingWeights as exc:
        raise ManifestError(str(exc)) from exc
    except ValidationError as exc:
        raise ManifestError(f"{MANIFEST_NAME} breaks its schema at {_error_text(exc)}") from exc


def parse_added_model(entry: Any) -> Model:
    """Validate one entry of a folder's manifest.

    Raises:
        ManifestError: It violates the schema.
    """
    try:
        return Model.model_validate(
            {**entry, "ships_with": "operator"} if isinstance(entry, dict) else entry
        )
    except ValidationError as exc:
        raise ManifestError(f"It breaks the schema at {_error_text(exc)}") from exc


@cache
def shipped_manifest() -> Manifest:
    """The manifest that ships, read once per process."""
    return read_manifest()


@cache
def added_models() -> AddedModels:
    """The entries of the operator's folder, read once per process."""
    folder = models_folder()
    return (
        read_added(folder, {m.name for m in shipped_manifest().models}) if folder else AddedModels()
    )


@cache
def manifest() -> Manifest:
    """All models that can be used: first those that ship, then those that were added."""
    return shipped_manifest().model_copy(
        update={"models": shipped_manifest().models + added_models().models}
    )


def write_manifest(value: Manifest, path: Path) -> None:
    """Write a manifest as indented JSON."""
    text = json.dumps(value.model_dump(mode="json", exclude_none=True), indent=2)
    write_whole(path, f"{text}\n".encode())
