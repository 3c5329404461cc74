-- Fails a job that nobody runs. ARGV: 5 request id, 6 error (JSON), 7 which of the job's messages the caller has, 8.. the fallback
-- record. `held` and `not_due` come with the microseconds to wait.
local REQUEST, GENERATION = 'f' .. ARGV[5], tonumber(ARGV[7])
local r, answer = unfenced(8)
if not r then return answer end
if remembers(r, REQUEST) then return {'failed', overwritten} end
if is_final(r.status) then return {'final', overwritten, r.status} end
if not counts(r, GENERATION) then return {'superseded', overwritten} end
local busy = busy_until(r, GENERATION)
if busy and busy > now then
  if r.new then store(r) end
  return {r.status == 'pending' and 'not_due' or 'held', overwritten, decimal(busy - now)}
end
adopt(r, GENERATION)
end_unclaimed(r, 'failed', REQUEST, ARGV[6])
return {'failed', overwritten}
