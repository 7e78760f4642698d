"""The models at run time: manifest, weights, sessions, detectors, classifiers."""

import os

# From 1.29 on ONNX Runtime reports to its maker, and keeps an id of the machine in the user's cache
# folder, unless this is set before it is first imported; its own disable_telemetry_events() comes
# too late (docs/Privacy.md of microsoft/onnxruntime, "Disabling Telemetry"). Whatever imports it
# lies in this package or imports from it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
