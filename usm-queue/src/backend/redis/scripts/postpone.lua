-- Puts a waiting job off that is due. ARGV: 5 request, 6 error (JSON), 7 delay in micros, 8.. the record where the caller gives it.
local REQUEST = 'p' .. ARGV[5]
local r, other = unfenced(8)
if not r then return other end
local before = r.listed
if not r.new then before = r.status end
if r.status == 'pending' and not (r.due and r.due > now) and not remembers(r, REQUEST) then
  r.error, r.due = ARGV[6], now + ARGV[7]
  remember(r, REQUEST)
  write(r, before)
elseif r.new then
  put(r, before)
end
return {r.status, overwritten}
