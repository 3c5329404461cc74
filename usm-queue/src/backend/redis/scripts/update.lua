-- Updates a claimed job. ARGV: 5 request id, 6 fencing token, 7 kind, 8 value (JSON), 9 microseconds until the next attempt,
-- 10 how many attempts do not count, 11 progress (JSON or empty), 12 how many partial results are allowed, 13 how many bytes of
-- them, 14.. the rebuilt record if Redis lost it ('+' seen). `applied` comes with the new version.
local REQUEST, TOKEN, KIND, VALUE, PROGRESS = 'u' .. ARGV[5], tonumber(ARGV[6]), ARGV[7], ARGV[8], ARGV[11]
local r, answer = claimed(TOKEN, 14)
if not r then return answer end
if remembers(r, REQUEST) then return {'applied', overwritten, decimal(r.version)} end
if r.status ~= 'processing' or r.token ~= TOKEN then return {'stale', overwritten} end

local partial
if KIND == 'partial' and (r.parts >= tonumber(ARGV[12]) or r.bytes + #VALUE > tonumber(ARGV[13])) then
  return {'full', overwritten}
end
if PROGRESS ~= '' then
  -- Progress that is written with another change has a version of its own, before that.
  if KIND ~= 'progress' then r.version = r.version + 1 end
  r.progress, r.progressed = PROGRESS, KIND == 'progress' and r.version + 1 or r.version
end
remember(r, REQUEST)
if KIND == 'partial' then
  partial = decimal(r.version + 1) .. ' ' .. VALUE
  add_partial(r, partial)
elseif KIND == 'retry_scheduled' or KIND == 'released' then
  add_event(r, KIND, r.worker, VALUE)
  if VALUE ~= 'null' then r.error = VALUE end
  r.status, r.lease, r.attempt = 'pending', nil, r.attempt - ARGV[10]
  r.due = ARGV[9] ~= '' and now + ARGV[9] or nil
  r.crashes, r.alone = 0, nil
elseif KIND ~= 'progress' then
  local error = 'null'
  if KIND == 'completed' then
    r.result, r.error = VALUE, 'null'
  elseif KIND == 'failed' then
    r.error, error = VALUE, VALUE
  end
  add_event(r, KIND, r.worker, error)
  r.status, r.lease, r.finished = KIND, nil, now
end
write(r, partial)
return {'applied', overwritten, decimal(r.version)}
