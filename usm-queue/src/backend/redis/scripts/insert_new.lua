-- Stores the record of an ordinary new job: waiting and due at once. If one of its keys exists, nothing is done: the answer is 2 if
-- there is a record of ours, which a worker may have rebuilt from the message, else 0, and `insert.lua` decides. This script is
-- called as often as `claim.lua`, so it does not begin with `record.lua`, to save its work.
-- KEYS: job:{id}, usm:job:{id}, usm:unconfirmed, usm:jobs:kinds, the lists the job goes on, those that expire last. ARGV: id, milliseconds to keep
-- the record, milliseconds to keep the lists that expire, time of creation, the record as JSON, the record as `keep_state` packs
-- it, the channel, '1' to mark the job as unconfirmed, its kind if that may not be known yet.
local ID, KEEP, KEEP_LISTS, CREATED, TEXT, PACKED, CHANGED, MARK, KIND = unpack(ARGV)
if not redis.call('SET', KEYS[2], PACKED, 'PX', KEEP, 'NX') then
  -- A record of ours begins with the number of the layout.
  return redis.pcall('GETRANGE', KEYS[2], 0, 0) == string.sub(PACKED, 1, 1) and 2 or 0
end
if not redis.call('SET', KEYS[1], TEXT, 'PX', KEEP, 'NX') then
  redis.call('DEL', KEYS[2])
  return 0
end
if MARK == '1' then
  local clock = redis.call('TIME')
  redis.call('ZADD', KEYS[3], clock[1] * 1000000 + clock[2], ID)
end
if KIND ~= '' then
  local clock = redis.call('TIME')
  redis.call('ZADD', KEYS[4], clock[1] * 1000000 + clock[2], KIND)
end
for list = 5, #KEYS do
  redis.call('ZADD', KEYS[list], CREATED, ID)
  -- The lists by state and of all jobs, which are first, do not expire.
  if list > 6 then redis.call('PEXPIRE', KEYS[list], KEEP_LISTS) end
end
redis.call('PUBLISH', CHANGED, TEXT)
return 1
