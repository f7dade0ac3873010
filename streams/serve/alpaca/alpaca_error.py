"""The errors of Alpaca's API: an HTTP status and a body of code and message."""

from __future__ import annotations


class AlpacaError(Exception):
    """An answer of another status than 200. code: Alpaca's, whose first three digits are those of the status."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def unauthorised() -> AlpacaError:
    """Returns the answer to a wrong key."""
    return AlpacaError(401, 40110000, "access key verification failed: `paper access key ACCOUNT` makes a key")


def not_found(what: str) -> AlpacaError:
    """Returns the answer for something that is not there."""
    return AlpacaError(404, 40410000, f"{what} not found")


def invalid(message: str) -> AlpacaError:
    """Returns the answer to a request that breaks a rule of the API."""
    return AlpacaError(422, 42210000, message)


def repeated_id() -> AlpacaError:
    """Returns the answer to an order whose client_order_id was used before."""
    return AlpacaError(422, 40010001, "client_order_id must be unique")


def refused(message: str) -> AlpacaError:
    """Returns the answer to an order that a risk control has refused."""
    return AlpacaError(403, 40310000, message)


def unavailable(message: str) -> AlpacaError:
    """Returns the answer while something behind the service is down."""
    return AlpacaError(503, 50310000, message)
