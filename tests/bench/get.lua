-- GETs of customers by id, requests built beforehand: wrk -s get.lua URL -- IDS TOKEN
local requests, at = {}, 0

function init(args)
   local token = io.open(args[2]):read("*l")
   local headers = { Authorization = "Bearer " .. token }
   for id in io.lines(args[1]) do
      requests[#requests + 1] = wrk.format("GET", "/api/v1/customers/" .. id, headers)
   end
   math.randomseed(os.time())
   at = math.random(#requests)
end

function request()
   at = at % #requests + 1
   return requests[at]
end
