-- Reads a page of the jobs that are on all of these lists, newest first. Removes ids without a record. KEYS: the lists. ARGV: which
-- of them to read (0 in the first call: the shortest), the last id read, the rank after it, how many ids to read, how many records
-- to answer. Answers: the list read, how many ids were read, the last of them, the rank after it, ids found, their records.
local chosen, last, rank, look, want = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if chosen == 0 then
  local fewest
  for index, list in ipairs(KEYS) do
    local ids = redis.call('ZCARD', list)
    if not fewest or ids < fewest then chosen, fewest = index, ids end
  end
end
local list = KEYS[chosen]
-- The rank may have changed meanwhile; that of the last id read is exact.
local at = last ~= '' and redis.call('ZREVRANK', list, last)
if at then rank = at + 1 end
local ids = redis.call('ZREVRANGE', list, rank, rank + look - 1)
local prefix = string.match(list, '^(.-)usm:jobs')
local read, found, records, gone = 0, {}, {}, {}
for _, id in ipairs(ids) do
  if #found >= want then break end
  read = read + 1
  local on_all = true
  for other = 1, #KEYS do
    if other ~= chosen and not redis.call('ZSCORE', KEYS[other], id) then
      on_all = false
      break
    end
  end
  if on_all then
    local record = redis.pcall('GET', prefix .. 'job:' .. id)
    if not record then
      gone[#gone + 1] = id
    elseif type(record) == 'string' then
      found[#found + 1] = id
      records[#records + 1] = record
    end
  end
end
if #gone > 0 then redis.call('ZREM', list, unpack(gone)) end
return {chosen, read, ids[read] or '', rank + read - #gone, found, records}
