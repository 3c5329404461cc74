-- Moves jobs whose status another service changed, without our scripts, to the list of that status. KEYS: the list of an unfinished
-- status. ARGV: that status, first and last rank. Answers how many ids the list has, and how many were moved.
local list, listed = KEYS[1], ARGV[1]
local prefix = string.match(list, '^(.-)usm:jobs')
local statuses = {pending = 1, processing = 1, completed = 1, failed = 1, cancelled = 1}
local ids, moved = redis.call('ZRANGE', list, ARGV[2], ARGV[3], 'WITHSCORES'), 0
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
    if status ~= listed and statuses[status] then
      redis.call('ZREM', list, id)
      redis.call('ZADD', prefix .. 'usm:jobs:status:' .. status, ids[index + 1], id)
      moved = moved + 1
    end
  end
end
return {redis.call('ZCARD', list), moved}
