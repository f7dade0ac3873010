"""A worker whose account shards fail on some orders: tests start it in place of `paper worker`."""

from streams.cli.app import main
from streams.pipeline.journal.kinds import ACCOUNTS
from tests.pipeline.journal.planted_bug import FaultyShard

if __name__ == "__main__":
    object.__setattr__(ACCOUNTS, "shard", FaultyShard)
    main()
