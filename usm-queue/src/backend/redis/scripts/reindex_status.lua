-- Puts ids that another service gave a new state, without our scripts, on the list of that state. KEYS: a list by state that
-- has not ended. ARGV: its state, first and last rank. Answers how many ids the list has, and how many were moved.
local list, listed = KEYS[1], ARGV[1]
local prefix = string.match(list, '^(.-)usm:jobs')
local states = {pending = 1, processing = 1, completed = 1, failed = 1, cancelled = 1}
local ids, moved = redis.call('ZRANGE', list, ARGV[2], ARGV[3], 'WITHSCORES'), 0
for index = 1, #ids, 2 do
  local id, key = ids[index], prefix .. 'job:' .. ids[index]
  -- Ours begin with it; nothing there is left to sweeping.
  local start = redis.pcall('GETRANGE', key, 0, 60)
  if type(start) == 'string' and start ~= '' then
    local state = string.match(start, '^{"version":%d+,"status":"(%a+)"')
    if not state then
      local read, record = pcall(cjson.decode, redis.call('GET', key))
      if read and type(record) == 'table' then state = record.status end
    end
    if state ~= listed and states[state] then
      redis.call('ZREM', list, id)
      redis.call('ZADD', prefix .. 'usm:jobs:status:' .. state, ids[index + 1], id)
      moved = moved + 1
    end
  end
end
return {redis.call('ZCARD', list), moved}
