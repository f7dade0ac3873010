"""Texts of records as a terminal may show them."""


def harmless(text: str) -> str:
    """Returns a text with each character escaped that a terminal would obey and not show.

    Such are control characters, which begin ANSI sequences, and marks of the direction of writing. Lines stay lines.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
