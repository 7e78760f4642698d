"""Reading the report about an installation."""

from ferapp.doctor.findings import Finding
from ferapp.doctor.report import Report


def text_of(found: Report) -> str:
    return "\n".join(line for line, _ in found.lines())


def finding(found: Report, key: str) -> Finding:
    return next(check.finding for check in found.checks if check.key == key)
