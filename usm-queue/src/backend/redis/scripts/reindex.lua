-- Moves jobs whose status another service changed, without our scripts, to the list of that state. KEYS: lists of unfinished jobs by state,
-- or by status as earlier versions kept them. ARGV: from which rank of the first list on, how many ids to check, where a list counts as
-- one. Answers which list to go on with (from 1; one behind the last when all are done), and from which rank.
local rank, left = tonumber(ARGV[1]), tonumber(ARGV[2])
local states = {pending = 'waiting', processing = 'running', completed = 'completed', failed = 'failed', cancelled = 'cancelled'}
for place, list in ipairs(KEYS) do
  if left <= 0 then return {place, rank} end
  -- `in` and a state and a kind, or `status` and a status.
  local prefix, by, listed, kind = string.match(list, '^(.-)usm:jobs:(%a+):(%a+)(.*)$')
  local ids = redis.call('ZRANGE', list, rank, rank + left - 1, 'WITHSCORES')
  local moved = 0
  for index = 1, #ids, 2 do
    local id, key = ids[index], prefix .. 'job:' .. ids[index]
    -- Our records begin with the status. An id without a record is left to `sweep.lua`.
    local start = redis.pcall('GETRANGE', key, 0, 60)
    if type(start) == 'string' and start ~= '' then
      local status = string.match(start, '^{"version":%d+,"status":"(%a+)"')
      if not status then
        local read, record = pcall(cjson.decode, redis.call('GET', key))
        if read and type(record) == 'table' then status = record.status end
      end
      local name = status
      if by == 'in' then
        name = states[status]
        if name == 'waiting' and (listed == 'scheduled' or listed == 'retrying') then name = listed end
      end
      if states[status] and name ~= listed then
        redis.call('ZREM', list, id)
        redis.call('ZADD', prefix .. 'usm:jobs:' .. by .. ':' .. name .. kind, ids[index + 1], id)
        moved = moved + 1
      end
    end
  end
  local read = #ids / 2
  left = left - read - 1
  -- Ids that were moved away shift the rest to earlier ranks.
  if left <= 0 and read > 0 then return {place, rank + read - moved} end
  rank = 0
end
return {#KEYS + 1, 0}
