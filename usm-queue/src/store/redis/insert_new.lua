-- Stores the record of a new job as most are: waiting, and due at once. 0, and nothing is done, where one of its keys is there
-- already: then `insert.lua` looks closer. Called as often as `claim.lua`, it does without what `record.lua` prepares.
-- KEYS: job:{id}, usm:job:{id}, usm:unconfirmed, the lists it goes on, those that go after their records last. ARGV: id,
-- milliseconds to keep it, milliseconds to keep those lists, time of creation, its JSON, the record as `keep_state` leaves it, the
-- channel.
local ID, KEEP, KEEP_LISTS, CREATED, TEXT, PACKED, CHANGED = unpack(ARGV)
if not redis.call('SET', KEYS[2], PACKED, 'PX', KEEP, 'NX') then return 0 end
if not redis.call('SET', KEYS[1], TEXT, 'PX', KEEP, 'NX') then
  redis.call('DEL', KEYS[2])
  return 0
end
local clock = redis.call('TIME')
redis.call('ZADD', KEYS[3], clock[1] * 1000000 + clock[2], ID)
for list = 4, #KEYS do
  redis.call('ZADD', KEYS[list], CREATED, ID)
  -- Behind the lists by state and of all.
  if list > 5 then redis.call('PEXPIRE', KEYS[list], KEEP_LISTS) end
end
redis.call('PUBLISH', CHANGED, TEXT)
return 1
