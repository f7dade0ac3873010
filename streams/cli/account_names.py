"""Sessions and symbols by the names that people type."""

from __future__ import annotations

from schemas.records.enums import EquityTrigger


def account_of_session(name: str) -> str | None:
    """Returns the account whose open session has a name; None if there is none, or an account of that name.

    Raises LogUnavailable, TopicError.
    """
    from infra.settings import get_settings
    from schemas.avro.codec import Codec
    from schemas.registry import Registry
    from streams.pipeline.clients.read_topic import read_topic

    settings = get_settings()
    newest = {item.account_id: item for item in read_topic(settings, Codec(Registry(settings)), "account.equity")}
    if name in newest:
        return None
    found = [
        account
        for account, item in newest.items()
        if item.session_id == name and item.trigger is not EquityTrigger.SESSION_CLOSE
    ]
    return found[0] if len(found) == 1 else None


def known_symbol(text: str) -> str:
    """Returns the instrument's symbol that a text means, in whatever case; the text itself if there is none, or two.

    Raises ReferenceDataError.
    """
    from infra.settings import get_settings
    from streams.pipeline.reference.load_config import load_instruments

    symbols = {item.symbol for item in load_instruments(get_settings().reference_data)}
    if text in symbols:
        return text
    meant = [symbol for symbol in symbols if symbol.upper() == text.upper()]
    return meant[0] if len(meant) == 1 else text
