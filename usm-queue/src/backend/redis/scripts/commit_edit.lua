-- Lets a message count that was published under a reserved number. ARGV: 5 the number (empty: the same message), 6 microseconds until
-- the job is due (empty: as it was), 7 the digest of its payload (empty: as it was), 8.. the fallback record.
local GENERATION = tonumber(ARGV[5])
local r, answer = unfenced(8)
if not r then return answer end
local is_taken = GENERATION and GENERATION == generations_of(r)
if is_taken and is_final(r.status) then return {'committed', overwritten} end
-- Kept where the caller of the enqueue chose the id.
if ARGV[7] ~= '' and r.digest ~= '' then r.digest = ARGV[7] end
if is_taken then
  -- A worker was faster.
  store(r)
  return {'committed', overwritten}
end
local refused = not_editable(r)
if refused then return {refused, overwritten} end
if GENERATION then
  if not counts(r, GENERATION) then return {'superseded', overwritten} end
  adopt(r, GENERATION)
end
if ARGV[6] ~= '' then r.due = now + ARGV[6] end
write(r)
return {'committed', overwritten}
