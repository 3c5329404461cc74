"""What services written after the guide agree on: topology, message, job record."""

import json
import uuid
from datetime import datetime, timezone

import aio_pika

TTL_MS = 3_600_000
DEAD_LETTERS = "dlx.ai.tasks"
WORK = {
    "ai.map.generation": ("ai.task.map.#", {"x-max-priority": 10}),
    "ai.wireframe.generation": ("ai.task.wireframe.#", {"x-max-priority": 10}),
    "ai.bulk.improve": ("ai.task.bulk.#", {}),
}


async def declare(channel):
    """Declares everything, as every such service does when it starts; returns the exchange and the queues."""
    exchange = await channel.declare_exchange("ai.tasks", aio_pika.ExchangeType.TOPIC, durable=True)
    dead = await channel.declare_exchange(DEAD_LETTERS, aio_pika.ExchangeType.FANOUT, durable=True)
    failed = await channel.declare_queue("ai.tasks.failed", durable=True, arguments={"x-queue-mode": "lazy"})
    await failed.bind(dead)
    queues = {"ai.tasks.failed": failed}
    for name, (key, more) in WORK.items():
        arguments = {"x-message-ttl": TTL_MS, "x-dead-letter-exchange": DEAD_LETTERS, **more}
        queue = await channel.declare_queue(name, durable=True, arguments=arguments)
        await queue.bind(exchange, routing_key=key)
        queues[name] = queue
    return exchange, queues


def message(routing_key, body, priority):
    """A message as such a service sends it: all it has to say in the body, nothing in headers."""
    message_id = str(uuid.uuid4())
    now = datetime.utcnow()
    metadata = {
        "message_id": message_id,
        "timestamp": now.isoformat(),
        "producer": "usm-backend",
        "routing_key": routing_key,
    }
    return aio_pika.Message(
        json.dumps({**body, "_metadata": metadata}, ensure_ascii=False).encode("utf-8"),
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        priority=priority,
        message_id=message_id,
        correlation_id=message_id,
        timestamp=now,
        content_type="application/json",
        content_encoding="utf-8",
    )


def new_record(job_id, user_id, job_type, metadata):
    """The job record as such a service writes it when it accepts a job."""
    now = datetime.utcnow().isoformat()
    return {
        "job_id": job_id,
        "user_id": user_id,
        "job_type": job_type,
        "status": "pending",
        "created_at": now,
        "updated_at": now,
        "metadata": metadata,
        "result": None,
        "error": None,
        "progress": None,
    }


STATUSES = {"pending", "processing", "completed", "failed"}


def moment(text):
    """With or without a zone; services after the guide leave it out and mean UTC."""
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)


def check_record(text):
    """Reads a job record as strictly as code can that knows the guide's schema and nothing else."""
    record = json.loads(text)
    for name in ("job_id", "job_type", "status", "created_at", "updated_at"):
        assert isinstance(record[name], str), (name, record)
    uuid.UUID(record["job_id"])
    assert record["status"] in STATUSES, record
    assert record["user_id"] is None or isinstance(record["user_id"], (int, str)), record
    assert isinstance(record["metadata"], dict), record
    created, updated = moment(record["created_at"]), moment(record["updated_at"])
    assert (updated - created).total_seconds() > -1, record
    progress = record.get("progress")
    if progress is not None:
        assert isinstance(progress["current"], int) and isinstance(progress["total"], int), record
        assert isinstance(progress["message"], str), record
    if record["status"] == "failed":
        assert isinstance(record["error"], str) and record["error"], record
    if record["status"] == "completed":
        assert record["result"] is not None, record
    return record
