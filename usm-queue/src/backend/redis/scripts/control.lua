-- Changes what operators want of a queue, and tells workers. KEYS: usm:queues, one JSON object. ARGV: the queue, which field
-- of it ('paused' or 'concurrency'), its value as JSON or '' for none, the channel. A queue that is paused stays paused by
-- whoever was first.
local all = cjson.decode(redis.call('GET', KEYS[1]) or '{}')
local queue = all[ARGV[1]] or {}
if ARGV[3] == '' then
  queue[ARGV[2]] = nil
elseif ARGV[2] ~= 'paused' or not queue.paused then
  queue[ARGV[2]] = cjson.decode(ARGV[3])
end
all[ARGV[1]] = next(queue) and queue or nil
redis.call('SET', KEYS[1], cjson.encode(all))
redis.call('PUBLISH', ARGV[4], '')
return 1
