"""The proof that a record on one of the pipeline's own topics comes from one of its shards, in its place.

Without KAFKA_SECURITY anybody can write anywhere. So each record that a shard writes for another, and each journal
record and snapshot, carries a header: a MAC of topic, partition, key, value and place under the pipeline's key. The
place (shard, transaction, number of the record in it) rises from record to record of a shard, so that a copy of a
genuine record is found out too. With KAFKA_SECURITY=scram the broker's ACLs do all this, and there is no key.
"""

import logging
from collections.abc import Generator, Iterable
from hashlib import blake2s
from hmac import compare_digest
from struct import Struct
from typing import Any, Final

from infra.kafka.pipeline_key import KEY_NAME
from streams.errors import RecoveryError
from streams.pipeline.journal.dead_letters import BadRecord
from streams.pipeline.journal.kinds import OWN_TOPICS
from streams.pipeline.journal.raw_records import Headers, RawOutput, RawRecord

log = logging.getLogger(__name__)

PROOF: Final = "proof"
MAC_BYTES: Final = 8
PLACE: Final = Struct(">QI")
"""Sequence of the transaction, number of the record in it."""
SOURCE_AT: Final = MAC_BYTES + PLACE.size
NUMBER_BITS: Final = 32
FOREIGN_RECORD: Final = "FOREIGN_RECORD"
NO_PROOF: Final = "it must come from a shard of this pipeline, and carries no proof of that"
WRONG_PROOF: Final = "its proof was not made with this pipeline's key, or for other content"
COPIED: Final = "it is a copy of an earlier record, or out of its order"


class Proof:
    """Makes and checks proofs. key: the pipeline's secret, up to 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._keyed: Any = blake2s(key=key, digest_size=MAC_BYTES)

    def proven(self, source: bytes, sequence: int, records: list[RawOutput]) -> list[RawOutput]:
        """Returns the records of a shard's transaction, those of own topics with their proofs. source: the shard."""
        return [self.proven_at(source, sequence, number, record) for number, record in enumerate(records)]

    def proven_at(self, source: bytes, sequence: int, number: int, record: RawOutput) -> RawOutput:
        """Returns a record with the proof of its place, if its topic is an own one."""
        topic, partition, key, value, headers = record
        if topic not in OWN_TOPICS:
            return record
        place = PLACE.pack(sequence, number) + source
        mac = self._mac(place, topic, partition, key or b"", value or b"")
        return RawOutput(topic, partition, key, value, (*headers, (PROOF, mac + place)))

    def is_on(self, record: RawRecord) -> bool:
        """Returns whether a record bears a proof that was made with this key."""
        found = _proof_of(record.headers)
        return found is not None and self.is_of(found, record)

    def is_of(self, proof: bytes, record: RawRecord) -> bool:
        """Returns whether a proof was made with this key for this record."""
        key, value = record.key or b"", record.value or b""
        mac = self._mac(proof[MAC_BYTES:], record.topic, record.partition, key, value)
        return compare_digest(mac, proof[:MAC_BYTES])

    def _mac(self, place: bytes, topic: str, partition: int, key: bytes, value: bytes) -> bytes:
        head = f"{topic}\0{partition}\0{len(place)}\0{len(key)}\0".encode()
        mac = self._keyed.copy()
        mac.update(head + place + key + value)
        digest: bytes = mac.digest()
        return digest


class Provenance:
    """The sources of a shard's inputs, with the place of the last record from each.

    proof: None if the broker keeps others from writing, or if the journal has judged the records already.
    """

    def __init__(self, proof: Proof | None = None) -> None:
        self.proof = proof
        self.places: dict[str, dict[str, int]] = {}
        """By topic and source: sequence and number of the last record, as one integer."""

    def verdict(self, record: RawRecord) -> BadRecord | None:
        """Notes the place of a record of an own topic. Returns the reason if it is foreign."""
        if not record.headers and self.proof is None:
            return None
        found = _proof_of(record.headers)
        if found is None:
            return None if self.proof is None else _foreign(NO_PROOF)
        if self.proof is not None and not self.proof.is_of(found, record):
            return _foreign(WRONG_PROOF)
        sequence, number = PLACE.unpack_from(found, MAC_BYTES)
        source, place = found[SOURCE_AT:].decode("ascii", "replace"), (sequence << NUMBER_BITS) | number
        places = self.places.setdefault(record.topic, {})
        if self.proof is not None and place <= places.get(source, -1):
            return _foreign(COPIED)
        places[source] = place
        return None


def only_genuine(records: Iterable[RawRecord], proof: Proof) -> Generator[RawRecord, None, None]:
    """Yields the records that bear a proof, and those of earlier versions, which stand before all of them.

    Raises RecoveryError if there are proofs, but all of another key.
    """
    genuine = wrong = 0
    for record in records:
        found = _proof_of(record.headers)
        if proof.is_on(record):
            genuine += 1
            yield record
        elif found is None and not genuine:
            yield record
        else:
            wrong += found is not None
            log.warning("%s does not come from this pipeline: %s", record.place, WRONG_PROOF if found else NO_PROOF)
    if wrong and not genuine:
        raise RecoveryError(
            f"{record.topic}-{record.partition} was written with another key: set PIPELINE_KEY, or bring back the file "
            f"{KEY_NAME} in PAPER_HOME/kafka/credentials"
        )


def _proof_of(headers: Headers) -> bytes | None:
    for name, value in headers:
        if name == PROOF and len(value) > SOURCE_AT:
            return value
    return None


def _foreign(why: str) -> BadRecord:
    return BadRecord(FOREIGN_RECORD, why)
