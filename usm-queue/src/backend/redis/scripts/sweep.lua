-- Removes ids of expired records from lists: samples a few ids at random, and goes on while a quarter of them have expired, as
-- Redis itself does with expired keys. KEYS: the lists. Answers how many were removed.
local gone = 0
for _, list in ipairs(KEYS) do
  local prefix = string.match(list, '^(.-)usm:jobs')
  for round = 1, 16 do
    -- Usually none has expired, and a small sample is enough to see that.
    local ids = redis.call('ZRANDMEMBER', list, round == 1 and 5 or 20)
    local dead = {}
    for _, id in ipairs(ids) do
      if redis.call('EXISTS', prefix .. 'job:' .. id) == 0 then dead[#dead + 1] = id end
    end
    if #dead > 0 then redis.call('ZREM', list, unpack(dead)) end
    gone = gone + #dead
    if #dead * 4 < #ids or #dead == 0 then break end
  end
end
return gone
