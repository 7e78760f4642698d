"""What each system of the laboratory is, what its tutorial did, and why that falls short."""

from dataclasses import dataclass
from typing import Final

OPENCV: Final = "Expression recognition with OpenCV (blog post)"
PROJECT: Final = "Faster R-CNN and ResNet (project page)"
OURS: Final = "ferapp"


@dataclass(frozen=True)
class System:
    """One system.

    Attributes:
        title: What it is called.
        tutorial: Where it is from.
        claim: What the tutorial says that it reaches, with the protocol; empty if nothing.
        idea: How it works, in a sentence.
        shortfall: Why it falls short, in a sentence.
    """

    title: str
    tutorial: str
    claim: str
    idea: str
    shortfall: str


MAJORITY: Final = "majority"
"""Calls every face what most training faces are called; no file, but a row of the table."""

SYSTEMS: Final[dict[str, System]] = {
    MAJORITY: System(
        "Commonest class",
        "",
        "",
        "Calls every face neutral without looking at it.",
        "What any system has to beat. Its accuracy is the share of neutral faces.",
    ),
    "eigenfaces-mean": System(
        "Eigenfaces, nearest mean",
        OPENCV,
        "",
        "Describes a face by its principal components and takes the class with the nearest mean.",
        "Most of what differs between faces is light, pose and who it is. The expression is a "
        "small part of it, so the means of the classes are close together.",
    ),
    "eigenfaces-svm": System(
        "Eigenfaces, SVM",
        OPENCV,
        "",
        "The same description; a linear support-vector machine separates the classes.",
        "Better, because it ignores components that say nothing. It never finds the rare classes.",
    ),
    "fisherfaces": System(
        "Fisherfaces",
        OPENCV,
        "",
        "Looks for the directions in which the classes differ most (linear discriminants).",
        "The directions fit faces in one position. A mouth that is a few pixels higher is another "
        "picture.",
    ),
    "lbph": System(
        "LBPH",
        OPENCV,
        "",
        "Counts texture patterns in a grid of cells and looks for the nearest known histogram.",
        "Counts do not care about light, but they forget where in a cell an edge is, which is what "
        "brows and mouths differ in.",
    ),
    "hog-svm": System(
        "HOG and SVM",
        OPENCV,
        "",
        "Counts directions of edges in small cells; a linear support-vector machine decides.",
        "What it counts was designed by hand, and is the same for brows, mouths and hair.",
    ),
    "knn": System(
        "Nearest neighbours",
        PROJECT,
        "31.5 %, FER2013, seven classes",
        "Lets the most similar training faces vote.",
        "The most similar picture is one with the same light and pose, seldom the same expression.",
    ),
    "mlp": System(
        "Multilayer perceptron",
        PROJECT,
        "22.8 %, FER2013, seven classes",
        "A dense network on the pixels.",
        "Every pixel has its own weights, so it has to learn each feature anew at every place.",
    ),
    "cnn-3": System(
        "CNN of three layers",
        PROJECT,
        "54.8 %, FER2013, seven classes",
        "Three convolutions with pooling, and one hidden layer.",
        "The first one that learns what to look for. It is small, and single labels hide that "
        "people disagree about a face.",
    ),
}
"""By name, from the simplest to the best."""

TRAINED: Final = tuple(name for name in SYSTEMS if name != MAJORITY)
"""The names of those that learn, in the same order."""
