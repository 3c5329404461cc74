-- Prolongs a lease. ARGV: 5 token, 6 lease in micros, 7.. the record where the caller makes it anew after its loss ('+' seen).
local TOKEN, LEASE = tonumber(ARGV[5]), ARGV[6]
local r, other = claimed(TOKEN, 7)
if not r then return other end
if r.new then
  r.lease = now + LEASE
  write(r, r.listed)
  return {'held', overwritten}
end
if r.status ~= 'processing' or r.token ~= TOKEN then return {'lost', overwritten} end
prolong(r, LEASE)
return {r.cancel == 'true' and 'cancel' or 'held', overwritten}
