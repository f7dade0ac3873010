"""The consumer group of a pipeline's workers; whoever only names it needs no Faust, which takes a second to load."""

from infra.settings import Settings


def group_id(settings: Settings) -> str:
    """Returns the consumer group of a pipeline's workers."""
    return f"{settings.topic_prefix}paper-workers"
