-- Removes the record of a job that is still unconfirmed and that nobody has claimed; its mark goes in any case.
if redis.call('ZREM', UNCONFIRMED, ID) == 0 then return 0 end
local r = stored()
if not r or r.status ~= 'pending' or r.version > 1 then return 0 end
-- What another service calls so must not wait for ever in its view.
if alias_of(r) then
  r.status, r.finished, r.updated, r.error = 'failed', now, now, '"it was not accepted by the broker"'
  put_alias(r, KEEP_ENDED)
end
-- The lists are swept.
redis.call('DEL', JOB, STATE, POINTER)
return 1
