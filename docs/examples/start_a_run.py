#!/usr/bin/env python3
"""Start a run by its workflow type's name, wait for it and print its answer.

    pip install temporalio
    python start_a_run.py "How many lines of app.log are errors?" app.log

Temporal is found in its usual way: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the other
variables, or a profile; otherwise localhost:7233, where `starter dev` runs its own.
"""

import asyncio
import base64
import os
import sys
import uuid
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowFailureError
from temporalio.envconfig import ClientConfig


def inline(path: Path) -> dict[str, str]:
    """A file inside the input: all of them together may have 256 KiB."""
    return {"path": path.name, "base64": base64.b64encode(path.read_bytes()).decode()}


async def main(task: str, files: list[Path]) -> int:
    connection = ClientConfig.load_client_connect_config()
    connection.setdefault("target_host", "localhost:7233")
    client = await Client.connect(**connection)
    run = await client.start_workflow(
        "Install",
        {"task": task, "files": [inline(f) for f in files]},
        id=f"python-{uuid.uuid4()}",
        task_queue="agentfactory",
        result_type=dict[str, Any],
    )
    print(f"run {run.id}", file=sys.stderr)
    try:
        result = await run.result()
    except WorkflowFailureError as failure:  # failed, cancelled, terminated or timed out
        print(f"{run.id}: {failure.cause}", file=sys.stderr)
        return 1
    usage = result["usage"]["orchestration_output_tokens"]
    print(f"{result['outcome']}, {result['turns']} turns, {usage} tokens", file=sys.stderr)
    print(result["answer"])
    return 0 if result["outcome"] == "completed" else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: start_a_run.py TASK [FILE...]")
    code = asyncio.run(main(sys.argv[1], [Path(f) for f in sys.argv[2:]]))
    sys.stdout.flush()
    os._exit(code)  # skips the interpreter's teardown, where the SDK's threads may crash (temporalio/sdk-python#300)
