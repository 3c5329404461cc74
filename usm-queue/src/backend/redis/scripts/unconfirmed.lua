-- Finds jobs that have been unconfirmed for longer than an age, the oldest first. KEYS: usm:unconfirmed. ARGV: the age in
-- microseconds, how many ids at most.
local clock = redis.call('TIME')
local before = string.format('%.0f', clock[1] * 1000000 + clock[2] - ARGV[1])
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', before, 'LIMIT', 0, ARGV[2])
