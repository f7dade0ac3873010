"""Sign-in to the console: a cookie that names a key, and a token that each change must bring.

Nothing is kept of a session. The cookie is `key id.end.proof`; the proof is an HMAC of both and of the key's hash by a
secret that all instances on the machine share. So a revoked key ends its sessions at once.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from hashlib import sha256

from infra.private_files import make_secret
from infra.private_home import private_home
from infra.settings import Settings
from streams.serve.api_keys import ApiKey, ApiKeys

COOKIE = "paper_session"
SESSION_S = 12 * 3600


class SignIn:
    """Makes and checks the cookies of sessions."""

    def __init__(self, settings: Settings, keys: ApiKeys, now: Callable[[], float] = time.time) -> None:
        private_home(settings)
        self._secret = make_secret(settings.paper_home / "access" / "console-secret").encode()
        self._keys, self._now = keys, now

    def cookie(self, key: ApiKey) -> str:
        """Returns the cookie of a session that begins now."""
        claim = f"{key.key_id}.{int(self._now()) + SESSION_S}"
        return f"{claim}.{self._proof(claim, key)}"

    def key_of(self, cookie: str) -> ApiKey | None:
        """Returns the key of a session; None if the cookie is wrong, too old, or its key was revoked."""
        claim, _, proof = cookie.rpartition(".")
        key_id, _, end = claim.partition(".")
        key = self._keys.named(key_id)
        if key is None or not end.isdecimal() or int(end) < self._now():
            return None
        return key if hmac.compare_digest(proof.encode(), self._proof(claim, key).encode()) else None

    def token(self, cookie: str) -> str:
        """Returns the token that the changes of a session bring, so that no other site can make them."""
        return self._mac(f"change {cookie}")

    def is_token(self, cookie: str, token: str) -> bool:
        """Returns whether a token is the session's."""
        return hmac.compare_digest(token.encode(), self.token(cookie).encode())

    def _proof(self, claim: str, key: ApiKey) -> str:
        return self._mac(f"session {claim} {key.secret_sha256}")

    def _mac(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), sha256).hexdigest()
