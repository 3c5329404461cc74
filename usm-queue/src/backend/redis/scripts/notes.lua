-- Answers the notes whose names begin with ARGV[1]: name, text, name, text. KEYS: the set of all notes' names. Names of notes that
-- have expired are removed.
local prefix, names = ARGV[1], KEYS[1]
local found = {}
for _, name in ipairs(redis.call('ZRANGE', names, 0, -1)) do
  if string.sub(name, 1, #prefix) == prefix then
    local text = redis.call('GET', string.gsub(names, 'usm:notes$', 'usm:note:') .. name)
    if text then
      found[#found + 1] = name
      found[#found + 1] = text
    else
      redis.call('ZREM', names, name)
    end
  end
end
return found
