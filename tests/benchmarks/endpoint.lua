-- What wrk sends: the message of a file, each time with an id of its own and from another person.
-- Arguments: the file, how many people there are, a word that begins the ids.
local template, people, first
local sent, at = 0, 0

function setup(thread)
  at = at + 1
  thread:set("number", at)
end

function init(args)
  local file = assert(io.open(args[1], "r"))
  template = file:read("*a")
  file:close()
  people = tonumber(args[2])
  first = args[3] .. "-" .. number .. "-"
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer " .. args[4]
end

function request()
  sent = sent + 1
  local body = template:gsub("ACTIVITY", first .. sent):gsub("PERSON", sent % people)
  return wrk.format(nil, nil, nil, body)
end

function done(summary, latency, _)
  local faults = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, "failed": %d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    faults.connect + faults.read + faults.write + faults.status + faults.timeout
  ))
end
