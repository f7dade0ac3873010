"""The base of all errors that the project raises on purpose, and the errors of settings, servers and topics.

PaperError                   a user can read the message and act on it
├── SettingsError            the value of a setting breaks its rule
├── MemberIdTaken            another process of this machine uses this name in its consumer group
├── SchemaError              see schemas.errors
├── ...                      see streams.errors
└── StackError               the local stack, or a file that it needs, is not as it must be
    ├── ArtifactError        a downloaded file is missing, damaged, or not the pinned file
    ├── PartError            a server did not start, did not stop, or died
    ├── PortTakenError       another process listens on the port of a server
    ├── ClickHouseError      ClickHouse does not answer
    ├── MigrationError       the tables of the database differ from what the migrations make
    ├── TopicError           a topic is missing or differs from its declaration
    └── AccessError          the broker refused a principal or an ACL

A message names the input, the rule that it breaks, and the remedy.
"""

from __future__ import annotations


class PaperError(Exception):
    """Base of all: the command line prints its message and exits with code 1."""


class SettingsError(PaperError):
    """A setting's value breaks its rule."""


class MemberIdTaken(PaperError):
    """Another process of this machine has this name in its group."""


class StackError(PaperError):
    """The local stack, or what it is made of, is not as it must be."""


class ArtifactError(StackError):
    """A downloaded file is missing, damaged or not the pinned one."""


class PartError(StackError):
    """A server did not start, did not stop, or died."""


class PortTakenError(StackError):
    """Another process listens where a part of the stack belongs."""


class TopicError(StackError):
    """A topic is missing or differs from its declaration."""


class AccessError(StackError):
    """A principal or ACL could not be made as declared."""


class ClickHouseError(StackError):
    """ClickHouse does not answer."""


class MigrationError(StackError):
    """The database's tables are not what the migrations make."""
