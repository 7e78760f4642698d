"""What an entry of the manifest consists of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ferapp.inference.outputs import Layout
from ferapp.vision.preprocess import Colour, InputSpec

Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^\P{C}+$")]
"""Text on one line, without control and direction marks."""


class EntryPart(BaseModel):
    """Validated and frozen; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Input(EntryPart):
    """The input of the network; see `ferapp.vision.preprocess.InputSpec`."""

    size_wh: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    colour: Colour
    mean: float
    std: Annotated[float, Field(gt=0)]
    layout: Layout = "nchw"

    @property
    def spec(self) -> InputSpec:
        """The same as an `InputSpec`."""
        return InputSpec(self.size_wh, self.colour, self.mean, self.std)


class Parts(EntryPart):
    """In which parts of a picture a detector looks as well; see `InParts`.

    Attributes:
        size_wh: How large a part should be, px; a picture that is no larger has none.
        most: Maximum number of parts; where more would be needed, they are larger.
    """

    size_wh: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    most: Annotated[int, Field(ge=1, le=100)]


class Calibration(EntryPart):
    """How a classifier's logits become probabilities: softmax(logits / temperature + bias).

    Attributes:
        temperature: Guo et al., 2017, "On Calibration of Modern Neural Networks", section 4.2.
        bias: Added to each class afterwards; it makes up for the prior that training on many faces
            of the common classes gives these (Menon et al., 2021, "Long-tail Learning via Logit
            Adjustment", section 4).
        unsure_below: A top probability below this gives no label. The lowest threshold at which
            nine in ten labels were right on the data (Geifman and El-Yaniv, 2017, "Selective
            Classification for Deep Neural Networks", section 2).
        coverage: Share of that data whose top probability reaches the threshold.
        neutral_reference: Geometric mean of each probability over the neutral faces of that data,
            with which a person's own resting face is compared.
        fitted_on: The data, with n.
    """

    temperature: Annotated[float, Field(gt=0)]
    bias: tuple[float, ...] = ()
    unsure_below: Annotated[float, Field(ge=0, le=1)]
    coverage: Annotated[float, Field(gt=0, le=1)]
    neutral_reference: tuple[float, ...] = ()
    fitted_on: Line


class Metric(EntryPart):
    """A measured metric."""

    name: Line
    value: float
    n: Annotated[int, Field(ge=1)]
    rule: Line
    data: Line
