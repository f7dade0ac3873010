"""The deliberate errors of the pipeline and its tools; all are PaperErrors of infra.errors.

PaperError
├── ReferenceDataError       the instruments file or the limits file is missing or breaks a rule
├── FeedError                a market data file breaks a rule, or is older than the data fed before it
├── ChildError               a worker or sink that a command started has ended early
├── InputError               an argument or a file of the user breaks a rule
├── StrategyFailed           a strategy's own code raised an error; the message names its line
├── ControlRefused           the account shard refused a control command; nothing changed
├── NoAnswer                 no worker answered in time
├── DeliveryError            the broker did not take a client's record
├── ArchiveError             a file of an archive is missing, or its hash differs from the manifest
├── BackupError              a backup is damaged, or can't be restored into this stack
├── NothingCompared          a proof found nothing that it could compare
├── OtherResults             a pipeline gave other results than its strategies have seen
├── NotAtRest                records are being written that a proof would have to compare
├── PeerError                a peer engine of the benchmark can't be installed, or failed
├── WorkerIdClash            another living worker has the name of this one
├── PipelineError            a shard can't continue
│   ├── RecoveryError        the journal, the snapshot or the inputs of a shard differ from the recorded ones
│   │   ├── DamagedSnapshot  a snapshot lacks a chunk, or its checksum is wrong
│   │   ├── MissingJournal   journal records were removed
│   │   ├── MissingInputs    input records were removed, whether processed or not
│   │   └── RecreatedTopic   an input topic was deleted and created again
│   ├── ContractChanged      the reference data change a contract of which a shard has something open
│   ├── TooManyFaults        the core failed on more records in a row than are quarantined
│   ├── DeliveryGap          records between two batches were skipped
│   ├── Fenced               another worker has taken over the shard
│   ├── LogUnavailable       the broker did not accept or deliver records in time
│   └── RecordTooLarge       Kafka will never take a record of this size
└── SinkError                the sink can't continue

Each message names the input, the rule that it breaks, and the remedy.
"""

from __future__ import annotations

from infra.errors import PaperError


class ReferenceDataError(PaperError):
    """The instruments file or the limits file is missing or breaks a rule."""


class FeedError(PaperError):
    """A market data file breaks a rule, or is older than the data fed before it."""


class ChildError(PaperError):
    """A worker or sink that a command started has ended early."""


class InputError(PaperError):
    """An argument or a file of the user breaks a rule."""


class StrategyFailed(PaperError):
    """A strategy's own code raised an error; the message names its line."""


class ControlRefused(PaperError):
    """The account shard refused a control command; nothing changed."""


class NoAnswer(PaperError):
    """No worker answered in time."""


class DeliveryError(PaperError):
    """The broker did not take a client's record."""


class ArchiveError(PaperError):
    """A file of an archive is missing, or its hash differs from the manifest."""


class BackupError(PaperError):
    """A backup is damaged, can't be taken now, or can't be restored into this stack."""


class NothingCompared(PaperError):
    """A proof found nothing that it could compare; that is neither a success nor a difference."""

    exit_code = 2


class OtherResults(PaperError):
    """A pipeline gave other results than its strategies have seen; the message names the first."""


class NotAtRest(PaperError):
    """Records are being written that a proof would have to compare; the message names their partitions."""

    exit_code = 2


class PeerError(PaperError):
    """A peer engine of the benchmark can't be installed, or failed."""


class WorkerIdClash(PaperError):
    """Another living worker has the name of this one; a restart would not help."""

    exit_code = 4


class PipelineError(PaperError):
    """A shard can't continue."""


class RecoveryError(PipelineError):
    """The journal, the snapshot or the inputs of a shard differ from the recorded ones."""


class DamagedSnapshot(RecoveryError):
    """A snapshot lacks a chunk, or its checksum is wrong."""


class MissingJournal(RecoveryError):
    """Journal records were removed."""


class MissingInputs(RecoveryError):
    """Input records were removed, whether processed or not."""


class RecreatedTopic(RecoveryError):
    """An input topic was deleted and created again."""


class ContractChanged(PipelineError):
    """The reference data change a contract of which a shard has something open."""


class TooManyFaults(PipelineError):
    """The core failed on more records in a row than are quarantined."""


class DeliveryGap(PipelineError):
    """Records between two batches were skipped."""


class Fenced(PipelineError):
    """Another worker has taken over the shard."""


class LogUnavailable(PipelineError):
    """The broker did not accept or deliver records in time."""


class RecordTooLarge(PipelineError):
    """Kafka will never take a record of this size; the message names its topic and size."""


class SinkError(PaperError):
    """The sink can't continue. Its next start reads the records again that it has not inserted."""
