"""The base class of all deliberate errors, and the errors of settings, servers and topics.

PaperError                   the user can read the message and act on it
├── SettingsError            the value of a setting breaks its rule
├── MemberIdTaken            another process of this machine holds the name of a consumer group member
├── MissingExtra             packages of an extra are missing and can't be installed
├── SchemaError              see schemas.errors
├── ...                      see streams.errors
└── StackError               a server of the stack, or something that it needs, is in a wrong state
    ├── ArtifactError        a downloaded file is missing, damaged, or not the pinned file
    ├── ServerError            a server did not start, did not stop, or died
    ├── PortTakenError       another process listens on a port that a server needs
    ├── KafkaUnavailable     Kafka does not answer
    ├── ClickHouseError      ClickHouse does not answer
    ├── MigrationError       the tables of the database differ from the migrations
    ├── TopicError           a topic is missing or differs from its declaration
    └── AccessError          the broker refused a principal or an ACL

Each message names the input, the rule that it breaks, and the remedy.
"""

from __future__ import annotations


class PaperError(Exception):
    """The base class: the command line prints its message and exits with exit_code."""

    exit_code = 1


class SettingsError(PaperError):
    """The value of a setting breaks its rule."""


class MemberIdTaken(PaperError):
    """Another process of this machine holds the name of a consumer group member."""


class MissingExtra(PaperError):
    """Packages of an extra are missing and can't be installed."""


class StackError(PaperError):
    """A server of the stack, or something that it needs, is in a wrong state."""


class ArtifactError(StackError):
    """A downloaded file is missing, damaged, or not the pinned file."""


class ServerError(StackError):
    """A server did not start, did not stop, or died."""


class PortTakenError(StackError):
    """Another process listens on a port that a server needs."""


class KafkaUnavailable(StackError):
    """Kafka does not answer."""


class TopicError(StackError):
    """A topic is missing or differs from its declaration."""


class AccessError(StackError):
    """The broker refused a principal or an ACL."""


class ClickHouseError(StackError):
    """ClickHouse does not answer."""


class MigrationError(StackError):
    """The tables of the database differ from the migrations."""
