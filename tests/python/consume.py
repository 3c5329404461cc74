"""Works jobs as a service written after the guide does: python consume.py AMQP_URL REDIS_URL QUEUE COUNT

Prints `consuming`, then for each message one line of JSON: its body, its properties and its headers; then ends. The job
record of each is read and written by the guide's schema on the way.
"""

import asyncio
import json
import sys
from datetime import datetime

import aio_pika
import redis.asyncio as redis

import guide


async def update(store, job_id, **changes):
    record = guide.check_record(await store.get(f"job:{job_id}"))
    record.update(changes, updated_at=datetime.utcnow().isoformat())
    await store.set(f"job:{job_id}", json.dumps(record), ex=3600)


async def main(amqp_url, redis_url, queue_name, count):
    store = redis.from_url(redis_url, decode_responses=True)
    connection = await aio_pika.connect_robust(amqp_url, timeout=30, heartbeat=60)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=1)
        _, queues = await guide.declare(channel)
        print("consuming", flush=True)
        left = int(count)
        async with queues[queue_name].iterator() as messages:
            async for message in messages:
                async with message.process():
                    body = json.loads(message.body.decode("utf-8"))
                    job_id = body["job_id"]
                    await update(store, job_id, status="processing")
                    seen = {
                        "body": body,
                        "routing_key": message.routing_key,
                        "message_id": message.message_id,
                        "correlation_id": message.correlation_id,
                        "priority": message.priority,
                        "delivery_mode": int(message.delivery_mode),
                        "content_type": message.content_type,
                        "content_encoding": message.content_encoding,
                        "timestamp": message.timestamp.isoformat(),
                    }
                    result = {"worked_by": "python"}
                    await update(store, job_id, status="completed", result=result)
                    print(json.dumps(seen), flush=True)
                left -= 1
                if left == 0:
                    break
    await store.aclose()


asyncio.run(main(*sys.argv[1:]))
