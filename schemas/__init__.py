"""The contracts: one Avro schema for each topic, the codec, the registry, and the models that people write."""

from infra.build.compiled import use_compiled

use_compiled()
