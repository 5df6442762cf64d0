"""Several things that are done for one viewer at the same time."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def run_until_first(*works: Coroutine[Any, Any, object]) -> set[asyncio.Task[object]]:
    """Run all until one of them ends, and cancel the others; returns those that have ended."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return done
