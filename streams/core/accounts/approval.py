"""What goes on to the venue: approved requests, and the cancels that the shard itself asks for."""

from collections.abc import Callable

from schemas.records.messages import OrderRequest
from schemas.records.output import Output
from streams.core.accounts.live_orders import TOPICS, mode_of
from streams.core.accounts.state import account_records as records
from streams.core.accounts.state.account import Account, WorkingOrder
from streams.core.accounts.state.shard_state import AccountBook


def approve(book: AccountBook, account: Account, request: OrderRequest) -> None:
    """Sends a request on to the venue of its symbol, a live one to the external adapter."""
    mode = mode_of(account, request)
    message = records.approved(request._replace(mode=mode), account.session_id, book.next_id(), book.time_ns)
    book.emit(Output(TOPICS[mode], request.symbol, message))


def cancel_working(
    book: AccountBook,
    account: Account,
    cause: str,
    is_meant: Callable[[WorkingOrder], bool] = lambda order: True,
    ts: int | None = None,
) -> int:
    """Asks the venue to cancel working orders, each under the id cause:order_id. Gives their number."""
    chosen = [order for order in account.working.values() if is_meant(order)]
    for order in chosen:
        request_id = f"{cause}:{order.order_id}"
        approve(
            book, account, records.cancel_of(account.account_id, order, request_id, book.time_ns if ts is None else ts)
        )
    return len(chosen)
