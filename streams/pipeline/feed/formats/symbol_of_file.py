"""The symbol of a file that names none in its rows."""

from pathlib import Path

from streams.errors import FeedError
from streams.pipeline.feed.open_arrow import partition_of_path


def symbol_of_file(path: Path, given: str, from_name: str) -> str:
    """Returns the symbol that the user gives, or that of a folder symbol=NAME, or the one from the file's name.

    Raises FeedError if all of them are empty.
    """
    found = given or partition_of_path(path).get("symbol", "") or from_name
    if not found:
        raise FeedError(f"{path}: neither the rows nor the file's name say the symbol; name it with --symbol")
    return found
