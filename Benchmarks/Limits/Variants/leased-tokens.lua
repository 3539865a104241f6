-- A gateway takes many tokens at once and decides by itself until they are used. What it does not use is lost.
-- KEYS[1] the source; ARGV: average, period in microseconds, burst, tokens wanted.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local rate, burst, wanted = ARGV[1] / ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local tokens, since = burst, now
local held = redis.call('GET', KEYS[1])
if held then
  local t, s = string.match(held, '^([%d.]+) (%d+)$')
  if t then tokens, since = tonumber(t), tonumber(s) end
end
tokens = math.min(burst, tokens + (now - since) * rate)
local given = math.min(wanted, math.floor(tokens))
redis.call('SET', KEYS[1], string.format('%.6f %.0f', tokens - given, now), 'PX', math.ceil(burst / rate / 1000) + 1)
return {given, math.floor(tokens - given)}
