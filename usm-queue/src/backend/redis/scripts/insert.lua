-- Stores a record that `insert_new.lua` cannot. A known job is left as it is; the answer tells its status, whether its message is
-- confirmed (1), and its payload's digest. ARGV: 5 '1' to mark the job as unconfirmed, 6.. the record.
local r = stored()
if r then
  return {'known', r.status, redis.call('ZSCORE', UNCONFIRMED, ID) and '0' or '1', r.digest, overwritten}
end
local start = redis.pcall('GETRANGE', JOB, 0, 0)
if type(start) == 'table' then
  overwritten = JOB
  start = ''
end
-- Another service wrote the record; its message is still to come.
if start ~= '' then return {'known', 'pending', '0', '', overwritten} end
r = fallback_record(6)
if ARGV[5] == '1' then redis.call('ZADD', UNCONFIRMED, now, ID) end
redis.call('PUBLISH', PREFIX .. 'usm:changed:' .. ID, store(r))
return {'new', '', '', '', overwritten}
