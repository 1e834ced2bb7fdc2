-- One stripe of the log of operations: a stream, a head, one line for each node, and a bell; and what the steward notes beside
-- stripe 0.
--
-- Nothing is written after anything was found wrong: Redis does not take back what a function wrote before it failed.
-- Whatever a function is told comes in as an argument; nothing is read from clocks or drawn by chance.

local HEAD, LOG, NODES, BELL = 1, 2, 3, 4
-- Those of who gathers after the server was restarted or replaced.
local CENSUS, GATHERING = 5, 6
-- The keys of what only stewards do.
local LEASE, NOTES = 1, 2

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

-- The head, if nothing can have been lost since the caller spoke to this server, and the log goes on from what the caller has
-- read; otherwise nil and what is wrong. `run` is the server's own name for its present life, `epoch` counts the gatherings.
local function continued(keys, run, epoch, applied, chain)
  local found = redis.call('HMGET', keys[HEAD], 'position', 'chain', 'rules', 'run', 'epoch')
  if found[4] ~= run or found[5] ~= epoch then
    return nil, redis.error_reply('CONVENE this server was restarted or has taken over: nodes must say first what they know')
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

-- node, rules, stamp, run: makes a node known, and begins the log if there is none. The stamp tells this log from all others.
-- Answers stamp and epoch.
local function join(keys, args)
  local found = redis.call('HMGET', keys[HEAD], 'stamp', 'rules', 'epoch')
  local stamp, epoch = found[1], found[3] or '0'
  if not stamp then
    if redis.call('EXISTS', keys[HEAD], keys[LOG]) > 0 then
      return redis.error_reply('DAMAGED there is a part of a log, but not what it began with')
    end
    stamp, epoch = args[3], '1'
    redis.call('HSET', keys[HEAD], 'position', '0', 'chain', stamp, 'stamp', stamp, 'rules', args[2], 'run', args[4], 'epoch', epoch)
  elseif found[2] ~= args[2] then
    return redis.error_reply('OTHERRULES the log is decided by ' .. found[2] .. ', this node decides by ' .. args[2])
  end
  redis.call('HSET', keys[NODES], args[1], '0 0')
  redis.call('HSET', keys[CENSUS], 'node:' .. args[1], '')
  return { stamp, tonumber(epoch) }
end

-- node: it says nothing any more, and knows nothing that others must wait for.
local function leave(keys, args)
  redis.call('HDEL', keys[CENSUS], 'node:' .. args[1])
  return redis.status_reply('OK')
end

