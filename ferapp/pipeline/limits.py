"""What the default classifier can't do, in words, with the figures of its manifest entry."""

from ferapp.inference.manifest import manifest
from ferapp.sessions.report.html import LIMITS


def outside_text() -> str:
    """How often it is right on data that it has nothing to do with, in a sentence."""
    model = manifest().model(None, "classifier")
    figures = [
        f"{metric.value:.0%} of {metric.n:,} {metric.data}".replace("%", " %", 1)
        for metric in model.metrics
        if metric.name == "outside_accuracy"
    ]
    if not figures:
        return "How well it works on faces from elsewhere has not been measured."
    return (
        f"On faces from elsewhere it is much weaker: {' and '.join(figures)} were read right. How "
        "well it works for different ages and skin colours has not been measured."
    )


def limits_text() -> str:
    """All limits that a reader of a report should know, one paragraph a line."""
    return f"{LIMITS}\n{outside_text()}"
