"""Every error that the project raises on purpose.

PaperError                   anything a user can read and act on
├── SettingsError            a setting's value breaks its rule
├── ReferenceDataError       the instruments file is missing or breaks a rule
├── FeedError                a market data file breaks a rule, or is older than what was fed
├── ChildError               a worker or sink that a command had started has ended
├── InputError               what a user wrote breaks a rule
├── ControlRefused           a control command changed nothing
├── NoAnswer                 no worker answered in time
├── DeliveryError            the broker did not take a client's record
├── SchemaError              in schemas.errors: a schema, or a record against its schema
├── ArchiveError             an archive's file is missing or not what its hash says
├── PeerError                an engine that is measured beside ours can't be installed or failed
├── MemberIdTaken            another process of this machine has this name in its group
├── PipelineError            a shard can't go on
│   ├── RecoveryError        a shard's journal, snapshot or inputs are not what was recorded
│   │   ├── DamagedSnapshot  a snapshot lacks a part or is not what its checksum says
│   │   ├── MissingJournal   journal records were removed
│   │   ├── MissingInputs    inputs were removed, before or after they were processed
│   │   └── RecreatedTopic   an input topic was deleted and made anew
│   ├── DeliveryGap          a batch does not follow the one before it
│   ├── Fenced               another worker has taken over the shard
│   └── LogUnavailable       the broker did not take or give records in time
├── SinkError                the sink can't go on
└── StackError               a part of the local stack, or what it is made of
    ├── ArtifactError        a downloaded file is missing, damaged or not the pinned one
    ├── PartError            a server did not start, did not stop, or died
    ├── PortTakenError       another process listens where a part of the stack belongs
    ├── ClickHouseError      ClickHouse does not answer
    ├── MigrationError       the database's tables are not what the migrations make
    ├── TopicError           a topic is missing or differs from its declaration
    └── AccessError          a principal or ACL could not be made as declared

A message says which input, which rule it broke, and what to do.
"""

from __future__ import annotations


class PaperError(Exception):
    """Base of all: the command line prints its message and exits with code 1."""


class SettingsError(PaperError):
    """A setting's value breaks its rule."""


class ReferenceDataError(PaperError):
    """The instruments file is missing or breaks a rule."""


class FeedError(PaperError):
    """A market data file breaks a rule, or is older than what was fed."""


class ChildError(PaperError):
    """A worker or sink that a command had started has ended."""


class InputError(PaperError):
    """What a user wrote breaks a rule."""


class ControlRefused(PaperError):
    """A control command changed nothing."""


class NoAnswer(PaperError):
    """No worker answered in time."""


class DeliveryError(PaperError):
    """The broker did not take a client's record."""


class MemberIdTaken(PaperError):
    """Another process of this machine has this name in its group."""


class ArchiveError(PaperError):
    """An archive's file is missing or not what its hash says."""


class PeerError(PaperError):
    """An engine that is measured beside ours can't be installed, or it failed."""


class PipelineError(PaperError):
    """A shard can't go on."""


class RecoveryError(PipelineError):
    """A shard's journal, snapshot or inputs are not what was recorded."""


class DamagedSnapshot(RecoveryError):
    """A snapshot lacks a part or is not what its checksum says."""


class MissingJournal(RecoveryError):
    """Journal records were removed."""


class MissingInputs(RecoveryError):
    """Inputs were removed, before or after they were processed."""


class RecreatedTopic(RecoveryError):
    """An input topic was deleted and made anew."""


class DeliveryGap(PipelineError):
    """A batch does not follow the one before it."""


class Fenced(PipelineError):
    """Another worker has taken over the shard."""


class LogUnavailable(PipelineError):
    """The broker did not take or give records in time."""


class SinkError(PaperError):
    """The sink can't go on; what it has not inserted, it reads again at its next start."""


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
