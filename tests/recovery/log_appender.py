"""A process that appends to a log from several threads and prints what was acknowledged, batch by batch.

    python log_appender.py FILE NAME THREADS BATCHES

A record's value says who wrote it: `NAME/thread/batch/place in the batch/size of the batch`, then padding. A
line `NAME/thread/batch` is printed after the batch's future was done. BATCHES is a number a thread; 0 goes on
until killed.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import threading
import time
from pathlib import Path
from uuid import uuid4

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.eventlog.sqlite import SqliteLog


def main(path: Path, name: str, threads: int, batches: int) -> None:
    log = SqliteLog(path, clock=lambda: time.time_ns() // 1_000, new_id=uuid4)

    def work(thread: int) -> None:
        chance = random.Random(f"{name}/{thread}")
        for batch in range(batches) if batches else itertools.count():
            batch_id = f"{name}/{thread}/{batch}"
            size = chance.randint(1, 5)
            records = [
                NewRecord(b"key", f"{batch_id}/{place}/{size} {'x' * chance.randint(0, 900)}".encode())
                for place in range(size)
            ]
            log.append(topics.TOUCHPOINTS, records).result()
            os.write(1, f"{batch_id}\n".encode())

    workers = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    log.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
