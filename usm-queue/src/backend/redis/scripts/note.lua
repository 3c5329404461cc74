-- Stores or removes a note. KEYS: the note, the set of all notes' names. ARGV: its name, what is expected ('any', 'absent' or a
-- version), the value as JSON ('' removes it), milliseconds to live ('' for ever). A note is its version, a space, and JSON.
-- Answers the new version; '' if the expectation is not met; for a removal '1' or ''.
local key, names, name, expect, value, ttl = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local text = redis.call('GET', key)
local known = text and string.match(text, '^%d+')
if (expect == 'absent' and known) or (tonumber(expect) and known ~= expect) then return '' end
if value == '' then
  redis.call('ZREM', names, name)
  return redis.call('DEL', key) == 1 and '1' or ''
end
-- Of one that was removed or has expired nobody may take a later one for it.
local clock = redis.call('TIME')
local version = string.format('%.0f', math.max(clock[1] * 1000000 + clock[2], (tonumber(known) or 0) + 1))
if ttl == '' then
  redis.call('SET', key, version .. ' ' .. value)
else
  redis.call('SET', key, version .. ' ' .. value, 'PX', ttl)
end
redis.call('ZADD', names, 0, name)
return version
