-- Removes the record of an unconfirmed job that nobody has claimed, and its mark in any case. Answers 1 if the record was removed.
if redis.call('ZREM', UNCONFIRMED, ID) == 0 then return 0 end
local r = stored()
if not r or r.status ~= 'pending' or r.version > 1 then return 0 end
-- To the other service the job must not look as if it waited for ever.
if alias_of(r) then
  r.status, r.finished, r.updated, r.error = 'failed', now, now, '"it was not accepted by the broker"'
  put_alias(r, KEEP_ENDED)
end
-- Its ids on the lists of its owner and tags are left to `sweep.lua`.
unlist(r)
redis.call('ZREM', PREFIX .. 'usm:jobs', ID)
redis.call('DEL', JOB, STATE, POINTER)
return 1
