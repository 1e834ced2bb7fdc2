#!lua name=claim
-- What a claim is at least, if every claim is a call: phase, receipt, one share popped, receipt kept, outbox entry.
local function open(keys, args)
  redis.call('DEL', keys[1], keys[2], keys[3], keys[4])
  redis.call('HSET', keys[1], 'phase', 'open')
  for n = 1, tonumber(args[1]) do
    redis.call('RPUSH', keys[2], n)
  end
  return redis.status_reply('OK')
end

local function claim(keys, args)
  if redis.call('HGET', keys[1], 'phase') ~= 'open' then
    return redis.error_reply('CLOSED')
  end
  local receipt = redis.call('HGET', keys[3], args[1])
  if receipt then
    return receipt
  end
  local share = redis.call('LPOP', keys[2])
  if not share then
    return redis.error_reply('SOLDOUT')
  end
  redis.call('HSET', keys[3], args[1], share)
  redis.call('XADD', keys[4], '*', 'user', args[1], 'share', share)
  return share
end

redis.register_function('open', open)
redis.register_function('claim', claim)
