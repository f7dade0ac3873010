"""Reads the file of public keys: whose signatures the account shards take."""

import tomllib

from pydantic import ValidationError

from infra.settings import Settings
from streams.core.reference.broken_rules import broken_rules
from streams.core.reference.gate_config import GateConfig
from streams.errors import ReferenceDataError


def load_gate(settings: Settings) -> GateConfig:
    """Returns the conditions of live orders; without a file there are no keys, and then nothing can be authorised.

    Raises ReferenceDataError that names the file and the rule that it breaks.
    """
    path, broker = settings.gate_keys, settings.kafka_security
    try:
        keys = tomllib.loads(path.read_text())
        return GateConfig.model_validate(keys | {"run_id": settings.run_id, "authenticated": broker == "scram"})
    except FileNotFoundError:
        return GateConfig(run_id=settings.run_id, authenticated=broker == "scram")
    except OSError as error:
        raise ReferenceDataError(f"{path}: {error.strerror}; set GATE_KEYS_FILE to a file of public keys") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ReferenceDataError(f"{path}: not TOML: {error}; `paper gate keys` writes such a file") from error
    except ValidationError as error:
        raise ReferenceDataError(f"{path}: {broken_rules(error, whole='file')}") from error
