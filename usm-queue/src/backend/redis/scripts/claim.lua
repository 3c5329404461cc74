-- Takes a job for a worker. ARGV: 5 request, 6 worker (JSON), 7 lease in micros, 8 how long a suspect is alone in micros, empty
-- where none is to be taken, 9.. the record where the caller gives it. Busy is answered with the micros to wait.
local REQUEST, WORKER, LEASE, ALONE = ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8])
-- Crashes in a row that make a job a suspect.
local SUSPICIOUS = 2
local r, other = unfenced(9)
if not r then return other end

if is_final(r.status) then
  if r.new and r.listed then
    -- Somebody else ended it; what we keep follows.
    keep_state(r, KEEP_ENDED)
    list(r, r.listed)
  end
  return {'final', r.status, '', overwritten}
end

-- This very call was applied and its answer lost. A request is remembered with what it did: `r` ran, `e` only took to end.
if r.status == 'processing' then
  if remembers(r, 'r' .. REQUEST) then return {'run', decimal(r.token), prolong(r, LEASE), ''} end
  if remembers(r, 'e' .. REQUEST) then return {'end', decimal(r.token), prolong(r, LEASE), ''} end
end

local before = r.listed
if not r.new then before = r.status end
local busy = r.lease
if r.status == 'pending' then busy = r.due end
if busy and busy > now then
  if r.new then put(r, before) end
  return {'busy', decimal(busy - now), '', overwritten}
end

-- Its worker died. The attempt counts when the job was tried alone: then its lease was not renewed since.
local died = r.status == 'processing'
local counted = died and r.alone and r.lease and r.lease <= r.alone
local to_end = counted and r.attempt >= r.max_attempts
if died and not to_end and not ALONE and r.crashes + 1 >= SUSPICIOUS and r.cancel ~= 'true' then
  if r.new then put(r, before) end
  return {'suspect', decimal(r.crashes + 1), '', overwritten}
end

r.token = math.max(r.token + 1, now)
-- With a new holder the calls of the last one are over: repeated, they are stale.
r.requests = ''
if to_end then
  -- Whoever is to end it may die too; nothing is begun again.
  r.lease, r.alone = now + LEASE, 2 ^ 53
  remember(r, 'e' .. REQUEST)
  return {'end', decimal(r.token), write(r, before), overwritten}
end

if died then
  if not counted then r.attempt = math.max(r.attempt - 1, 0) end
  r.crashes, r.alone = r.crashes + 1, ALONE and now + ALONE + LEASE
end
r.status, r.attempt, r.worker, r.lease, r.due, r.progress = 'processing', r.attempt + 1, WORKER, now + LEASE, nil, 'null'
r.progressed = 0
note(r, 'started', WORKER, 'null')
shorten(r)
remember(r, 'r' .. REQUEST)
return {'run', decimal(r.token), write(r, before), overwritten}
