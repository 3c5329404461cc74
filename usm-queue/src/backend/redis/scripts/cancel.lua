-- Cancels a waiting job, or asks the worker of a running one to stop. ARGV: 5 request id, 6.. the fallback record.
local REQUEST = 'c' .. ARGV[5]
local r, answer = unfenced(6)
if not r then return answer end
if remembers(r, REQUEST) or end_unclaimed(r, 'cancelled', REQUEST, 'null') then return {'cancelled', overwritten} end
if is_final(r.status) then return {r.status == 'cancelled' and 'was_cancelled' or r.status, overwritten} end
if r.cancel ~= 'true' then
  r.cancel = 'true'
  add_event(r, 'cancel_requested', 'null', 'null')
  write(r)
  redis.call('PUBLISH', PREFIX .. 'usm:cancel', ID)
end
return {'requested', overwritten}
