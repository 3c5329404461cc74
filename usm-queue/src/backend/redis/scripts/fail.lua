-- Fails a job that nobody runs. ARGV: 5 request, 6 error (JSON), 7.. the record where the caller gives it.
local REQUEST = 'f' .. ARGV[5]
local r, other = unfenced(7)
if not r then return other end
local failed = remembers(r, REQUEST) or end_unclaimed(r, 'failed', REQUEST, ARGV[6])
return {failed and 'failed' or 'refused', overwritten}
