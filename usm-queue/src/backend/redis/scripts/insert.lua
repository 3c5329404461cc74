-- Stores a record that `insert_new.lua` does not; one whose id is known is left as it is, and told: its status, 1 where its
-- message is confirmed, and what tells its payload. ARGV: 5 '1' to mark it as unconfirmed, 6.. the record.
local r = stored()
if r then
  return {'known', r.status, redis.call('ZSCORE', UNCONFIRMED, ID) and '0' or '1', r.digest, overwritten}
end
local start = redis.pcall('GETRANGE', JOB, 0, 0)
if type(start) == 'table' then
  overwritten = JOB
  start = ''
end
-- Another service made it for a message that is still to come.
if start ~= '' then return {'known', 'pending', '0', '', overwritten} end
r = given(6)
if ARGV[5] == '1' then redis.call('ZADD', UNCONFIRMED, now, ID) end
redis.call('PUBLISH', PREFIX .. 'usm:changed:' .. ID, put(r, nil))
return {'new', '', '', '', overwritten}
