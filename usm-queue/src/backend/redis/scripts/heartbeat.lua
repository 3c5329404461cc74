-- Notes that a worker lives, forgets those that do not, and answers what operators want of queues, as JSON. KEYS:
-- usm:workers, the worker's own, usm:queues. ARGV: the worker's id, what it tells as JSON, the milliseconds it counts for.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[3]), ARGV[1])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, 100)) do
  redis.call('ZREM', KEYS[1], id)
end
return redis.call('GET', KEYS[3]) or ''
