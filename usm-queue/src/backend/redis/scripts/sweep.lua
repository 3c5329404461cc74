-- Takes ids of expired records out of lists: looks at a few at random, and on while a quarter of them is gone, as Redis
-- itself does with expired keys. KEYS: the lists.
local gone = 0
for _, list in ipairs(KEYS) do
  local prefix = string.match(list, '^(.-)usm:jobs')
  for round = 1, 16 do
    -- Mostly none is gone, which a few tell.
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
