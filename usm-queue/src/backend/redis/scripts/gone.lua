-- Removes those of some ids from lists that have no record. KEYS: the lists. ARGV: the ids.
local prefix = string.match(KEYS[1], '^(.-)usm:jobs')
local gone = {}
for _, id in ipairs(ARGV) do
  if redis.call('EXISTS', prefix .. 'job:' .. id) == 0 then gone[#gone + 1] = id end
end
if #gone == 0 then return 0 end
for _, list in ipairs(KEYS) do redis.call('ZREM', list, unpack(gone)) end
return #gone
