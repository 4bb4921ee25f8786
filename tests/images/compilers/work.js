// Work that a JavaScript engine compiles at run time, some of it again after
// its assumptions broke. Every line printed depends on every step before it.
//   node work.js [ROUNDS]
const n = Number(process.argv[2] || 1);
let h = 0x811c9dc5;
const mix = (x) => { for (const c of String(x)) h = Math.imul(h ^ c.charCodeAt(0), 16777619) >>> 0; return h.toString(16); };

function sieve(size) {
  const a = new Uint8Array(size);
  let count = 0;
  for (let i = 2; i < size; i++) if (!a[i]) { count++; for (let j = i * i; j < size; j += i) a[j] = 1; }
  return count;
}
function floats(rounds) {
  let x = 0.5, s = 0;
  for (let i = 1; i <= rounds; i++) { x = 3.7 * x * (1 - x); s += Math.sqrt(x) / i - Math.floor(x * 10); }
  return s;
}
class Shape { constructor(w) { this.w = w; } area() { return this.w; } }
class Square extends Shape { area() { return this.w * this.w; } }
class Box extends Square { constructor(w, d) { super(w); this.d = d; } area() { return super.area() * this.d % 1000; } }
function shapes(rounds) {
  let s = 0;
  for (let i = 0; i < rounds; i++) {
    const o = i < rounds / 2 ? new Square(i % 9) : [new Shape(i % 5), new Box(i % 7, 3), new Square(2), { area: () => i % 3 }][i % 4];
    s += o.area();
  }
  return s;
}
function add(a, b) { return a + b; } // sees integers, then doubles, then strings
function polymorphic(rounds) {
  let s = 0;
  for (let i = 0; i < rounds; i++) s = add(s, i);
  for (let i = 0; i < rounds; i++) s = add(s, i / 8);
  let t = '';
  for (let i = 0; i < rounds; i++) t = add(t, i % 10);
  return s + t.length;
}
function sorts(size) {
  let x = 12345;
  const a = Array.from({ length: size }, () => (x = (Math.imul(x, 1103515245) + 12345) >>> 1));
  return a.sort((p, q) => p % 1000 - q % 1000 || p - q).filter((_, i) => i % 37 === 0).join();
}
function texts(rounds) {
  const re = /(\w+)@(?:(\w+)\.)+(?<top>com|org)(?=[,;])/gu;
  let s = '';
  for (let i = 0; i < rounds; i++) s += `user${i}@host${i % 7}.example.${i % 2 ? 'com' : 'org'}${i % 3 ? ',' : ' '}`;
  return [...s.matchAll(re)].map((m) => m[1].length + m.groups.top).join('').length + s.replace(/[aeiou]+\d/g, (m) => m.toUpperCase()).length;
}
function* walk(t) { if (t) { yield* walk(t.l); yield t.v; yield* walk(t.r); } }
function trees(size) {
  let root = null, x = 1;
  for (let i = 0; i < size; i++) {
    x = (x * 75 + 74) % 65537;
    let at = { get n() { return root; }, set n(v) { root = v; } };
    while (at.n) { const o = at.n, side = x < o.v ? 'l' : 'r'; at = { get n() { return o[side]; }, set n(v) { o[side] = v; } }; }
    at.n = { v: x, l: null, r: null };
  }
  let s = 0, k = 0;
  for (const v of walk(root)) s = (s * 31 + v * ++k) % 1000003;
  return s;
}
function throws(rounds) {
  let s = 0;
  for (let i = 0; i < rounds; i++) { try { if (i % 13 === 0) throw new RangeError(i); s += i % 3; } catch (e) { s -= e.message.length; } finally { s++; } }
  return s;
}
function big(rounds) { let a = 1n; for (let i = 1n; i <= BigInt(rounds); i++) a = a * i + (a >> 3n) % 97n; return a.toString(16).slice(0, 40); }
function wasm(rounds) { // (i32) -> i32: the sum of the squares below it
  const bytes = [0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 33, 1, 31, 1, 2, 127,
    3, 64, 32, 1, 32, 1, 108, 32, 2, 106, 33, 2, 32, 1, 65, 1, 106, 34, 1, 32, 0, 72, 13, 0, 11, 32, 2, 11];
  const f = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes))).exports.f;
  let s = 0;
  for (let i = 1; i < 50; i++) s = (s + f(i * rounds)) | 0;
  return s;
}
function generated(rounds) { // many functions that live shortly
  let s = 0;
  for (let i = 0; i < rounds; i++) s += new Function('x', `let s = x; for (let i = 0; i < 60; i++) s = (s * ${i + 3} + i) % 1009; return s;`)(i);
  return s;
}
for (const [f, size] of [[sieve, 60000], [floats, 40000], [shapes, 30000], [polymorphic, 20000], [sorts, 3000], [texts, 1500],
  [trees, 400], [throws, 8000], [big, 200], [wasm, 30], [generated, 60]]) {
  const v = f(size * n);
  if (f(size * n) !== v) console.log(f.name, 'gives another result the second time');
  console.log(f.name, mix(v));
}
console.log(mix(JSON.stringify(JSON.parse(JSON.stringify({ a: [1, 2.5, null, 'é'], b: { c: h } })))));
