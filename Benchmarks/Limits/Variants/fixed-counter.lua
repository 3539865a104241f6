-- The least a shared limit can be: a counter that goes with its window. Twice the limit passes around a window's end.
-- KEYS[1] the source; ARGV: average, period in milliseconds.
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if count > tonumber(ARGV[1]) then return {2, redis.call('PTTL', KEYS[1])} end
return {0, tonumber(ARGV[1]) - count}
