"""How many files this process may open: each connection is one."""

from __future__ import annotations

import logging
import resource

logger = logging.getLogger(__name__)

OTHERS = 256
"""Files that are no connections: log, store, its temporary files, code."""


def raise_limit(connections: int) -> int:
    """Allow as many as the machine lets this process have. How many of the `connections` there is room for;
    fewer than asked are warned of."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHERS
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, wanted)
    if soft != resource.RLIM_INFINITY and soft < hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            soft = hard
        except (OSError, ValueError):  # the kernel has a limit of its own, which is not told
            logger.debug("the limit of open files stays at %d", soft)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    room = max(soft - OTHERS, soft // 2)
    logger.warning(
        "%d files may be open, so there is room for %d connections of the %d that the setting connections "
        "asks for: raise the limit (LimitNOFILE= of a service, ulimit -n of a shell), or lower the setting",
        soft,
        room,
        connections,
    )
    return room
