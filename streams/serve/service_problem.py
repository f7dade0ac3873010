"""The errors of the service's own API and of the console."""

from __future__ import annotations


class ServiceProblem(Exception):
    """An answer of another status than 200, as RFC 9457 describes it. title: the kind; detail: what and what to do."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail = status, title, detail


def wrong_key() -> ServiceProblem:
    """Returns the answer to a key or a secret that is wrong."""
    return ServiceProblem(401, "wrong key", "the key or its secret is wrong; `paper access key ACCOUNT` makes a key")


def not_allowed(detail: str) -> ServiceProblem:
    """Returns the answer to a request that the key's role does not allow."""
    return ServiceProblem(403, "not allowed", detail)


def no_such(what: str) -> ServiceProblem:
    """Returns the answer for something that is not there, or that the key may not see."""
    return ServiceProblem(404, "not found", f"there is no {what}")


def broken_rule(detail: str) -> ServiceProblem:
    """Returns the answer to a request that breaks a rule."""
    return ServiceProblem(422, "invalid request", detail)


def not_reached(detail: str) -> ServiceProblem:
    """Returns the answer while something behind the service is down or slow."""
    return ServiceProblem(503, "unavailable", detail)
