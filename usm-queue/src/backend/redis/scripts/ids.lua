-- Reads the first ids behind a position from each of these lists. KEYS: the lists. ARGV: '1' for the oldest first, the least and the
-- greatest score, score and id of the position (both empty for none), how many of each list. Answers ids and scores in turn.
local OLDEST, FROM, TO, SCORE, POSITION, WANT = ARGV[1] == '1', ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
local found = {}
for _, list in ipairs(KEYS) do
  local taken, skipped, part = 0, 0, nil
  repeat
    if OLDEST then
      part = redis.call('ZRANGE', list, FROM, TO, 'BYSCORE', 'LIMIT', skipped, WANT, 'WITHSCORES')
    else
      part = redis.call('ZRANGE', list, TO, FROM, 'BYSCORE', 'REV', 'LIMIT', skipped, WANT, 'WITHSCORES')
    end
    for at = 1, #part, 2 do
      local id, score = part[at], part[at + 1]
      -- Of those that were made in the same moment some come before the position.
      local behind = tonumber(score) ~= SCORE or (OLDEST and id > POSITION) or (not OLDEST and id < POSITION)
      if behind and taken < WANT then
        found[#found + 1] = id
        found[#found + 1] = score
        taken = taken + 1
      end
    end
    skipped = skipped + WANT
  until taken >= WANT or #part < 2 * WANT
  -- There are as many up to here: of the other lists nothing behind it is asked for.
  if taken >= WANT and OLDEST then TO = found[#found] end
  if taken >= WANT and not OLDEST then FROM = found[#found] end
end
return found
