-- A sliding window of two counts; see LimitMachine.swift.
-- KEYS[1] the source. ARGV: the gateway's time in microseconds, how much Redis may be behind it and ahead of it,
-- average, period in microseconds. The key holds when the window began, the count before, and its own.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local apart = now - ARGV[1]
if apart < -tonumber(ARGV[2]) or apart > tonumber(ARGV[3]) then return {3, 0, 0, 0, now} end
local average, period = tonumber(ARGV[4]), tonumber(ARGV[5])
local start, before, count = now, 0, 0
local held = redis.call('GET', KEYS[1])
if held then
  local s, b, c = string.match(held, '^(%d+) (%d+) (%d+)$')
  if s then
    start, before, count = tonumber(s), tonumber(b), tonumber(c)
    if start > now then now = start end
    if now - start >= 2 * period then
      start, before, count = now, 0, 0
    elseif now - start >= period then
      start, before, count = start + period, count, 0
    end
  end
end
local left = period - (now - start)
local used = count + math.ceil(before * left / period - 0.000000001)
if used >= average then
  -- How long until one more passes, if nobody else comes.
  local wait
  if count < average then
    wait = left - math.min(left, (average - count - 1) * period / before)
  else
    wait = left + period - math.min(period, (average - 1) * period / count)
  end
  return {2, math.ceil(wait), 0, left + period, now}
end
redis.call('SET', KEYS[1], string.format('%.0f %d %d', start, before, count + 1), 'PX',
  math.ceil((left + period) / 1000) + 1)
return {0, 0, average - used - 1, left + period, now}
