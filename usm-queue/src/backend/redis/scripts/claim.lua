-- Claims a job for a worker. ARGV: 5 request id, 6 worker (JSON), 7 lease in microseconds, 8 for how many microseconds the worker
-- runs no other suspect (empty: a suspect is not claimed), 9 which of the job's messages it has, 10.. the fallback record. `busy`
-- comes with the microseconds to wait.
local REQUEST, WORKER, LEASE, ALONE, GENERATION = ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9])
-- So many crashes in a row make a job a suspect.
local SUSPICIOUS = 2
local r, answer = unfenced(10)
if not r then return answer end

if is_final(r.status) then
  if r.new and r.was then
    -- Another service ended it; our state and lists follow.
    keep_state(r, KEEP_ENDED)
    update_lists(r)
  end
  return {'final', r.status, '', overwritten}
end

if not counts(r, GENERATION) then return {'superseded', '', '', overwritten} end

-- This same call was carried out before and its answer lost. The letter before its id tells the outcome: `r` run, `e` end.
if r.status == 'processing' then
  if remembers(r, 'r' .. REQUEST) then return {'run', decimal(r.token), renew(r, LEASE), ''} end
  if remembers(r, 'e' .. REQUEST) then return {'end', decimal(r.token), renew(r, LEASE), ''} end
end

local busy = busy_until(r, GENERATION)
if busy and busy > now then
  if r.new then store(r) end
  return {'busy', decimal(busy - now), '', overwritten}
end

-- Its worker died. The attempt counts if the job ran alone, which is so if its lease was not renewed after that time.
local died = r.status == 'processing'
local counted = died and r.alone and r.lease and r.lease <= r.alone
local to_end = counted and r.attempt >= r.max_attempts
if died and not to_end and not ALONE and r.crashes + 1 >= SUSPICIOUS and r.cancel ~= 'true' then
  if r.new then store(r) end
  return {'suspect', decimal(r.crashes + 1), '', overwritten}
end

adopt(r, GENERATION)
r.token = math.max(r.token + 1, now)
-- The requests of the previous worker are over: if it repeats one, that is stale.
r.requests = ''
if to_end then
  -- The worker that is to end it may die too; even then no attempt is started.
  r.lease, r.alone = now + LEASE, 2 ^ 53
  remember(r, 'e' .. REQUEST)
  return {'end', decimal(r.token), write(r), overwritten}
end

if died then
  if not counted then r.attempt = math.max(r.attempt - 1, 0) end
  r.crashes, r.alone = r.crashes + 1, ALONE and now + ALONE + LEASE
end
r.status, r.attempt, r.worker, r.lease, r.due, r.progress = 'processing', r.attempt + 1, WORKER, now + LEASE, nil, 'null'
r.progressed = 0
add_event(r, 'started', WORKER, 'null')
shorten_timeline(r)
remember(r, 'r' .. REQUEST)
return {'run', decimal(r.token), write(r), overwritten}
