"""The proof that a record on one of the pipeline's own topics comes from one of its shards, in its place.

Without KAFKA_SECURITY anybody can write anywhere. So each record that a shard writes for another, and each journal
record and snapshot, carries a header: a MAC of topic, partition, key, value and place under the pipeline's key. The
place (shard, transaction, number of the record in it) rises from record to record of a shard, so that a copy of a
genuine record is found out too. With KAFKA_SECURITY=scram the broker's ACLs do all this, and there is no key.
"""

import logging
from collections.abc import Generator, Iterable
from hashlib import blake2b
from struct import Struct
from typing import Any, Final

from infra.kafka.pipeline_key import KEY_NAME
from schemas.records.construction import record_of
from schemas.records.output import State
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
LENGTHS: Final = Struct(">HI")
FOREIGN_RECORD: Final = "FOREIGN_RECORD"
NO_PROOF: Final = "it must come from a shard of this pipeline, and carries no proof of that"
WRONG_PROOF: Final = "its proof was not made with this pipeline's key, or for other content"
COPIED: Final = "it is a copy of an earlier record, or out of its order"


class Proof:
    """Makes and checks proofs. key: the pipeline's secret, up to 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._keyed: Any = blake2b(key=key, digest_size=MAC_BYTES)
        self._begun: dict[tuple[str, int], Any] = {}
        """MACs of topic and partition, to be copied and continued."""

    def proven(self, source: bytes, sequence: int, records: list[RawOutput]) -> list[RawOutput]:
        """Returns the records of a shard's transaction, those of own topics with their proofs. source: the shard."""
        return [
            self.proven_at(source, sequence, number, record) if record.topic in OWN_TOPICS else record
            for number, record in enumerate(records)
        ]

    def proven_at(self, source: bytes, sequence: int, number: int, record: RawOutput) -> RawOutput:
        """Returns a record with the proof of its place, if its topic is an own one."""
        topic, partition, key, value, headers = record
        if topic not in OWN_TOPICS:
            return record
        place = PLACE.pack(sequence, number) + source
        header = (PROOF, self.mac(topic, partition, place, key, value) + place)
        proven = (*headers, header) if headers else (header,)
        return record_of(RawOutput, (topic, partition, key, value, proven))

    def is_on(self, record: RawRecord) -> bool:
        """Returns whether a record bears a proof that was made with this key for it."""
        found = _proof_of(record.headers)
        if found is None:
            return False
        place = found[MAC_BYTES:]
        return self.mac(record.topic, record.partition, place, record.key, record.value) == found[:MAC_BYTES]

    def mac(self, topic: str, partition: int, place: bytes, key: bytes | None, value: bytes | None) -> bytes:
        """Returns the MAC of a record at a place: sequence, number and source."""
        begun = self._begun.get((topic, partition))
        if begun is None:
            begun = self._keyed.copy()
            begun.update(f"{topic}\0{partition}\0".encode())
            self._begun[topic, partition] = begun
        mac = begun.copy()
        key = key or b""
        mac.update(LENGTHS.pack(len(place), len(key)) + place + key + (value or b""))
        digest: bytes = mac.digest()
        return digest


class Provenance:
    """The sources of a shard's inputs, with the place of the last record from each.

    proof: None if the broker keeps others from writing, or if the journal has judged the records already.
    """

    def __init__(self, proof: Proof | None = None) -> None:
        self.proof = proof
        self.places: dict[str, dict[bytes, bytes]] = {}
        """By topic and source: the place of the last record, which compares as its numbers do."""

    def verdict(self, record: RawRecord) -> BadRecord | None:
        """Notes the place of a record of an own topic. Returns the reason if it is foreign."""
        topic, partition, _, key, value, _, headers = record
        proof = self.proof
        if not headers and proof is None:
            return None
        found = headers[0][1] if len(headers) == 1 and headers[0][0] == PROOF else _proof_of(headers)
        if found is None or len(found) <= SOURCE_AT:
            return None if proof is None else BadRecord(FOREIGN_RECORD, NO_PROOF)
        place = found[MAC_BYTES:]
        if proof is not None and proof.mac(topic, partition, place, key, value) != found[:MAC_BYTES]:
            return BadRecord(FOREIGN_RECORD, WRONG_PROOF)
        places = self.places.get(topic)
        if places is None:
            places = self.places[topic] = {}
        source = place[PLACE.size :]
        if proof is not None and place <= places.get(source, b""):
            return BadRecord(FOREIGN_RECORD, COPIED)
        places[source] = place
        return None

    def to_state(self) -> State:
        """Returns the places in JSON-able form."""
        return {
            topic: {source.decode("latin-1"): _number(place) for source, place in places.items()}
            for topic, places in self.places.items()
        }

    def load(self, state: State) -> None:
        """Takes places that to_state returned."""
        self.places = {
            topic: {
                source.encode("latin-1"): _place(number, source.encode("latin-1")) for source, number in places.items()
            }
            for topic, places in state.items()
        }


def only_genuine(records: Iterable[RawRecord], proof: Proof) -> Generator[RawRecord, None, None]:
    """Yields the records that bear a proof, and those of earlier versions, which stand before all of them.

    Warns once of others, and names the first.

    Raises RecoveryError if there are proofs, but all of another key.
    """
    genuine = wrong = foreign = 0
    first = ""
    for record in records:
        found = _proof_of(record.headers)
        if proof.is_on(record):
            genuine += 1
            yield record
        elif found is None and not genuine:
            yield record
        else:
            wrong, foreign = wrong + (found is not None), foreign + 1
            first = first or f"{record.place}: {WRONG_PROOF if found else NO_PROOF}"
    if foreign:
        log.warning("%d record(s) are not of this pipeline and are passed over, the first at %s", foreign, first)
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


def _number(place: bytes) -> int:
    """Returns sequence and number of a place as one integer, as snapshots keep them."""
    return int.from_bytes(place[: PLACE.size], "big")


def _place(number: int, source: bytes) -> bytes:
    return number.to_bytes(PLACE.size, "big") + source
