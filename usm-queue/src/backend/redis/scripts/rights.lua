-- Tries every command that the scripts use, without changing anything, and answers the refused ones: for each its name, the key or
-- channel, and the error. It has no KEYS, as Redis would refuse the whole call for one of them. ARGV: a record, its state, a list
-- and a channel, none of which exists.
local record, state, list, channel = unpack(ARGV)
local refused = {}
local function try(name, place, ...)
  local answer = redis.pcall(name, ...)
  if type(answer) == 'table' and answer.err then
    refused[#refused + 1] = name
    refused[#refused + 1] = place or ''
    refused[#refused + 1] = answer.err
  end
end
for _, key in ipairs({record, state}) do
  try('GET', key, key)
  try('GETRANGE', key, key, 0, 0)
  try('EXISTS', key, key)
  try('SET', key, key, '', 'PX', 1, 'XX')
  try('DEL', key, key)
end
try('RPUSH', state, state, '')
try('LLEN', state, state)
try('LRANGE', state, state, 0, 0)
try('PEXPIRE', state, state, 1)
try('DEL', state, state)
try('MGET', record, record)
try('PEXPIRE', list, list, 1)
try('ZADD', list, list, 'XX', 0, '')
try('ZREM', list, list, '')
try('ZCARD', list, list)
try('ZSCORE', list, list, '')
try('ZRANGEBYSCORE', list, list, 0, 0)
try('ZRANGE', list, list, 0, 0)
try('ZREVRANGE', list, list, 0, 0)
try('ZREVRANK', list, list, '')
try('ZRANDMEMBER', list, list, 1)
try('TIME', nil)
try('PUBLISH', channel, channel, '')
return refused
