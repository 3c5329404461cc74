-- Gives a number to a message that is to take the place of a waiting job's. ARGV: 5.. the fallback record. `reserved` comes with the
-- number, the microseconds that the job still waits, and its record.
local r, answer = unfenced(5)
if not r then return answer end
local refused = not_editable(r)
if refused then return {refused, overwritten} end
local current, reserved, voided = generations_of(r)
set_generations(r, current, reserved + 1, voided)
return {'reserved', overwritten, decimal(reserved + 1), decimal(math.max(0, (r.due or now) - now)), store(r)}
