"""Names the rules that a document breaks, as one sentence for an error."""

from pydantic import ValidationError


def broken_rules(error: ValidationError, within: str = "", whole: str = "") -> str:
    """Returns each broken rule with its field. within: where the document stands; whole: names a rule of all fields."""
    head = [within] if within else []
    return "; ".join(f"{'.'.join([*head, *map(str, item['loc'])]) or whole}: {item['msg']}" for item in error.errors())
