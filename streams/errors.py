"""Errors that the pipeline and its tools raise on purpose; each is a PaperError of infra.errors.

PaperError
├── ReferenceDataError       the instruments file or the limits file is missing or breaks a rule
├── FeedError                a market data file breaks a rule, or is older than the data fed before it
├── ChildError               a worker or sink that a command started has ended
├── InputError               an argument or a file of the user breaks a rule
├── ControlRefused           the account shard refused a control command; nothing changed
├── NoAnswer                 no worker answered in time
├── DeliveryError            the broker did not take a client's record
├── ArchiveError             a file of an archive is missing, or its hash differs from the manifest
├── PeerError                an engine that the benchmark compares with can't be installed, or failed
├── PipelineError            a shard can't go on
│   ├── RecoveryError        the journal, snapshot or inputs of a shard differ from what was recorded
│   │   ├── DamagedSnapshot  a snapshot lacks a chunk, or its checksum is wrong
│   │   ├── MissingJournal   journal records were removed
│   │   ├── MissingInputs    input records were removed, before or after they were processed
│   │   └── RecreatedTopic   an input topic was deleted and created again
│   ├── DeliveryGap          a batch does not follow the batch before it
│   ├── Fenced               another worker has taken over the shard
│   └── LogUnavailable       the broker did not take or give records in time
└── SinkError                the sink can't go on

A message names the input, the rule that it breaks, and the remedy.
"""

from __future__ import annotations

from infra.errors import PaperError


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
