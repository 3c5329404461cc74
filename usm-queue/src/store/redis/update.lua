-- Changes a claimed job. ARGV: 5 request, 6 token, 7 kind, 8 value (JSON), 9 next attempt in micros, 10 attempts given back,
-- 11 progress (JSON or empty), 12.. the record where the caller makes it anew after its loss ('+' seen).
local REQUEST, KIND, VALUE, PROGRESS = 'u' .. ARGV[5], ARGV[7], ARGV[8], ARGV[11]
local r = stored()
if not r then
  if SEEN ~= '+' then return {'unknown', overwritten} end
  r = given(12)
end
if remembers(r, REQUEST) then return {'applied', overwritten} end
if r.status ~= 'processing' or r.token ~= tonumber(ARGV[6]) then return {'stale', overwritten} end

local before = r.status
if r.new then before = nil end
if PROGRESS ~= '' then r.progress = PROGRESS end
remember(r, REQUEST)
if KIND == 'partial' then
  r.partials = (r.partials == '' and '' or r.partials .. ',') .. VALUE
elseif KIND == 'retry_scheduled' or KIND == 'released' then
  note(r, KIND, r.worker, VALUE)
  if VALUE ~= 'null' then r.error = VALUE end
  r.status, r.lease, r.due, r.attempt = 'pending', nil, tonumber(ARGV[9]), r.attempt - ARGV[10]
  r.crashes, r.alone = 0, nil
elseif KIND ~= 'progress' then
  local error = 'null'
  if KIND == 'completed' then
    r.result = VALUE
  elseif KIND == 'failed' then
    r.error, error = VALUE, VALUE
  end
  note(r, KIND, r.worker, error)
  r.status, r.lease, r.finished = KIND, nil, now
end
write(r, before)
return {'applied', overwritten}
