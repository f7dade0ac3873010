"""First answers to an account's newest requests, for a client that sends a request again (FIX PossResend)."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from schemas.records.from_list import record_from_list
from schemas.records.messages import OrderRequest, OrderResult


class FirstAnswers:
    """Requests by id with their first answers, bounded by count. An answer is None until the venue has spoken."""

    def __init__(self, limit: int, state: list[list[Any]] | None = None) -> None:
        self.limit = limit
        # A dict would walk over all deleted entries to find its first key.
        self._known: OrderedDict[str, tuple[OrderRequest, OrderResult | None]] = OrderedDict()
        for request, result in state or ():
            self._known[request[1]] = (
                record_from_list(OrderRequest, request),
                None if result is None else record_from_list(OrderResult, result),
            )

    def add(self, request: OrderRequest, answer: OrderResult | None) -> None:
        """Remembers a request and forgets the oldest beyond the limit."""
        self._known[request.order_id] = (request, answer)
        while len(self._known) > self.limit:
            self._known.popitem(last=False)

    def note_result(self, result: OrderResult) -> None:
        """Takes a result of the venue as the first answer to its request, if that has none yet."""
        for request_id in (result.request_id, result.order_id):
            known = self._known.get(request_id) if request_id is not None else None
            if known is not None and known[1] is None:
                self._known[known[0].order_id] = (known[0], result)
                return

    def knows(self, request: OrderRequest) -> bool:
        """Returns whether the identical request is remembered."""
        known = self._known.get(request.order_id)
        return known is not None and known[0] == request

    def answer_to(self, request: OrderRequest) -> OrderResult | None:
        """Returns the first answer to a known request; None if it is still to come."""
        return self._known[request.order_id][1]

    def to_state(self) -> list[list[Any]]:
        """Returns requests and answers in JSON-able form, oldest first."""
        return [[list(request), None if answer is None else list(answer)] for request, answer in self._known.values()]
