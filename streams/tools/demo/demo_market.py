"""Market and reference data of demonstrations, benchmarks and drills."""

from infra.settings import Settings
from streams.core.reference.declarations import InstrumentConfig
from streams.errors import FeedError
from streams.pipeline.feed.infer_instruments import infer_instruments, to_toml
from streams.pipeline.feed.synthetic import SYNTHETIC_SUFFIX, SyntheticMarket, synthetic
from streams.pipeline.feed.table import MarketTable
from streams.pipeline.reference.load_config import load_instruments


def synthetic_market(settings: Settings, seconds: float) -> MarketTable:
    """Returns a seeded market of the reference data's synthetic instruments.

    Raises:
        FeedError: the reference data has none.
    """
    instruments = load_instruments(settings.reference_data)
    chosen = tuple(item for item in instruments if item.symbol.endswith(SYNTHETIC_SUFFIX))
    if not chosen:
        raise FeedError(f"{settings.reference_data} has no instrument named *{SYNTHETIC_SUFFIX}")
    return synthetic(SyntheticMarket(settings.run_seed, seconds), chosen)


def instruments_for(settings: Settings, table: MarketTable) -> dict[str, InstrumentConfig]:
    """Returns the instrument of each symbol: from the reference data, or inferred from the table."""
    known = {item.symbol: item for item in load_instruments(settings.reference_data)}
    inferred = {item.symbol: item for item in infer_instruments(table)}
    return {symbol: known.get(symbol, inferred[symbol]) for symbol in table.symbols}


def with_reference_data(settings: Settings, instruments: dict[str, InstrumentConfig]) -> Settings:
    """Returns settings with the reference data extended by these instruments, in a file below PAPER_HOME."""
    known = {item.symbol for item in load_instruments(settings.reference_data)}
    added = tuple(item for item in instruments.values() if item.symbol not in known)
    path = settings.paper_home / f"{settings.run_id}-instruments.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{settings.reference_data.read_text()}\n{to_toml(added)}")
    return settings.model_copy(update={"reference_data": path})
