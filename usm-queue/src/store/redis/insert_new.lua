-- Stores the record of a new job as most are: waiting, and due at once. 0, and nothing is done, where one of its keys is there
-- already: then `insert.lua` looks closer. Called as often as `claim.lua`, it does without what `record.lua` prepares.
-- KEYS: job:{id}, usm:job:{id}, the lists it goes on, those that go after their records last. ARGV: id, milliseconds to keep it,
-- milliseconds to keep those lists, time of creation, its JSON, and the record as `keep_state` leaves it.
local ID, KEEP, KEEP_LISTS, CREATED, TEXT, PACKED = unpack(ARGV)
if not redis.call('SET', KEYS[2], PACKED, 'PX', KEEP, 'NX') then return 0 end
if not redis.call('SET', KEYS[1], TEXT, 'PX', KEEP, 'NX') then
  redis.call('DEL', KEYS[2])
  return 0
end
for list = 3, #KEYS do
  redis.call('ZADD', KEYS[list], CREATED, ID)
  -- Behind the lists by state and of all.
  if list > 4 then redis.call('PEXPIRE', KEYS[list], KEEP_LISTS) end
end
redis.call('PUBLISH', 'usm:changed:' .. ID, TEXT)
return 1
