-- A token bucket or a leaky bucket; see LimitMachine.swift, whose arithmetic this is in requests instead of units.
-- KEYS[1] the source. ARGV: the gateway's time in microseconds, how much Redis may be behind it and ahead of it,
-- average, period in microseconds, requests that pass at once, requests that may wait beyond, 1 for a leaky bucket.
-- The key holds what the source owes and since when. Nothing is written when the clocks are too far apart.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local apart = now - ARGV[1]
if apart < -tonumber(ARGV[2]) or apart > tonumber(ARGV[3]) then return {3, 0, 0, 0, now} end
local rate = ARGV[4] / ARGV[5]
local free, wait = tonumber(ARGV[6]), tonumber(ARGV[7])
local debt = 0
local held = redis.call('GET', KEYS[1])
if held then
  local owed, since = string.match(held, '^([%d.]+) (%d+)$')
  if owed then
    -- A clock that went back, as after a failover, gives nothing back.
    if tonumber(since) > now then now = tonumber(since) end
    debt = math.max(0, owed - (now - since) * rate)
  end
end
local after = debt + 1
local over = after - free
if over > wait + 0.000001 then
  local missing = over
  if ARGV[8] == '1' then missing = over - wait end
  return {2, math.ceil(missing / rate), 0, math.ceil(debt / rate), now}
end
redis.call('SET', KEYS[1], string.format('%.6f %.0f', after, now), 'PX', math.ceil(after / rate / 1000) + 1)
local room = free
if ARGV[8] == '1' then room = free + wait end
local left = math.max(0, math.floor(room - after + 0.000001))
if over > 0.000001 then return {1, math.ceil(over / rate), left, math.ceil(after / rate), now} end
return {0, 0, left, math.ceil(after / rate), now}
