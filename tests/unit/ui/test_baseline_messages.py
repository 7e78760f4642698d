"""Every reason for which a baseline is refused has its sentence."""

from typing import get_args

import pytest

from ferapp.temporal.baseline_taking import BaselineStatus, Refusal
from ferapp.ui.live.baseline import REASONS, refusal_text


@pytest.mark.parametrize("refusal", get_args(Refusal))
def test_a_refusal_is_one_sentence_that_says_why(refusal: Refusal) -> None:
    text = refusal_text(BaselineStatus("refused", 0.0, refusal=refusal))
    assert text.startswith("No baseline was taken: ") and text.endswith(". Try again.")
    assert REASONS[refusal] in text


def test_the_expression_is_named_unless_a_model_of_others_named_it() -> None:
    def text(expression: str) -> str:
        status = BaselineStatus("refused", 0.0, refusal="expression", expression=expression)
        return refusal_text(status)

    assert "did not look neutral, but was read as happiness." in text("happiness")
    assert "but was read as anger." in text("Angry"), "as other models call it"
    assert "evil" not in text("![evil](http://evil)") and "read as" not in text("neutral")
