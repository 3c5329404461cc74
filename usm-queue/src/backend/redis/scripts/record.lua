-- The beginning of every script that changes one job: the clock, the record as the scripts keep it, and its JSON in `job:{id}`.
-- KEYS: job:{id}, usm:job:{id}, and job:{alias} if the caller knows the id that another service uses. ARGV: id, keep_ended in ms,
-- keep_unfinished in ms, what the caller has seen (see `unfenced` and `claimed`), then the script's own.
-- Values of users arrive as JSON and are only concatenated: cjson would turn [] into {} and round large integers.
local JOB, STATE, ID, KEEP_ENDED, KEEP_UNFINISHED, SEEN = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
-- What every key begins with.
local PREFIX = string.sub(JOB, 1, #JOB - #ID - 4)
-- The list of partial results. Each entry is the version that it made, a space, and JSON.
local PARTIALS = PREFIX .. 'usm:partials:' .. ID
-- The alias, for callers that only know our id.
local POINTER = STATE .. ':alias'
local UNCONFIRMED = PREFIX .. 'usm:unconfirmed'
-- The layout of `usm:job:{id}`.
local LAYOUT = 1
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local now_text
-- A key that held a value of another type and was overwritten; the caller logs it.
local overwritten = ''

local function decimal(number)
  return string.format('%.0f', number)
end

-- A time in microseconds as JSON.
local function moment(micros)
  if not micros then return 'null' end
  if micros == now and now_text then return now_text end
  local day = math.floor(micros / 86400000000)
  local rest = micros - day * 86400000000
  -- From days to the civil calendar: years begin in March, eras have 400 years.
  local z = day + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  local second = math.floor(rest / 1000000)
  local text = string.format('"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ"', yoe + era * 400 + (month <= 2 and 1 or 0), month,
    doy - math.floor((153 * mp + 2) / 5) + 1, math.floor(second / 3600), math.floor(second / 60) % 60, second % 60,
    rest - second * 1000000)
  if micros == now then now_text = text end
  return text
end

local function is_final(status)
  return status ~= 'pending' and status ~= 'processing'
end

-- Reads a record from the fields in `of`, from `at` on. Missing numbers are ''.
local function record(of, at)
  return {
    status = of[at], attempt = tonumber(of[at + 1]), max_attempts = tonumber(of[at + 2]), token = tonumber(of[at + 3]),
    version = tonumber(of[at + 4]), lease = tonumber(of[at + 5]), due = tonumber(of[at + 6]), worker = of[at + 7],
    error = of[at + 8], progress = of[at + 9], result = of[at + 10], partials = of[at + 11], timeline = of[at + 12],
    cancel = of[at + 13], finished = tonumber(of[at + 14]), fixed = of[at + 15], owner = of[at + 16], created = of[at + 17],
    updated = tonumber(of[at + 18]), requests = of[at + 19] or '',
    -- Milliseconds; 7 days where an earlier version of this library stored the record.
    remember = tonumber(of[at + 20]) or 604800000, digest = of[at + 21] or '',
    crashes = tonumber(of[at + 22]) or 0, alone = tonumber(of[at + 23]),
    -- Entries and bytes of the list. `partials` are those that an earlier version of this library kept in the record itself; such
    -- a record has no count of the list.
    parts = tonumber(of[at + 24]) or redis.call('LLEN', PARTIALS), bytes = tonumber(of[at + 25]) or 0,
    left_out = tonumber(of[at + 26]) or 0, progressed = tonumber(of[at + 27]) or 0,
    -- Queue and task, as they name the lists by state. Nil where an earlier version of this library stored the record; then it is on
    -- a list by status.
    kind = of[at + 28],
    -- Which of the job's messages counts, as `Generations` in Rust writes it. Nil or empty where it was never edited.
    generations = of[at + 29],
  }
end

-- Notes on which lists a record of ours is.
local function listed(r, as)
  r.was, r.was_kind, r.was_due, r.was_attempt, r.was_error = as.status, as.kind, as.due, as.attempt, as.error
  return r
end

-- The record as `keep_state` packed it: MessagePack in one string, which is less work for Redis than a hash.
local function stored()
  local packed = redis.pcall('GET', STATE)
  if not packed then return nil end
  if type(packed) == 'string' then
    local values = {pcall(cmsgpack.unpack, packed)}
    if values[1] and values[2] == LAYOUT then
      local r = record(values, 3)
      return listed(r, r)
    end
  end
  overwritten = STATE
  return nil
end

-- Of an ended job only what later calls compare is kept, and longer than the record: no late message may run the job again.
local function keep_state(r, ttl)
  local packed
  if r.status == 'pending' or r.status == 'processing' then
    packed = cmsgpack.pack(LAYOUT, r.status, r.attempt, r.max_attempts, r.token, r.version, r.lease or '', r.due or '', r.worker,
      r.error, r.progress, r.result, r.partials, r.timeline, r.cancel, r.finished or '', r.fixed, r.owner, r.created, r.updated,
      r.requests, r.remember, r.digest, r.crashes, r.alone or '', r.parts, r.bytes, r.left_out, r.progressed, r.kind, r.generations)
  else
    local edited = r.generations and r.generations ~= ''
    packed = cmsgpack.pack(LAYOUT, r.status, 0, 0, r.token, r.version, '', '', '', '', '', '', '', '', '', '', '', '', '', 0,
      string.sub(r.requests, 1, 17), '', r.digest, unpack(edited and {'', '', '', '', '', '', '', r.generations} or {}))
    ttl = math.max(ttl, r.remember)
  end
  redis.call('SET', STATE, packed, 'PX', decimal(ttl))
end

-- Adds an entry to the list of partial results.
local function add_partial(r, entry)
  r.parts = redis.call('RPUSH', PARTIALS, entry)
  r.bytes = r.bytes + #entry
end

-- The numbers of the message that counts, the greatest that was given away, and up to which none but the current one counts.
local function generations_of(r)
  if not r.generations or r.generations == '' then return 0, 0, 0 end
  local current, reserved, voided = string.match(r.generations, '^(%d+) (%d+) (%d+)$')
  return tonumber(current or 0), tonumber(reserved or 0), tonumber(voided or 0)
end

local function set_generations(r, current, reserved, voided)
  r.generations = reserved > 0 and string.format('%.0f %.0f %.0f', current, reserved, voided) or nil
end

-- Whether a message with this number counts, now or once it arrives.
local function counts(r, generation)
  local current, _, voided = generations_of(r)
  return generation == current or generation > voided
end

-- From now on this message counts, and no other.
local function adopt(r, generation)
  local _, reserved = generations_of(r)
  reserved = math.max(reserved, generation)
  set_generations(r, generation, reserved, reserved)
end

-- Until when a job is nobody's, for who has this message. One that an edit published is due when it arrives.
local function busy_until(r, generation)
  if r.status ~= 'pending' then return r.lease end
  return generation == generations_of(r) and r.due or nil
end

-- The fallback record, in ARGV from `at` on. Version 0 stands for one beyond any that a lost record can have had. When a new job
-- is due is a time on the caller's clock, as its creation is, so only the difference counts.
local function fallback_record(at)
  local r = record(ARGV, at)
  r.new = true
  if r.due and SEEN == '=' then r.due = now + math.max(0, r.due - tonumber(r.created)) end
  if r.version == 0 then r.version = now end
  if SEEN == '+' then
    redis.call('DEL', PARTIALS)
    r.parts, r.bytes = 0, 0
    for index = at + 30, #ARGV do add_partial(r, ARGV[index]) end
  end
  return r
end

-- How a record of ours begins.
local function head(r)
  return '{"version":' .. decimal(r.version) .. ',"status":"' .. r.status .. '"'
end

local function json(r)
  local progressed = r.progressed > 0 and ',"progress_version":' .. decimal(r.progressed) or ''
  local current = generations_of(r)
  local generation = current > 0 and ',"generation":' .. decimal(current) or ''
  local left_out = r.left_out > 0 and ',"timeline_left_out":' .. decimal(r.left_out) or ''
  return head(r) .. ',"partials":' .. decimal(r.parts) .. ',"attempt":' .. r.attempt .. ',"updated_at":' .. moment(r.updated) .. ',"next_attempt_at":' .. moment(r.due)
    .. ',"finished_at":' .. moment(r.finished) .. ',"progress":' .. r.progress .. progressed .. ',"partial_results":[' .. r.partials
    .. '],"result":' .. r.result .. ',"error":' .. r.error .. ',"cancel_requested":' .. r.cancel .. ',"worker":' .. r.worker
    .. ',"lease_until":' .. moment(r.lease) .. ',"timeline":[' .. r.timeline .. ']' .. left_out .. generation .. ',' .. r.fixed .. '}'
end

-- The id that another service uses. In `fixed` it follows our id, which has 36 characters.
local function alias_of(r)
  if string.sub(r.fixed, 48, 57) ~= ',"alias":"' then return nil end
  return string.match(r.fixed, '^([^"\\]*)"', 58) or cjson.decode('{' .. r.fixed .. '}').alias
end

-- Adds the alias to the record. What is kept of an ended job has no `fixed`.
local function set_alias(r, alias)
  if alias and r.fixed ~= '' and not alias_of(r) then
    r.fixed = string.sub(r.fixed, 1, 47) .. ',"alias":' .. cjson.encode(alias) .. string.sub(r.fixed, 48)
  end
end

-- Writes the record under the alias, with the id that the other service uses.
local function put_alias(r, ttl)
  local alias, fixed = alias_of(r), r.fixed
  if not alias then return end
  r.fixed = '"job_id":' .. cjson.encode(alias) .. ',"usm_job_id":"' .. ID .. '"' .. string.sub(fixed, 48)
  redis.call('SET', PREFIX .. 'job:' .. alias, json(r), 'PX', decimal(ttl))
  redis.call('SET', POINTER, alias, 'PX', decimal(ttl))
  r.fixed = fixed
end

-- The record of a job, for a change that needs no lease. Another service may have written `job:{id}` as the guide shows it. That
-- record counts, unless the job has ended or a worker holds it. The answer then is `foreign` and the text, or `unknown` if there is
-- no record at all; the caller makes a fallback record and calls again with it, and with what it has seen: '=' and the text, or
-- '=' alone for none. In the first call that is '-'. Returns the record, or nil and the answer.
local function unfenced(at)
  local r = stored()
  local alias = KEYS[3] and string.sub(KEYS[3], #PREFIX + 5)
  if r then
    set_alias(r, alias)
    if is_final(r.status) or (r.lease and r.lease > now) then return r end
    alias = alias_of(r)
  else
    alias = alias or redis.call('GET', POINTER)
  end
  local place = alias and PREFIX .. 'job:' .. alias or JOB
  if r then
    local ours = head(r)
    local start = redis.pcall('GETRANGE', place, 0, #ours - 1)
    if start == ours or start == '' then return r end
  end
  local raw = redis.pcall('GET', place)
  if type(raw) == 'table' then
    overwritten = place
    raw = false
  end
  -- Another job of ours with the same alias may have written it; then it says nothing about this job.
  local of = raw and string.match(raw, '"usm_job_id": ?"([%x-]+)"')
  if of and of ~= ID then raw = false end
  if r and not raw then return r end
  if SEEN ~= '=' .. (raw or '') then
    return nil, raw and {'foreign', raw} or {'unknown', overwritten}
  end
  local g = fallback_record(at)
  set_alias(g, alias)
  if r then
    listed(g, r)
    g.kind = r.kind or g.kind
    g.generations = r.generations
    g.token = math.max(g.token, r.token)
    g.version = math.max(g.version, r.version)
  end
  return g
end

-- The record of a job that the caller has claimed with this fencing token. If Redis lost it, or was restored to a state before the
-- claim (every later claim has a greater token), the answer is `unknown`, and the caller calls again with the record as it knows
-- it ('+' seen). Returns the record, or nil and the answer.
local function claimed(token, at)
  local r = stored()
  if r and r.token >= token then return r end
  if SEEN ~= '+' then return nil, {'unknown', overwritten} end
  local g = fallback_record(at)
  if r then
    listed(g, r)
    g.kind = r.kind or g.kind
  end
  return g
end

-- Adds an event to the timeline; `worker` and `error` are JSON.
local function add_event(r, event, worker, error)
  local line = '{"at":' .. moment(now) .. ',"event":"' .. event .. '","attempt":' .. r.attempt .. ',"version":' .. decimal(r.version + 1)
  if worker ~= 'null' then line = line .. ',"worker":' .. worker end
  if error ~= 'null' then line = line .. ',"error":' .. error end
  r.timeline = (r.timeline == '' and '' or r.timeline .. ',') .. line .. '}'
end

-- Of a long timeline the first and the last entries are kept, as in Rust. Quotation marks inside JSON strings are escaped, so only
-- an entry begins like this.
local function shorten_timeline(r)
  if #r.timeline < 4096 then return end
  local lines = {}
  for at in string.gmatch(r.timeline, '(){"at":') do lines[#lines + 1] = at end
  if #lines <= 80 then return end
  r.timeline = string.sub(r.timeline, 1, lines[11] - 1) .. string.sub(r.timeline, lines[#lines - 49])
  r.left_out = r.left_out + #lines - 60
end

-- Remembers the id of a request, so that its repetition after a lost answer is recognized. The last few are kept.
local function remember(r, request)
  r.requests = request .. string.sub(r.requests, 1, 51)
end

local function remembers(r, request)
  return string.find(r.requests, request, 1, true) ~= nil
end

local function ttl_of(r)
  if is_final(r.status) then return KEEP_ENDED end
  if not r.due then return KEEP_UNFINISHED end
  return math.max(KEEP_UNFINISHED, math.ceil((r.due - now) / 1000) + KEEP_ENDED)
end

local function state_list(state, kind)
  return PREFIX .. 'usm:jobs:in:' .. state .. ':' .. kind
end

local STATES = {pending = 'waiting', processing = 'running'}

-- The state under which a job is listed.
local function state_of(r)
  if r.status == 'pending' and r.due and r.due > now then return r.attempt > 0 and 'retrying' or 'scheduled' end
  return STATES[r.status] or r.status
end

-- Takes the job off the list of its state.
local function unlist(r)
  if not r.was then return end
  if not r.was_kind then
    redis.call('ZREM', PREFIX .. 'usm:jobs:status:' .. r.was, ID)
  elseif r.was == 'pending' and r.was_due then
    -- Whether it has been moved since it fell due is not known.
    redis.call('ZREM', state_list(r.was_attempt > 0 and 'retrying' or 'scheduled', r.was_kind), ID)
    redis.call('ZREM', state_list('waiting', r.was_kind), ID)
    redis.call('ZREM', PREFIX .. 'usm:jobs:due:' .. r.was_kind, ID)
  else
    redis.call('ZREM', state_list(STATES[r.was] or r.was, r.was_kind), ID)
  end
end

-- The kind of a job that an earlier version stored. Before the task comes only the owner, a number or a string, in which quotation
-- marks are escaped.
local function kind_of_old(r)
  local _, start = string.find(r.fixed, ',"job_type":', 1, true)
  local task = start and string.match(r.fixed, '^"[^"\\]*"', start + 1)
  return '["",' .. (task or cjson.encode(cjson.decode('{' .. r.fixed .. '}').job_type)) .. ']'
end

-- Puts the job on the lists by state, owner and tag, which are sorted by the time of creation.
local function update_lists(r)
  unlist(r)
  local state = state_of(r)
  redis.call('ZADD', state_list(state, r.kind), r.created, ID)
  if state == 'scheduled' or state == 'retrying' then
    redis.call('ZADD', PREFIX .. 'usm:jobs:due:' .. r.kind, decimal(r.due), ID)
  end
  if r.kind ~= r.was_kind then redis.call('ZADD', PREFIX .. 'usm:jobs:kinds', now, r.kind) end
  if r.new then redis.call('ZADD', PREFIX .. 'usm:jobs', r.created, ID) end
  if r.new or is_final(r.status) then
    local lists = {}
    if r.owner ~= '' then lists[1] = PREFIX .. 'usm:jobs:owner:' .. r.owner end
    if string.find(r.fixed, ',"tags":[', 1, true) then
      for _, tag in ipairs(cjson.decode('{' .. r.fixed .. '}').tags or {}) do lists[#lists + 1] = PREFIX .. 'usm:jobs:tag:' .. tag end
    end
    for _, of in ipairs(lists) do
      if r.new then redis.call('ZADD', of, r.created, ID) end
      -- The list of an idle owner or tag expires after its records do.
      redis.call('PEXPIRE', of, decimal(2 * KEEP_UNFINISHED + KEEP_ENDED))
    end
  end
end

-- Stores the record, and updates the lists.
local function store(r)
  local moved = r.new or r.status ~= r.was or r.due ~= r.was_due
  if moved and not r.kind then r.kind = kind_of_old(r) end
  local text, ttl = json(r), ttl_of(r)
  keep_state(r, ttl)
  redis.call('SET', JOB, text, 'PX', decimal(ttl))
  if r.parts > 0 then redis.call('PEXPIRE', PARTIALS, decimal(ttl)) end
  put_alias(r, ttl)
  if moved then update_lists(r) end
  local failed, had_failed = r.error ~= 'null', r.was_error and r.was_error ~= 'null'
  if failed and not had_failed then redis.call('ZADD', PREFIX .. 'usm:jobs:errors', r.created, ID) end
  if had_failed and not failed then redis.call('ZREM', PREFIX .. 'usm:jobs:errors', ID) end
  return text
end

-- Stores a new version and publishes it to watchers, with the new partial result only: they have the earlier ones.
local function write(r, partial)
  r.version = r.version + 1
  r.updated = now
  local text = store(r)
  redis.call('PUBLISH', PREFIX .. 'usm:changed:' .. ID, partial and text .. '\n' .. partial or text)
  return text
end

-- Extends the lease, which makes no new version.
local function renew(r, lease)
  r.lease = now + lease
  return store(r)
end

-- Ends a job that nobody runs; false if somebody runs it or it has ended.
local function end_unclaimed(r, status, request, error)
  if is_final(r.status) or (r.status == 'processing' and r.lease and r.lease > now) then return false end
  -- Its message may wait until the job was due.
  if r.due then r.remember = r.remember + math.max(0, math.ceil((r.due - now) / 1000)) end
  r.status, r.finished, r.lease, r.due = status, now, nil, nil
  r.token = math.max(r.token + 1, now)
  if error ~= 'null' then r.error = error end
  add_event(r, status, 'null', error)
  remember(r, request)
  write(r)
  return true
end

-- Why a job cannot be edited; nil if it can.
local function not_editable(r)
  if redis.call('ZSCORE', UNCONFIRMED, ID) then return 'unconfirmed' end
  if r.status == 'pending' then return r.cancel == 'true' and 'cancelling' or nil end
  return r.status
end
