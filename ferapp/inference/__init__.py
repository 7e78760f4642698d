"""Models at run time: manifest, weights, ONNX Runtime, detectors, classifiers."""

import os

# From version 1.29 on, ONNX Runtime sends telemetry and stores an id of the machine in the user's
# cache folder, unless this is set before its first import; disable_telemetry_events() comes too
# late (docs/Privacy.md of microsoft/onnxruntime, "Disabling Telemetry"). Every module that imports
# it is in this package or imports from it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
