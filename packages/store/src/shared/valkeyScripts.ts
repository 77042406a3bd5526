/** Things to be done as one on the server, in Lua; times are those of the server's clock. */
export const scripts = {
  /** KEYS stream, sequence; ARGV text, nonce, most entries. Ids follow each other without gaps. */
  publish: `
    local id = redis.call('INCR', KEYS[2]) .. '-0'
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], id, 'text', ARGV[1], 'nonce', ARGV[2])
    return id`,

  /** KEYS bucket; ARGV burst, tokens a second. Gives milliseconds to wait. */
  take: `
    local time = redis.call('TIME')
    local now = time[1] * 1000 + time[2] / 1000
    local burst, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
    local known = redis.call('HMGET', KEYS[1], 'tokens', 'at')
    local tokens = math.min(burst, (known[1] or burst) + math.max(0, now - (known[2] or now)) * rate / 1000)
    local wait = 0
    if tokens < 1 then wait = math.ceil((1 - tokens) * 1000 / rate) else tokens = tokens - 1 end
    redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.3f', now))
    redis.call('PEXPIRE', KEYS[1], math.ceil(1000 * burst / rate))
    return wait`,

  /** KEYS counter; ARGV by, limit or nothing, milliseconds to live. Gives the count or nothing. */
  count: `
    local by, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
    local known = redis.call('GET', KEYS[1])
    local count = math.max(0, (known or 0) + by)
    if limit and by > 0 and count > limit then return false end
    -- What is there stays there for the rest of its time: nothing expires while a script runs.
    if known then redis.call('SET', KEYS[1], count, 'KEEPTTL')
    else redis.call('SET', KEYS[1], count, 'PX', ARGV[3]) end
    return count`,

  /** KEYS holders; ARGV holder, amount, limit or nothing, milliseconds to live. Gives the sum or nothing. */
  hold: `
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local amount, limit = tonumber(ARGV[2]), tonumber(ARGV[3])
    local sum = amount
    local all = redis.call('HGETALL', KEYS[1])
    for n = 1, #all, 2 do
      local has, last = string.match(all[n + 1], '^(%d+) (%d+)$')
      if tonumber(last) <= now then redis.call('HDEL', KEYS[1], all[n])
      elseif all[n] ~= ARGV[1] then sum = sum + has end
    end
    if limit and sum > limit then return false end
    if amount == 0 then redis.call('HDEL', KEYS[1], ARGV[1])
    else redis.call('HSET', KEYS[1], ARGV[1], amount .. ' ' .. string.format('%d', now + ARGV[4])) end
    if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
    return sum`,

  /** KEYS registrations of an IMPU, IMPUs of a node; ARGV field, until, IMPU. */
  register: `
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
    redis.call('SADD', KEYS[2], ARGV[3])
    for _, key in ipairs(KEYS) do
      if redis.call('PEXPIRETIME', key) < tonumber(ARGV[2]) then redis.call('PEXPIREAT', key, ARGV[2]) end
    end
    return 1`,
} as const;
