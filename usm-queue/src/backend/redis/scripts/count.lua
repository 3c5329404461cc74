-- Counts jobs by kind and state, after it has put those that fell due on the list of those that wait. KEYS: the lists by due time, one of
-- each kind. ARGV: how many jobs to move at most. Answers how many more might have been moved, then of each kind how many wait, are
-- scheduled, retrying, running, completed, failed and cancelled, and when the oldest that waits was made.
local left = tonumber(ARGV[1])
local clock = redis.call('TIME')
local now = string.format('%.0f', clock[1] * 1000000 + clock[2])
local answer = {0}
for _, due in ipairs(KEYS) do
  local prefix, kind = string.match(due, '^(.-)usm:jobs:due:(.*)$')
  local function list(state) return prefix .. 'usm:jobs:in:' .. state .. ':' .. kind end
  local ids = left > 0 and redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, left) or {}
  for _, id in ipairs(ids) do
    for _, state in ipairs({'scheduled', 'retrying'}) do
      local created = redis.call('ZSCORE', list(state), id)
      if created then
        redis.call('ZREM', list(state), id)
        redis.call('ZADD', list('waiting'), created, id)
      end
    end
  end
  if #ids > 0 then redis.call('ZREM', due, unpack(ids)) end
  left = left - #ids
  local all = 0
  for _, state in ipairs({'waiting', 'scheduled', 'retrying', 'running', 'completed', 'failed', 'cancelled'}) do
    local jobs = redis.call('ZCARD', list(state))
    answer[#answer + 1], all = jobs, all + jobs
  end
  if all == 0 then
    -- Whoever enqueues jobs of this kind puts it there again every half minute.
    local kinds = prefix .. 'usm:jobs:kinds'
    local told = redis.call('ZSCORE', kinds, kind)
    if told and tonumber(told) < now - 3600000000 then redis.call('ZREM', kinds, kind) end
  end
  answer[#answer + 1] = redis.call('ZRANGE', list('waiting'), 0, 0, 'WITHSCORES')[2] or ''
end
answer[1] = left
return answer