-- node, run, epoch, position, window, stamp, rules, whole, seq: after the server was restarted or has taken over, a node says up to where it
-- knows the log. Nobody appends until all nodes have said that, or have not for so many milliseconds, and the log is
-- as long as any of them knows it to be. Answers whether that is so, the epoch, and where the log ends. A log that is gone
-- altogether is begun again by whoever knows the whole of it. A node whose line is gone has it again: `seq` is its latest batch
-- whose place it knows. Had a later one been written before the line went, the log would be trimmed behind what it has read.
local function convene(keys, args)
  local field, run, said = 'node:' .. args[1], args[2], tonumber(args[4])
  local found = redis.call('HMGET', keys[HEAD], 'position', 'chain', 'run', 'epoch')
  local gone = not found[1]
  if gone then
    if args[8] ~= '1' then
      return redis.error_reply('POORER the log is gone; this node knows it up to ' .. args[4] .. ', but not from the beginning')
    end
    redis.call('HSET', keys[HEAD], 'position', '0', 'chain', args[6], 'stamp', args[6], 'rules', args[7], 'run', '', 'epoch', '0')
    found = { '0', args[6], '', '0' }
  end
  local position, chain, epoch = tonumber(found[1]), found[2], tonumber(found[4] or '0')
  redis.call('HSETNX', keys[NODES], args[1], args[9] .. ' 0')
  if found[3] == run and epoch >= tonumber(args[3]) then
    redis.call('HSETNX', keys[CENSUS], field, '')
    return { 1, epoch, position, chain }
  end
  local gathering = run .. '@' .. number(epoch)
  if redis.call('HGET', keys[CENSUS], 'gathering') ~= gathering or gone then
    for _, name in ipairs(redis.call('HKEYS', keys[CENSUS])) do
      redis.call('HSET', keys[CENSUS], name, '')
    end
    -- Where the log is gone, so is who knew it: then the whole time is waited for others.
    redis.call('HSET', keys[CENSUS], 'gathering', gathering, 'epoch', number(epoch), 'wait', gone and '1' or '0')
    redis.call('SET', keys[GATHERING], run, 'PX', args[5])
  end
  redis.call('HSET', keys[CENSUS], field, args[4])
  local all = redis.call('HGETALL', keys[CENSUS])
  local silent, furthest, told, wait = {}, 0, epoch, false
  for at = 1, #all, 2 do
    local name, value = all[at], all[at + 1]
    if name == 'epoch' then
      told = math.max(told, tonumber(value), tonumber(args[3]))
    elseif name == 'wait' then
      wait = value == '1'
    elseif string.sub(name, 1, 5) == 'node:' then
      if value == '' then
        silent[#silent + 1] = name
      else
        furthest = math.max(furthest, tonumber(value))
      end
    end
  end
  redis.call('HSET', keys[CENSUS], 'epoch', number(told))
  local lapsed = redis.call('EXISTS', keys[GATHERING]) == 0
  if position < furthest then
    if lapsed then
      -- Whoever knew more has not put it back: all are asked once more.
      for at = 1, #all, 2 do
        if string.sub(all[at], 1, 5) == 'node:' then
          redis.call('HSET', keys[CENSUS], all[at], '')
        end
      end
      for _, name in ipairs(silent) do
        redis.call('HDEL', keys[CENSUS], name)
      end
      redis.call('HSET', keys[CENSUS], field, args[4])
      redis.call('SET', keys[GATHERING], run, 'PX', args[5])
    end
    return { 0, told, position, chain }
  end
  if (#silent > 0 or wait) and not lapsed then
    return { 0, told, position, chain }
  end
  for _, name in ipairs(silent) do
    redis.call('HDEL', keys[CENSUS], name)
  end
  redis.call('HSET', keys[HEAD], 'run', run, 'epoch', number(told + 1))
  return { 1, told + 1, position, chain }
end

-- run, position, chain, window, then node, seq, batch of each entry: puts entries back that the log has lost, as they were, if they
-- follow its end and nodes are gathering. Answers where the log ends then.
local function restore(keys, args)
  local found = redis.call('HMGET', keys[HEAD], 'position', 'chain', 'epoch')
  local run, position, chain = args[1], tonumber(found[1]), found[2]
  -- Once they have gathered, the epoch is another.
  local gathering = redis.call('HGET', keys[CENSUS], 'gathering') == run .. '@' .. (found[3] or '0')
  if gathering and found[1] == args[2] and chain == args[3] then
    for at = 5, #args, 3 do
      local node, seq, batch = args[at], args[at + 1], args[at + 2]
      position = position + 1
      redis.call('XADD', keys[LOG], id(position), 'p', chain, 'n', node, 's', seq, 'b', batch)
      chain = chained(chain, node, seq, batch)
      if node ~= '' then
        redis.call('HSET', keys[NODES], node, seq .. ' ' .. number(position))
      end
    end
    redis.call('HSET', keys[HEAD], 'position', number(position), 'chain', chain)
    redis.call('SET', keys[GATHERING], run, 'PX', args[4])
  end
  return { position, chain }
end

-- node, seq, rules, applied, chain, limit, batch, run, epoch: appends a batch, once however often it is asked, and answers its position
-- and the entries before it that the node has not applied (at most `limit`).
local function append(keys, args)
  local node, seq, batch = args[1], args[2], args[7]
  local head, wrong = continued(keys, args[8], args[9], args[4], args[5])
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

-- applied, chain, limit, run, epoch: the entries after `applied`.
local function look(keys, args)
  local head, wrong = continued(keys, args[4], args[5], args[1], args[2])
  if not head then
    return wrong
  end
  return redis.call('XRANGE', keys[LOG], id(tonumber(args[1]) + 1), '+', 'COUNT', args[3])
end

-- applied, chain, position, limit, run, epoch: fills the stripe with entries of nobody up to a position that others need, and answers the
-- entries after `applied`. Whatever has arrived meanwhile counts.
local function fill(keys, args)
  local head, wrong = continued(keys, args[5], args[6], args[1], args[2])
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

-- position: drops the entries up to it, which are in the snapshots that are kept, and the lines of nodes that have nothing behind it
-- and are not in the census: they have left, or were not heard of when the others gathered.
local function trim(keys, args)
  local last = tonumber(args[1])
  redis.call('XTRIM', keys[LOG], 'MINID', id(last + 1))
  local lines = redis.call('HGETALL', keys[NODES])
  for at = 1, #lines, 2 do
    local position = tonumber(string.match(lines[at + 1], ' (%d+)$'))
    if position <= last and not redis.call('HGET', keys[CENSUS], 'node:' .. lines[at]) then
      redis.call('HDEL', keys[NODES], lines[at])
    end
  end
  return redis.status_reply('OK')
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

-- node, merged, chains, chunks, sum: a snapshot is complete.
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
  return redis.status_reply('OK')
end

redis.register_function('liveroom_join_VERSION', join)
redis.register_function('liveroom_leave_VERSION', leave)
redis.register_function('liveroom_convene_VERSION', convene)
redis.register_function('liveroom_restore_VERSION', restore)
redis.register_function('liveroom_lease_VERSION', lease)
redis.register_function('liveroom_resign_VERSION', resign)
redis.register_function('liveroom_deliver_VERSION', deliver)
redis.register_function('liveroom_snapshot_VERSION', snapshot)
redis.register_function('liveroom_append_VERSION', append)
redis.register_function('liveroom_fill_VERSION', fill)
redis.register_function('liveroom_trim_VERSION', trim)
redis.register_function { function_name = 'liveroom_look_VERSION', callback = look, flags = { 'no-writes' } }
