"""Parts of the report about an installation."""

from ferapp.doctor.findings import Finding
from ferapp.doctor.report import Report


def text_of(result: Report) -> str:
    return "\n".join(line for line, _ in result.lines())


def finding(result: Report, key: str) -> Finding:
    return next(check.finding for check in result.checks if check.key == key)
