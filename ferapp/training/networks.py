"""The networks that ferapp ships: an expression classifier, a face detector and landmarks.

All consist of plain 3x3 convolutions: on a CPU these train five to ten times as fast as depthwise
convolutions with the same inference time.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ferapp.vision.priors import CENTRE_VARIANCE, SIDES_PX, SIZE_VARIANCE, grids, priors


def conv_bn(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution with padding that keeps the size, then batch norm."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False), nn.BatchNorm2d(outputs)
    )


class SqueezeExcite(nn.Module):
    """Channel attention (Hu et al., 2018, "Squeeze-and-Excitation Networks", section 3)."""

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // reduction)
        self.excite = nn.Linear(channels // reduction, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Scale each channel of x, (n, c, h, w), by a gate in (0, 1)."""
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean(dim=(2, 3))))))
        return x * gate[:, :, None, None]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with channel attention and a shortcut.

    In training the residual is dropped for a share ``drop`` of the pictures (Huang et al., 2016,
    "Deep Networks with Stochastic Depth").
    """

    def __init__(self, inputs: int, outputs: int, stride: int, drop: float) -> None:
        super().__init__()
        self.first = conv_bn(inputs, outputs, stride=stride)
        self.second = conv_bn(outputs, outputs)
        self.attention = SqueezeExcite(outputs)
        self.drop = drop
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else conv_bn(inputs, outputs, size=1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        residual = self.attention(self.second(F.relu(self.first(x))))
        if self.training and self.drop:
            is_kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.drop
            residual = residual * (is_kept / (1 - self.drop)).to(residual.dtype)
        return F.relu(self.shortcut(x) + residual)


class ExpressionNet(nn.Module):
    """SE-ResNet for grey faces of about 48 px.

    Args:
        classes: Number of logits.
        channels: Channels of each stage; every stage after the first halves the resolution.
        blocks: Residual blocks of each stage.
        dropout: Share of features dropped before the last layer, in training.
        drop_path: Share of residuals dropped in the last block, in training; rises linearly to it.
        sources: Data sets that it learns from. People label each in their own way, so that each
            but the first has a bias of its own, which is no part of the network that ships.
    """

    def __init__(
        self,
        classes: int,
        channels: Sequence[int] = (32, 64, 128, 256),
        blocks: Sequence[int] = (1, 2, 2, 2),
        dropout: float = 0.2,
        drop_path: float = 0.05,
        sources: int = 1,
    ) -> None:
        super().__init__()
        self.stem = conv_bn(1, channels[0])
        stages: list[nn.Module] = []
        inputs, total = channels[0], sum(blocks)
        for stage, (outputs, count) in enumerate(zip(channels, blocks, strict=True)):
            for block in range(count):
                stride = 2 if stage and not block else 1
                drop = drop_path * (len(stages) + 1) / total
                stages.append(ResidualBlock(inputs, outputs, stride, drop))
                inputs = outputs
        self.stages = nn.Sequential(*stages)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(inputs, classes)
        if sources > 1:
            self.source_bias = nn.Parameter(torch.zeros(sources - 1, classes))

    def forward(self, faces: Tensor, sources: Tensor | None = None) -> Tensor:
        """Faces, (n, 1, h, w) float32 normalised, to logits, (n, classes).

        Args:
            faces: The faces.
            sources: Share of each data set in each face, (n, sources) float32, because faces are
                mixed; by default all of them are of the first.
        """
        features = self.stages(F.relu(self.stem(faces))).mean(dim=(2, 3))
        logits: Tensor = self.head(self.dropout(features))
        if sources is None:
            return logits
        return logits + sources[:, 1:] @ self.source_bias

    def load_shipped(self, weights: Mapping[str, Tensor]) -> None:
        """Load weights of a training without the biases of its data sets."""
        self.load_state_dict({k: v for k, v in weights.items() if k != "source_bias"})


class FaceNet(nn.Module):
    """SSD face detector with the priors of RFB-320 and a backbone of plain convolutions.

    Features at strides 8, 16 and 32 also receive the coarser ones (Lin et al., 2017, "Feature
    Pyramid Networks"), which helps with small faces.

    Args:
        size_wh: Width and height of the input, px.
        stem: Channels at strides 2 and 4.
        channels: Channels at strides 8, 16, 32 and 64.
    """

    prior: Tensor

    def __init__(
        self,
        size_wh: tuple[int, int] = (320, 240),
        stem: tuple[int, int] = (16, 32),
        channels: tuple[int, int, int, int] = (64, 96, 128, 128),
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv_bn(3, stem[0], stride=2),
            nn.ReLU(),
            conv_bn(stem[0], stem[1], stride=2),
            nn.ReLU(),
        )
        sources = (stem[1], *channels[:-1])
        self.stages = nn.ModuleList(
            PlainStage(i, o) for i, o in zip(sources, channels, strict=True)
        )
        self.down = nn.ModuleList(
            conv_bn(channels[level + 1], channels[level], size=1) for level in range(3)
        )
        self.heads = nn.ModuleList(
            nn.Conv2d(c, len(sides) * 5, 3, padding=1)
            for c, sides in zip(channels, SIDES_PX, strict=True)
        )
        for head, sides in zip(self.heads, SIDES_PX, strict=True):
            # Every prior starts with a face probability of 1 %, or background dominates the first
            # steps (Lin et al., 2017, "Focal Loss for Dense Object Detection", section 4.1).
            nn.init.normal_(head.weight, std=0.01)  # type: ignore[arg-type]
            nn.init.zeros_(head.bias)  # type: ignore[arg-type]
            with torch.no_grad():
                head.bias.view(len(sides), 5)[:, 0] = -4.6  # type: ignore[operator]
        self.sizes_hw = [(rows, columns) for columns, rows in grids(size_wh)]
        self.register_buffer("prior", torch.from_numpy(priors(size_wh)), persistent=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images, (n, 3, h, w), to face logits, (n, priors), and box offsets, (n, priors, 4)."""
        x = self.stem(images)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        for level in (2, 1, 0):
            above = self.down[level](features[level + 1])
            above = F.interpolate(above, self.sizes_hw[level], mode="nearest")
            features[level] = F.relu(features[level] + above)
        outputs = [
            head(f).permute(0, 2, 3, 1).reshape(len(f), -1, 5)
            for head, f in zip(self.heads, features, strict=True)
        ]
        out = torch.cat(outputs, dim=1)
        return out[..., 0], out[..., 1:]

    def corners(self, offsets: Tensor) -> Tensor:
        """Turn box offsets into corners xyxy as shares of width and height, (n, priors, 4)."""
        centre = offsets[..., :2] * CENTRE_VARIANCE * self.prior[:, 2:] + self.prior[:, :2]
        half = torch.exp(offsets[..., 2:] * SIZE_VARIANCE) * self.prior[:, 2:] / 2
        return torch.cat([centre - half, centre + half], dim=-1)


class PlainStage(nn.Module):
    """Halves the resolution, followed by a residual pair of 3x3 convolutions."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.reduce = conv_bn(inputs, outputs, stride=2)
        self.first = conv_bn(outputs, outputs)
        self.second = conv_bn(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) to (n, outputs, h / 2, w / 2), rounded up."""
        x = F.relu(self.reduce(x))
        return F.relu(x + self.second(F.relu(self.first(x))))


class FaceNetOutputs(nn.Module):
    """A `FaceNet` with the output tensors of the Ultra-Light detectors, for export."""

    def __init__(self, network: FaceNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """``scores``, (n, priors, 2), background and face; ``boxes``, (n, priors, 4), corners."""
        logits, offsets = self.network(images)
        face = torch.sigmoid(logits)
        return torch.stack([1 - face, face], dim=-1), self.network.corners(offsets)


class LandmarkNet(nn.Module):
    """68 landmarks of a grey face of 96 px: where the mass of each point's heatmap lies.

    The place is the mean over the heatmap (Sun et al., 2018, "Integral Human Pose Regression",
    equation 2), so that it is finer than a cell and can be learnt from the place alone.

    Args:
        points: Number of landmarks.
        stem: Channels at stride 2.
        channels: Channels at strides 4, 8, 16 and 32.
        head: Channels before the heatmaps, which have stride 4.
    """

    def __init__(
        self,
        points: int = 68,
        stem: int = 16,
        channels: tuple[int, int, int, int] = (32, 64, 96, 96),
        head: int = 48,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_bn(1, stem, stride=2), nn.ReLU())
        inputs = (stem, *channels[:-1])
        self.stages = nn.ModuleList(PlainStage(i, o) for i, o in zip(inputs, channels, strict=True))
        self.down = nn.ModuleList(
            conv_bn(channels[level + 1], channels[level], size=1) for level in range(3)
        )
        self.heatmaps = nn.Sequential(
            conv_bn(channels[0], head), nn.ReLU(), nn.Conv2d(head, points, 1)
        )
        self.doubt = nn.Linear(channels[-1], points)

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Faces, (n, 1, side, side) float32 normalised; the side is a multiple of 32.

        Returns:
            ``points``, (n, points, 2), x and y as shares of the side; ``log_error``, (n, points),
            the natural logarithm of the error to expect of each, in the same unit; and ``peaks``,
            (n, points), the largest share of each heatmap, which is small where a point is hidden.
        """
        x = self.stem(faces)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        log_error: Tensor = self.doubt(x.mean(dim=(2, 3))).float()
        for level in (2, 1, 0):
            above = F.interpolate(self.down[level](x), scale_factor=2.0, mode="nearest")
            x = F.relu(features[level] + above)
        maps = self.heatmaps(x).float()
        shares = maps.flatten(2).softmax(dim=2).unflatten(2, maps.shape[2:])
        places = (torch.arange(maps.shape[3], device=maps.device) + 0.5) / maps.shape[3]
        across, along = (shares.sum(dim=2) * places).sum(-1), (shares.sum(dim=3) * places).sum(-1)
        return torch.stack([across, along], dim=-1), log_error, shares.amax(dim=(2, 3))
