"""The baseline: the method of common tutorials, to be timed in the same run.

OpenCV's DNN module runs RFB-320 in Caffe format, then a VGG13 on each face separately, grey and
64 x 64 (LearnOpenCV, "Facial Emotion Recognition"). The VGG13 has the layers of the FER+ paper and
random weights, which makes no difference to its speed.
"""

from typing import Any

import cv2
import numpy as np
from onnx import TensorProto, helper, numpy_helper

from ferapp.inference.registry import load_detector
from ferapp.settings import DetectionSettings

GROUPS = ((64, 64), (128, 128), (256, 256, 256), (256, 256, 256))
DENSE = (1024, 1024, 8)
SIDE_PX = 64


def vgg13() -> bytes:
    """The network as an ONNX file, without dropout, as for inference."""
    rng = np.random.default_rng(0)
    nodes, weights = [], []

    def weight(name: str, *shape: int) -> str:
        scale = np.sqrt(2 / np.prod(shape[1:] or (1,)))
        values = (rng.standard_normal(shape) * scale).astype(np.float32)
        weights.append(numpy_helper.from_array(values, name))
        return name

    def add(kind: str, inputs: list[str], **attributes: Any) -> str:
        name = f"{kind.lower()}{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    value, channels, side = "input", 1, SIDE_PX
    for g, group in enumerate(GROUPS):
        for c, out in enumerate(group):
            names = [weight(f"w{g}{c}", out, channels, 3, 3), weight(f"b{g}{c}", out)]
            value = add("Relu", [add("Conv", [value, *names], pads=[1] * 4)])
            channels = out
        value, side = add("MaxPool", [value], kernel_shape=[2, 2], strides=[2, 2]), side // 2
    value, width = add("Flatten", [value]), channels * side * side
    for d, out in enumerate(DENSE):
        names = [weight(f"dense{d}", out, width), weight(f"dense_bias{d}", out)]
        value = add("Gemm", [value, *names], transB=1)
        value, width = (value if d == len(DENSE) - 1 else add("Relu", [value])), out
    graph = helper.make_graph(
        nodes,
        "vgg13",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 1, SIDE_PX, SIDE_PX])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, [1, 8])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return model.SerializeToString()


class Tutorial:
    """Detect with Caffe, then classify face by face."""

    def __init__(self) -> None:
        self._detector = load_detector("rfb-320-caffe")
        self._net = cv2.dnn.readNetFromONNX(np.frombuffer(vgg13(), np.uint8))

    def detect(self, image_rgb: np.ndarray) -> np.ndarray:
        """Boxes, (n, 4); decoded with NumPy rather than with the tutorial's slower loops."""
        return self._detector.detect(image_rgb, DetectionSettings()).xyxy

    def classify(self, image_rgb: np.ndarray, xyxy: np.ndarray) -> np.ndarray:
        """Probabilities, (n, 8)."""
        grey = cv2.cvtColor(image_rgb, cv2.COLOR_RGB2GRAY)
        rows = []
        for x1, y1, x2, y2 in xyxy.astype(int):
            face = cv2.resize(grey[y1:y2, x1:x2], (SIDE_PX, SIDE_PX))
            self._net.setInput(face.reshape(1, 1, SIDE_PX, SIDE_PX).astype(np.float32))
            scores = self._net.forward()[0]
            shares = np.exp(scores - scores.max())
            rows.append(shares / shares.sum())
        return np.array(rows).reshape(-1, 8)

    def analyze(self, image_rgb: np.ndarray) -> np.ndarray:
        """Detect and classify."""
        return self.classify(image_rgb, self.detect(image_rgb))
