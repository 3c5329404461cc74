-- Stores a record that `insert_new.lua` does not; one whose id is known is left as it is. ARGV: 5.. the record.
if not stored() then
  local start = redis.pcall('GETRANGE', JOB, 0, 0)
  if type(start) == 'table' then
    overwritten = JOB
    start = ''
  end
  if start == '' then
    local r = given(5)
    redis.call('PUBLISH', 'usm:changed:' .. ID, put(r, nil))
  end
end
return {'inserted', overwritten}
