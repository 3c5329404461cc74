-- One page of a list, newest first: ids, and the records that are still there. KEYS: the list. ARGV: first and last rank.
local ids = redis.call('ZREVRANGE', KEYS[1], ARGV[1], ARGV[2])
if #ids == 0 then return {ids, {}} end
local keys = {}
for index, id in ipairs(ids) do keys[index] = 'job:' .. id end
return {ids, redis.call('MGET', unpack(keys))}
