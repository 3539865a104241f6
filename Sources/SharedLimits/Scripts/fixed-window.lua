-- A fixed window that begins with a source's first request; see LimitMachine.swift.
-- KEYS[1] the source. ARGV: the gateway's time in microseconds, how much Redis may be behind it and ahead of it,
-- average, period in microseconds. The key holds when the window began and its count.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local apart = now - ARGV[1]
if apart < -tonumber(ARGV[2]) or apart > tonumber(ARGV[3]) then return {3, 0, 0, 0, now} end
local average, period = tonumber(ARGV[4]), tonumber(ARGV[5])
local start, count = now, 0
local held = redis.call('GET', KEYS[1])
if held then
  local s, c = string.match(held, '^(%d+) (%d+)$')
  if s and now - s < period then start, count = tonumber(s), tonumber(c) end
  if start > now then now = start end
end
local left = period - (now - start)
if count >= average then return {2, left, 0, left, now} end
redis.call('SET', KEYS[1], string.format('%.0f %d', start, count + 1), 'PX', math.ceil(left / 1000) + 1)
return {0, 0, average - count - 1, left, now}
