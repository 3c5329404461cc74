-- Stores the record of a new job as most are: waiting, and due at once. Where one of its keys is there already nothing is done,
-- and the answer is 2 where there is a record of ours, which a worker may have made of the message, and else 0: then `insert.lua`
-- looks closer. Called as often as `claim.lua`, it does without what `record.lua` prepares.
-- KEYS: job:{id}, usm:job:{id}, usm:unconfirmed, the lists it goes on, those that go after their records last. ARGV: id,
-- milliseconds to keep it, milliseconds to keep those lists, time of creation, its JSON, the record as `keep_state` leaves it, the
-- channel, '1' to mark it as unconfirmed.
local ID, KEEP, KEEP_LISTS, CREATED, TEXT, PACKED, CHANGED, MARK = unpack(ARGV)
if not redis.call('SET', KEYS[2], PACKED, 'PX', KEEP, 'NX') then
  -- The layout's number comes first.
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
for list = 4, #KEYS do
  redis.call('ZADD', KEYS[list], CREATED, ID)
  -- Behind the lists by state and of all.
  if list > 5 then redis.call('PEXPIRE', KEYS[list], KEEP_LISTS) end
end
redis.call('PUBLISH', CHANGED, TEXT)
return 1
