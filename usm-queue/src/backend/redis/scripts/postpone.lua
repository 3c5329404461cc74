-- Postpones a waiting job that is due. ARGV: 5 request id, 6 error (JSON), 7 delay in microseconds, 8.. the fallback record.
local REQUEST = 'p' .. ARGV[5]
local r, answer = unfenced(8)
if not r then return answer end
if r.status == 'pending' and not (r.due and r.due > now) and not remembers(r, REQUEST) then
  r.error, r.due = ARGV[6], now + ARGV[7]
  remember(r, REQUEST)
  write(r)
elseif r.new then
  store(r)
end
return {r.status, overwritten}
