"""The contracts between programs: the Avro schema of each topic, the records, the codec and the registry."""

from infra.build.compiled import use_compiled

use_compiled()
