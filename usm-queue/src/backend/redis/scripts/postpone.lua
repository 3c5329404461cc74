-- Postpones a waiting job that is due. ARGV: 5 request id, 6 error (JSON), 7 delay in microseconds, 8 which of the job's messages the
-- caller has, 9.. the fallback record.
local REQUEST, GENERATION = 'p' .. ARGV[5], tonumber(ARGV[8])
local r, answer = unfenced(9)
if not r then return answer end
if not is_final(r.status) and not counts(r, GENERATION) then return {'superseded', overwritten} end
local busy = busy_until(r, GENERATION)
if r.status == 'pending' and not (busy and busy > now) and not remembers(r, REQUEST) then
  adopt(r, GENERATION)
  r.error, r.due = ARGV[6], now + ARGV[7]
  remember(r, REQUEST)
  write(r)
elseif r.new then
  store(r)
end
return {r.status, overwritten}
