"""Frames as a venue sent them, for a recording of them. Binance's have the names of their streams again.

ccxt asks for streams whose frames do not bear their names. With them, as in Binance's combined streams
(https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams), `paper feed` reads the recording.
"""

import base64
import json
from typing import Any

BINANCE = ("binance", "binanceus", "binanceusdm", "binancecoinm")
STREAMS = {"depthUpdate": "depth", "trade": "trade", "aggTrade": "aggTrade", "bookTicker": "bookTicker"}


def frame_of(venue: str, data: str | bytes) -> tuple[str, str]:
    """Returns what a frame is of, a market of the venue or the venue itself, and its text; bytes as base64 in JSON."""
    if isinstance(data, bytes):
        return venue, json.dumps({"base64": base64.b64encode(data).decode()})
    if venue not in BINANCE:
        return venue, data
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return venue, data
    market, stream = _stream_of(told)
    return (market, f'{{"stream":"{stream}","data":{data}}}') if stream else (market or venue, data)


def _stream_of(told: Any) -> tuple[str, str]:
    """Returns market and stream of a message of Binance; empty if it is of none, no stream if it names its own."""
    if not isinstance(told, dict):
        return "", ""
    own = told.get("stream")
    if isinstance(own, str):
        return own.partition("@")[0], ""
    symbol, event = told.get("s"), told.get("e", "bookTicker" if "b" in told and "a" in told else None)
    if not (isinstance(symbol, str) and symbol.isalnum() and isinstance(event, str) and event in STREAMS):
        return "", ""
    return symbol.lower(), f"{symbol.lower()}@{STREAMS[event]}"
