"""Exposure and worth of an account: kept by symbol, and worked out again only if something changed."""

from schemas.records.bounds import VALUE_MAX, within
from schemas.records.enums import Side
from schemas.records.numbers import MONEY_MAX, PRICE_SCALE
from streams.core.ledger.ledger import Ledger
from streams.core.ledger.marks import Marks, Quote
from streams.core.ledger.position import Position


class Valuation:
    """The worth of an account, 1e-18 of its currency.

    position_value: signed; gross_exposure: the sum of absolute values. worst_exposure: the same with working orders, in
    each symbol the larger of all buys filled and all sells filled. leverage: 1e-9. Values of positions are cut at
    VALUE_MAX, and the buying power at MONEY_MAX.
    """

    __slots__ = ("cash", "gross_exposure", "leverage", "position_value", "worst_exposure")

    def __init__(
        self,
        cash: int,
        position_value: int,
        gross_exposure: int,
        worst_exposure: int,
        leverage: int,
    ) -> None:
        self.cash = cash
        self.position_value = within(position_value, VALUE_MAX)
        self.gross_exposure = within(gross_exposure, VALUE_MAX)
        self.worst_exposure = worst_exposure
        self.leverage = leverage

    @property
    def equity(self) -> int:
        """Cash and positions."""
        return self.cash + self.position_value

    @property
    def buying_power(self) -> int:
        """Exposure that may still be added; negative if the account has more than its leverage carries."""
        return within(self.equity * self.leverage // PRICE_SCALE - self.worst_exposure, MONEY_MAX)


class Exposure:
    """Exposure of an account before and after an order, with all working orders filled; 1e-18 of its currency.

    gross: over all instruments, each with the larger of all its buys and all its sells filled. net: toward the order's
    side, with all orders of that side filled. symbol: gross, in the order's instrument. margin: gross at the
    instruments' margin rates.
    """

    __slots__ = (
        "equity",
        "gross_after",
        "gross_before",
        "margin_after",
        "margin_before",
        "net_after",
        "net_before",
        "symbol_after",
        "symbol_before",
    )

    def __init__(
        self,
        equity: int,
        gross_before: int,
        gross_after: int,
        net_before: int,
        net_after: int,
        symbol_before: int,
        symbol_after: int,
        margin_before: int,
        margin_after: int,
    ) -> None:
        self.equity = equity
        self.gross_before = gross_before
        self.gross_after = gross_after
        self.net_before = net_before
        self.net_after = net_after
        self.symbol_before = symbol_before
        self.symbol_after = symbol_after
        self.margin_before = margin_before
        self.margin_after = margin_after


class SymbolExposure:
    """Exposure of an account in one symbol, with the facts that it was worked out from.

    bought, sold: the position with all buys filled, and with all sells filled toward short, 1e-9 units; long, short:
    their values. margin: 1e-27. plain: it is quantity * price, and only the mark and the position decide whether it
    still holds; other exposures also depend on a rate of exchange, a split or a contract multiplier.
    """

    __slots__ = (
        "bought",
        "gross",
        "long",
        "margin",
        "margin_rate",
        "plain",
        "position",
        "price",
        "quantity",
        "quote",
        "short",
        "sold",
        "value",
    )

    def __init__(
        self,
        quote: Quote | None,
        position: Position | None,
        quantity: int,
        plain: bool,
        price: int,
        margin_rate: int,
        bought: int,
        sold: int,
        value: int,
        gross: int,
        long: int,
        short: int,
        margin: int,
    ) -> None:
        self.quote = quote
        self.position = position
        self.quantity = quantity
        self.plain = plain
        self.price = price
        self.margin_rate = margin_rate
        self.bought = bought
        self.sold = sold
        self.value = value
        self.gross = gross
        self.long = long
        self.short = short
        self.margin = margin


NOTHING = SymbolExposure(None, None, 0, True, 0, 0, 0, 0, 0, 0, 0, 0, 0)


class Exposures:
    """Sums of one account over its symbols; see SymbolExposure. held: absolute values of the positions alone."""

    __slots__ = ("_by_symbol", "gross", "held", "long", "margin", "short", "value")

    def __init__(self) -> None:
        self._by_symbol: dict[str, SymbolExposure] = {}
        self.value = self.held = self.gross = self.long = self.short = self.margin = 0

    def refresh(self, marks: Marks, ledger: Ledger) -> None:
        """Works out again the symbols that have changed since the last call."""
        quotes, gaps, stale = marks.quotes, marks.split_gaps, ledger.touched
        for symbol, known in self._by_symbol.items():
            position = known.position
            if (
                quotes.get(symbol) is not known.quote
                or (position is not None and position.quantity != known.quantity)
                or not known.plain
                or (gaps and symbol in gaps)
            ):
                stale[symbol] = None
        if stale:
            for symbol in stale:
                self._put(symbol, _exposure_in(marks, ledger, symbol))
            stale.clear()

    def valuation(self, marks: Marks, ledger: Ledger, leverage: int) -> Valuation:
        """Returns the worth of the account now. leverage: 1e-9."""
        self.refresh(marks, ledger)
        return Valuation(ledger.cash, self.value, self.held, self.gross, leverage)

    def with_order(
        self,
        marks: Marks,
        ledger: Ledger,
        symbol: str,
        buys: bool,
        added_leaves: int,
        price_without_mark: int | None,
    ) -> Exposure:
        """Returns the exposure at the marks before and after an order.

        added_leaves: quantity that the order adds to the open quantity of its side, 1e-9 units. price_without_mark: the
        order's price, 1e-9, if its symbol has no mark.
        """
        self.refresh(marks, ledger)
        known = before = self._by_symbol.get(symbol, NOTHING)
        if price_without_mark is not None:
            before = _exposure_in(marks, ledger, symbol, price_without_mark)
        elif known is NOTHING:
            before = _exposure_in(marks, ledger, symbol)
        bought, sold = before.bought, before.sold
        if buys:
            toward_before, toward_after = before.long, _value(marks, ledger, symbol, before, bought + added_leaves)
            net = self.long - known.long
            worst = max(abs(bought + added_leaves), abs(sold))
        else:
            toward_before, toward_after = before.short, _value(marks, ledger, symbol, before, sold + added_leaves)
            net = self.short - known.short
            worst = max(abs(bought), abs(sold + added_leaves))
        gross_after = _value(marks, ledger, symbol, before, worst)
        gross, margin = self.gross - known.gross, self.margin - known.margin
        return Exposure(
            ledger.cash + self.value - known.value + before.value,
            gross + before.gross,
            gross + gross_after,
            net + toward_before,
            net + toward_after,
            before.gross,
            gross_after,
            (margin + before.margin) // PRICE_SCALE,
            (margin + gross_after * before.margin_rate) // PRICE_SCALE,
        )

    def _put(self, symbol: str, new: SymbolExposure) -> None:
        old = self._by_symbol.get(symbol, NOTHING)
        self.value += new.value - old.value
        self.held += abs(new.value) - abs(old.value)
        self.gross += new.gross - old.gross
        self.long += new.long - old.long
        self.short += new.short - old.short
        self.margin += new.margin - old.margin
        if new.gross or new.quantity:
            self._by_symbol[symbol] = new
        else:
            self._by_symbol.pop(symbol, None)


def _value(marks: Marks, ledger: Ledger, symbol: str, known: SymbolExposure, quantity: int) -> int:
    return quantity * known.price if known.plain else marks.value(symbol, quantity, known.price, ledger.currency)


def _exposure_in(marks: Marks, ledger: Ledger, symbol: str, price: int | None = None) -> SymbolExposure:
    """Works out the exposure in a symbol. price: 1e-9, instead of the mark."""
    position = ledger.positions.get(symbol)
    quantity = position.quantity if position else 0
    bought = quantity + ledger.working_leaves(symbol, Side.BUY)
    sold = ledger.working_leaves(symbol, Side.SELL) - quantity
    if price is None:
        price = marks.price(symbol)
    if price is None:
        price = ledger.highest_asked_price(symbol)
    instrument = marks.instruments.get(symbol)
    rate = PRICE_SCALE if instrument is None else instrument.margin_rate
    plain = symbol not in marks.split_gaps and (
        instrument is None or (instrument.currency == ledger.currency and instrument.contract_multiplier == PRICE_SCALE)
    )
    worst = max(abs(bought), abs(sold))
    if plain:
        value, gross, long, short = quantity * price, worst * price, bought * price, sold * price
    else:
        value, gross, long, short = (
            marks.value(symbol, item, price, ledger.currency) for item in (quantity, worst, bought, sold)
        )
    return SymbolExposure(
        marks.quotes.get(symbol),
        position,
        quantity,
        plain,
        price,
        rate,
        bought,
        sold,
        value,
        gross,
        long,
        short,
        gross * rate,
    )
