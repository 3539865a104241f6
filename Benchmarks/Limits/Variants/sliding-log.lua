-- Exact: the time of every request of the last period. Memory and work grow with the limit.
-- KEYS[1] the source; ARGV: average, period in microseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local average, period = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - period)
local count = redis.call('ZCARD', KEYS[1])
if count >= average then return {2, 0} end
redis.call('ZADD', KEYS[1], now, now .. ':' .. count)
redis.call('PEXPIRE', KEYS[1], math.ceil(period / 1000))
return {0, average - count - 1}
