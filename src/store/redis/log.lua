-- One stripe of the log of operations: a stream, a head, one line for each node, and a bell; and what the steward notes beside
-- stripe 0.
--
-- Nothing is written after anything was found wrong: Redis does not take back what a function wrote before it failed.
-- Whatever a function is told comes in as an argument; nothing is read from clocks or drawn by chance.

local HEAD, LOG, NODES, BELL = 1, 2, 3, 4
-- The keys of what only stewards do.
local LEASE, NOTES, NOTED_LOG = 1, 2, 3

local function number(n)
  return string.format('%.0f', n)
end

local function id(n)
  return number(n) .. '-0'
end

-- What follows from an entry and everything before it: the same only for the same history.
local function chained(chain, node, seq, batch)
  return redis.sha1hex(chain .. node .. ' ' .. seq .. ' ' .. batch)
end

-- The head, if the log goes on from what the caller has applied; otherwise nil and what is wrong.
local function continued(keys, applied, chain)
  local found = redis.call('HMGET', keys[HEAD], 'position', 'chain', 'rules')
  if not found[1] then
    return nil, redis.error_reply('POORER the log is gone; this node has applied ' .. applied .. ' batches of it')
  end
  local head = { position = tonumber(found[1]), chain = found[2], rules = found[3] }
  local at = tonumber(applied)
  local before = head.chain
  if at < head.position then
    local following = redis.call('XRANGE', keys[LOG], id(at + 1), id(at + 1))
    if not following[1] then
      return nil, redis.error_reply('TRIMMED the batch after ' .. applied .. ' is not kept any more')
    end
    before = following[1][2][2]
  end
  if at > head.position or before ~= chain then
    return nil, redis.error_reply('POORER the log has ' .. number(head.position) .. ' batches and is not the one of which this node has applied ' .. applied)
  end
  return head
end

-- node, rules, stamp: makes a node known, and begins the log if there is none. The stamp tells this log from all others.
local function join(keys, args)
  local found = redis.call('HMGET', keys[HEAD], 'stamp', 'rules')
  local stamp = found[1]
  if not stamp then
    if redis.call('EXISTS', keys[HEAD], keys[LOG]) > 0 then
      return redis.error_reply('DAMAGED there is a part of a log, but not what it began with')
    end
    stamp = args[3]
    redis.call('HSET', keys[HEAD], 'position', '0', 'chain', stamp, 'stamp', stamp, 'rules', args[2])
  elseif found[2] ~= args[2] then
    return redis.error_reply('OTHERRULES the log is decided by ' .. found[2] .. ', this node decides by ' .. args[2])
  end
  redis.call('HSET', keys[NODES], args[1], '0 0')
  return stamp
end

-- node, seq, rules, applied, chain, limit, batch: appends a batch, once however often it is asked, and answers its position
-- and the entries before it that the node has not applied (at most `limit`).
local function append(keys, args)
  local node, seq, batch = args[1], args[2], args[7]
  local head, wrong = continued(keys, args[4], args[5])
  if not head then
    return wrong
  end
  if head.rules ~= args[3] then
    return redis.error_reply('OTHERRULES the log is decided by ' .. head.rules .. ', this node decides by ' .. args[3])
  end
  local latest = redis.call('HGET', keys[NODES], node)
  if not latest then
    return redis.error_reply('STRANGER this node is not known any more')
  end
  local latest_seq, position = string.match(latest, '^(%d+) (%d+)$')
  if latest_seq == seq then
    -- A repeat. It writes what is there, so that waiting for replicas covers it on this connection, too.
    redis.call('HSET', keys[NODES], node, latest)
  elseif tonumber(latest_seq) + 1 == tonumber(seq) then
    position = number(head.position + 1)
    redis.call('XADD', keys[LOG], position .. '-0', 'p', head.chain, 'n', node, 's', seq, 'b', batch)
    redis.call('HSET', keys[HEAD], 'position', position, 'chain', chained(head.chain, node, seq, batch))
    redis.call('HSET', keys[NODES], node, seq .. ' ' .. position)
    redis.call('XADD', keys[BELL], 'MAXLEN', 1, position .. '-0', 'n', node)
  else
    return redis.error_reply('OUTOFTURN batch ' .. seq .. ' does not follow batch ' .. latest_seq .. ' of this node')
  end
  local missing = {}
  if tonumber(position) > tonumber(args[4]) + 1 then
    missing = redis.call('XRANGE', keys[LOG], id(tonumber(args[4]) + 1), id(tonumber(position) - 1), 'COUNT', args[6])
  end
  return { tonumber(position), missing }
