-- Fails a job that nobody runs. ARGV: 5 request id, 6 error (JSON), 7.. the fallback record.
local REQUEST = 'f' .. ARGV[5]
local r, answer = unfenced(7)
if not r then return answer end
local failed = remembers(r, REQUEST) or end_unclaimed(r, 'failed', REQUEST, ARGV[6])
return {failed and 'failed' or 'refused', overwritten}
