"""Errors of schemas and records.

PaperError                   see infra.errors
└── SchemaError              a schema is wrong, or a record does not fit its schema
    ├── UndecodableRecord    the bytes are not a record of their topic
    ├── RegistryUnavailable  the schema registry did not answer in time
    ├── IncompatibleSchema   a schema breaks readers or writers of an older version
    └── SchemaIdTaken        a registry can't give a schema the id that records name it by
"""

from infra.errors import PaperError


class SchemaError(PaperError):
    """A schema is wrong, or a record does not fit its schema."""


class UndecodableRecord(SchemaError):
    """The bytes are not a record of their topic. error_class is a stable code for dead letters."""

    def __init__(self, error_class: str, text: str) -> None:
        super().__init__(text)
        self.error_class = error_class


class RegistryUnavailable(SchemaError):
    """The schema registry did not answer in time; the same call may succeed later."""


class IncompatibleSchema(SchemaError):
    """A schema breaks readers or writers of an older version."""


class SchemaIdTaken(SchemaError):
    """A registry can't give a schema the id that records name it by."""
