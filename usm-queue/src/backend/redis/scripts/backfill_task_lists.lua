-- Puts jobs that an earlier version stored on the lists of their tasks. KEYS: the list of all jobs, and the mark that this is done.
-- ARGV: first and last rank. Answers 0 once nothing is left to do.
local all, done = KEYS[1], KEYS[2]
if redis.call('EXISTS', done) == 1 then return 0 end
local prefix = string.match(all, '^(.-)usm:jobs')
local ids = redis.call('ZREVRANGE', all, ARGV[1], ARGV[2], 'WITHSCORES')
for index = 1, #ids, 2 do
  local text = redis.pcall('GET', prefix .. 'job:' .. ids[index])
  local read, record = pcall(cjson.decode, type(text) == 'string' and text or '')
  if read and type(record) == 'table' and type(record.job_type) == 'string' then
    redis.call('ZADD', prefix .. 'usm:jobs:task:' .. record.job_type, ids[index + 1], ids[index])
  end
end
if #ids == 0 then redis.call('SET', done, 1) end
return #ids
