-- Renews a lease. ARGV: 5 fencing token, 6 lease in microseconds, 7.. the rebuilt record if Redis lost it ('+' seen).
local TOKEN, LEASE = tonumber(ARGV[5]), ARGV[6]
local r, answer = claimed(TOKEN, 7)
if not r then return answer end
if r.new then
  r.lease = now + LEASE
  write(r)
  return {'held', overwritten}
end
if r.status ~= 'processing' or r.token ~= TOKEN then return {'lost', overwritten} end
renew(r, LEASE)
return {r.cancel == 'true' and 'cancel' or 'held', overwritten}
