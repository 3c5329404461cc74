"""Reads a job record as code that expects the guide's schema does: python read_job.py REDIS_URL JOB_ID

Prints one line of JSON: the record and the seconds it will be kept.
"""

import json
import sys

import redis

import guide

store = redis.from_url(sys.argv[1], decode_responses=True)
key = f"job:{sys.argv[2]}"
record = guide.check_record(store.get(key))
print(json.dumps({"record": record, "ttl": store.ttl(key)}))
