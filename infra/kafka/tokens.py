"""Tokens of SASL/OAUTHBEARER: KAFKA_TOKEN_PROVIDER names a function that makes them, such as Amazon's signer for MSK.

The function returns a token and its end in ms since the epoch, as
aws_msk_iam_sasl_signer.MSKAuthTokenProvider:generate_auth_token does.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from infra.errors import SettingsError
from infra.settings import Settings

if TYPE_CHECKING:
    from aiokafka.abc import AbstractTokenProvider

MS_PER_S = 1_000
Provider = Callable[..., tuple[str, int]]


def demand_provider(settings: Settings) -> Provider:
    """Returns the function that KAFKA_TOKEN_PROVIDER names. Raises SettingsError if there is none."""
    named = settings.kafka_token_provider
    if not named:
        raise SettingsError("KAFKA_SASL_MECHANISM=OAUTHBEARER needs tokens; set KAFKA_TOKEN_PROVIDER=module:function")
    module, _, function = named.partition(":")
    try:
        return cast(Provider, getattr(importlib.import_module(module), function))
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"KAFKA_TOKEN_PROVIDER={named}: {error}; install the package that has it, or correct the name"
        ) from error


def token_with_end_s(settings: Settings) -> tuple[str, float]:
    """Returns a new token and its end in seconds since the epoch, as librdkafka's oauth_cb must."""
    argument = settings.kafka_token_argument
    token, end_ms = demand_provider(settings)(*([argument] if argument else []))
    return token, end_ms / MS_PER_S


def token_provider(settings: Settings) -> AbstractTokenProvider:
    """Returns the provider of tokens for aiokafka. It asks in a thread, because a signer may use the network."""
    import asyncio

    from aiokafka.abc import AbstractTokenProvider

    class Tokens(AbstractTokenProvider):  # type: ignore[misc]
        async def token(self) -> str:
            return (await asyncio.to_thread(token_with_end_s, settings))[0]

    return Tokens()
