-- Prolongs a lease. ARGV: 5 token, 6 lease in micros, 7.. the record where the caller makes it anew after its loss ('+' seen).
local r = stored()
if not r then
  if SEEN ~= '+' then return {'unknown', overwritten} end
  r = given(7)
  r.lease = now + ARGV[6]
  write(r, nil)
  return {'held', overwritten}
end
if r.status ~= 'processing' or r.token ~= tonumber(ARGV[5]) then return {'lost', overwritten} end
prolong(r, ARGV[6])
return {r.cancel == 'true' and 'cancel' or 'held', overwritten}