end

-- applied, chain, limit: the entries after `applied`.
local function look(keys, args)
  local head, wrong = continued(keys, args[1], args[2])
  if not head then
    return wrong
  end
  return redis.call('XRANGE', keys[LOG], id(tonumber(args[1]) + 1), '+', 'COUNT', args[3])
end

-- applied, chain, position, limit: fills the stripe with entries of nobody up to a position that others need, and answers the
-- entries after `applied`. Whatever has arrived meanwhile counts.
local function fill(keys, args)
  local head, wrong = continued(keys, args[1], args[2])
  if not head then
    return wrong
  end
  local wanted = tonumber(args[3])
  if head.position < wanted then
    while head.position < wanted do
      local position = head.position + 1
      redis.call('XADD', keys[LOG], id(position), 'p', head.chain, 'n', '', 's', '0', 'b', '')
      head.chain = chained(head.chain, '', '0', '')
      head.position = position
    end
    redis.call('HSET', keys[HEAD], 'position', number(head.position), 'chain', head.chain)
  end
  return redis.call('XRANGE', keys[LOG], id(tonumber(args[1]) + 1), '+', 'COUNT', args[4])
end

-- position: drops the entries up to it, which are in the snapshots that are kept.
local function trim(keys, args)
  return redis.call('XTRIM', keys[LOG], 'MINID', id(tonumber(args[1]) + 1))
end

-- node, ms: makes a node the steward for so long, if nobody else is; says whether it is.
local function lease(keys, args)
  local holder = redis.call('GET', keys[LEASE])
  if holder and holder ~= args[1] then
    return 0
  end
  redis.call('SET', keys[LEASE], args[1], 'PX', args[2])
  return 1
end

-- node: gives the stewardship up, if it has it.
local function resign(keys, args)
  if redis.call('GET', keys[LEASE]) == args[1] then
    redis.call('DEL', keys[LEASE])
  end
  return redis.status_reply('OK')
end

local function fenced(keys, node)
  if redis.call('GET', keys[LEASE]) ~= node then
    return redis.error_reply('NOTSTEWARD another node may be the steward by now')
  end
end

-- node, event: notes how far the sink has everything for good. It never goes back.
local function deliver(keys, args)
  local wrong = fenced(keys, args[1])
  if wrong then
    return wrong
  end
  local before = tonumber(redis.call('HGET', keys[NOTES], 'delivered') or '0')
  if tonumber(args[2]) > before then
    redis.call('HSET', keys[NOTES], 'delivered', args[2])
  end
  return redis.status_reply('OK')
end

-- node, merged, chains, chunks, sum, trim: a snapshot is complete. The log is trimmed up to the one before it, whose place in
-- stripe 0 `trim` is, so that a node that is a little behind goes on.
local function snapshot(keys, args)
  local wrong = fenced(keys, args[1])
  if wrong then
    return wrong
  end
  local before = redis.call('HGET', keys[NOTES], 'position')
  if before and tonumber(before) >= tonumber(args[2]) then
    return redis.error_reply('NOTSTEWARD there is a newer snapshot')
  end
  redis.call('HSET', keys[NOTES], 'position', args[2], 'chain', args[3], 'chunks', args[4], 'sum', args[5])
  if before then
    redis.call('XTRIM', keys[NOTED_LOG], 'MINID', id(tonumber(args[6]) + 1))
  end
  return redis.status_reply('OK')
end

redis.register_function('liveroom_join_VERSION', join)
redis.register_function('liveroom_lease_VERSION', lease)
redis.register_function('liveroom_resign_VERSION', resign)
redis.register_function('liveroom_deliver_VERSION', deliver)
redis.register_function('liveroom_snapshot_VERSION', snapshot)
redis.register_function('liveroom_append_VERSION', append)
redis.register_function('liveroom_fill_VERSION', fill)
redis.register_function('liveroom_trim_VERSION', trim)
redis.register_function { function_name = 'liveroom_look_VERSION', callback = look, flags = { 'no-writes' } }
