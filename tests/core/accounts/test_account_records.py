"""Records that the account shard builds from others take over the fields of the same names."""

from schemas.records.messages import ApprovedOrder, ExecutionReport, OrderRequest, OrderResult
from streams.core.accounts.state.account_records import DETAILS, INSTRUCTIONS, TERMS


def test_an_approved_order_begins_and_ends_with_the_fields_of_its_request() -> None:
    assert OrderRequest._fields[:TERMS] == ApprovedOrder._fields[:TERMS]
    assert OrderRequest._fields[TERMS - 1] == "price"
    ending = OrderRequest._fields[INSTRUCTIONS:]
    assert ending[0] == "stop_price"
    assert ending == ApprovedOrder._fields[-len(ending) :]


def test_a_result_carries_the_details_of_its_execution_report() -> None:
    details = ExecutionReport._fields[:DETAILS]
    assert details == OrderResult._fields[2 : 2 + DETAILS]
    assert (details[0], details[-1]) == ("exec_id", "text")
