#!/usr/bin/env python3
"""Create a schedule that repairs the skill with the oldest open failure every night.

    pip install temporalio
    python create_a_schedule.py nightly-care "0 3 * * *"

Temporal is found in its usual way: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and the other
variables, or a profile; otherwise localhost:7233, where `starter dev` runs its own.
"""

import asyncio
import os
import sys
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.envconfig import ClientConfig


async def main(name: str, cron: str) -> int:
    connection = ClientConfig.load_client_connect_config()
    connection.setdefault("target_host", "localhost:7233")
    client = await Client.connect(**connection)
    schedule = Schedule(
        action=ScheduleActionStartWorkflow("SelfEvolve", {}, id=name, task_queue="agentfactory"),
        spec=ScheduleSpec(cron_expressions=[cron], time_zone_name="Europe/Berlin"),
        # Say both: the server's own window would make up for what was missed in the last 365 days.
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=10)),
    )
    try:
        handle = await client.create_schedule(name, schedule)
    except ScheduleAlreadyRunningError:
        print(f"there is a schedule {name} already", file=sys.stderr)
        return 1
    description = await handle.describe()
    print(f"{name}: next at {description.info.next_action_times[0]:%Y-%m-%d %H:%M} UTC")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: create_a_schedule.py NAME CRON")
    code = asyncio.run(main(sys.argv[1], sys.argv[2]))
    sys.stdout.flush()
    os._exit(code)  # skips the interpreter's teardown, where the SDK's threads may crash (temporalio/sdk-python#300)
