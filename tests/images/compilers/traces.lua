-- Functions that LuaJIT compiles to many traces: each is run by its interpreter
-- first, then compiled, and must give the same.
--   luajit traces.lua [ROUNDS]
local n = tonumber(arg[1] or 1)
local bit, ffi = require("bit"), require("ffi")

local function mandelbrot()
	local inside = 0
	for y = 0, 31 * n do
		for x = 0, 31 do
			local cr, ci, zr, zi, i = x / 16 - 1.5, (y % 32) / 16 - 1, 0, 0, 0
			while i < 50 and zr * zr + zi * zi < 4 do
				zr, zi, i = zr * zr - zi * zi + cr, 2 * zr * zi + ci, i + 1
			end
			if i == 50 then inside = inside + 1 end
		end
	end
	return inside
end

local function sieve()
	local size, composite, count = 8000 * n, {}, 0
	for i = 2, size do
		if not composite[i] then
			count = count + 1
			for j = i * i, size, i do composite[j] = true end
		end
	end
	return count
end

local function hash()
	local h, parts = 0x811c9dc5, {}
	for i = 1, 3000 * n do
		local s = tostring(i * 7) .. "-" .. i % 13
		for k = 1, #s do
			h = bit.bxor(h, s:byte(k))
			h = bit.tobit(h + bit.lshift(h, 1) + bit.lshift(h, 4) + bit.lshift(h, 7) + bit.lshift(h, 8) + bit.lshift(h, 24))
		end
		if i % 500 == 0 then parts[#parts + 1] = bit.tohex(h) end
	end
	return table.concat(parts, ",")
end

-- A loop whose types change all the time has a side trace for each.
local function mixed()
	local values, sum, text = { 1, 2.5, "3", true, false, "x", -7, 1e300, 0 / 0, "0x10" }, 0, 0
	for i = 1, 6000 * n do
		local v = values[i % #values + 1]
		if type(v) == "number" then
			if v == v and v < 100 then sum = sum + v else text = text + 1 end
		elseif type(v) == "string" then
			sum = sum + (tonumber(v) or #v)
		elseif v then
			sum = sum + i % 3
		else
			sum = sum - i % 5
		end
	end
	return sum .. ":" .. text
end

local function sorted()
	local t, x = {}, 12345
	for i = 1, 800 * n do
		x = (x * 1103515245 + 12345) % 2147483648
		t[i] = x
	end
	local calls = 0
	table.sort(t, function(a, b) calls = calls + 1; return a % 1000 < b % 1000 or a % 1000 == b % 1000 and a < b end)
	return t[1] .. "," .. t[#t] .. "," .. calls
end

local function objects()
	local class = {}
	class.__index = class
	function class.new(i) return setmetatable({ v = i, next = false }, class) end
	function class:add(x) self.v = self.v + x; return self end
	local head, total = false, 0
	for i = 1, 2000 * n do
		local o = class.new(i):add(i % 7)
		o.next = i % 10 ~= 0 and head
		head = o
		local p = head
		while p do total = (total + p.v) % 1000003; p = p.next end
	end
	return total
end

local function machine64()
	local a = ffi.new("uint64_t[64]")
	local s = 88172645463325252ULL
	for i = 1, 3000 * n do
		s = bit.bxor(s, bit.lshift(s, 13))
		s = bit.bxor(s, bit.rshift(s, 7))
		s = bit.bxor(s, bit.lshift(s, 17))
		a[i % 64] = a[i % 64] + s * 3ULL - s / 7ULL
	end
	local x = 0ULL
	for i = 0, 63 do x = bit.bxor(x, a[i]) end
	return tostring(x)
end

local function errors()
	local caught, steps = 0, 0
	local co = coroutine.wrap(function() local i = 0; while true do i = i + 1; coroutine.yield(i) end end)
	for i = 1, 1500 * n do
		local ok = pcall(function() if i % 11 == 0 then error("x") end; steps = steps + co() % 17 end)
		if not ok then caught = caught + 1 end
	end
	return caught .. "," .. steps
end

local traces = 0
jit.attach(function(what) if what == "stop" then traces = traces + 1 end end, "trace")
for _, f in ipairs { { "mandelbrot", mandelbrot }, { "sieve", sieve }, { "hash", hash }, { "mixed", mixed },
	{ "sorted", sorted }, { "objects", objects }, { "machine64", machine64 }, { "errors", errors } } do
	jit.off()
	local want = tostring(f[2]())
	jit.on()
	local got = tostring(f[2]())
	jit.flush()
	print(f[1], got)
	if got ~= want then print("compiled", got, "interpreted", want) end
	if tostring(f[2]()) ~= want then print("compiled anew, it differs") end -- other code in the same memory
end
print(jit.status() and traces > 30 and "many traces" or "traces: " .. traces)
