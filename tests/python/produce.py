"""Publishes one job as a service written after the guide does: python produce.py AMQP_URL REDIS_URL JOB

JOB is JSON: routing_key, priority, job_type, user_id, fields; with "record": false it leaves the job record out. Prints
the job's id.
"""

import asyncio
import json
import sys
import uuid
from datetime import datetime

import aio_pika
import redis.asyncio as redis

import guide


async def main(amqp_url, redis_url, job):
    job = json.loads(job)
    job_id = str(uuid.uuid4())
    store = redis.from_url(redis_url, decode_responses=True)
    if job.get("record", True):
        record = guide.new_record(job_id, job["user_id"], job["job_type"], {"from": "python"})
        await store.set(f"job:{job_id}", json.dumps(record), ex=3600)
    connection = await aio_pika.connect_robust(amqp_url, timeout=30, heartbeat=60)
    async with connection:
        channel = await connection.channel()
        exchange, _ = await guide.declare(channel)
        body = {
            "job_id": job_id,
            "user_id": job["user_id"],
            **job["fields"],
            "created_at": datetime.utcnow().isoformat(),
        }
        await exchange.publish(
            guide.message(job["routing_key"], body, job["priority"]), routing_key=job["routing_key"]
        )
    await store.aclose()
    print(job_id)


asyncio.run(main(*sys.argv[1:]))
