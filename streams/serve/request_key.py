"""The key that a request brings."""

from __future__ import annotations

import base64
import binascii

from fastapi import Request


def credentials(request: Request) -> tuple[str, str]:
    """Returns the key and the secret of a request: Alpaca's headers, or HTTP Basic (RFC 7617)."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            key_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return key_id, secret
    return request.headers.get("APCA-API-KEY-ID", ""), request.headers.get("APCA-API-SECRET-KEY", "")
