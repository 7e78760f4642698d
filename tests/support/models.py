"""Manifest entries of added models, for tests."""

import hashlib
from typing import Any

LABELS = ("calm", "glad", "odd")
SIDE = 8


def entry(data: bytes, name: str = "mine", **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "classifier",
        "family": "logits",
        "file": f"{name}.onnx",
        "sha256": hashlib.sha256(data).hexdigest(),
        "input": {"size_wh": [SIDE, SIDE], "colour": "rgb", "mean": 127.5, "std": 127.5},
        "labels": list(LABELS),
        "licence": "MIT",
        "source": "made for a test",
        "data": "nothing",
        **changes,
    }
