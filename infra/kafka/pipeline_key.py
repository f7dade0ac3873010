"""The secret with which a pipeline's shards prove their records where the broker lets anybody write."""

from __future__ import annotations

from hashlib import blake2s

from infra.errors import SettingsError
from infra.kafka.credentials import password_file
from infra.private_files import make_secret
from infra.private_home import private_home
from infra.settings import Settings

KEY_BYTES = 32
KEY_NAME = "pipeline-key"


def pipeline_key(settings: Settings) -> bytes | None:
    """Returns the key of this pipeline; None under KAFKA_SECURITY=scram, where the broker's ACLs do its work.

    It comes from PIPELINE_KEY, or from a file of PAPER_HOME that the first process makes. Pipelines with other prefixes
    have other keys. Raises SettingsError.
    """
    if settings.kafka_security == "scram":
        return None
    secret = settings.pipeline_key or _file_secret(settings)
    return blake2s(settings.topic_prefix.encode(), key=secret.encode()[:KEY_BYTES]).digest()


def _file_secret(settings: Settings) -> str:
    path = password_file(settings, KEY_NAME)
    try:
        private_home(settings)
        return make_secret(path)
    except OSError as error:
        raise SettingsError(
            f"the pipeline's key: {path}: {error.strerror}; make the file readable, or set PIPELINE_KEY to the key of "
            "the pipeline's other processes"
        ) from error
