console.log(5 & 3, 5 | 3, 5 ^ 3, ~5, 1 << 31, -1 >>> 0, 2 ** 53 + 1, 0b101, 0o17, 0xff, 1_000);
console.log((255).toString(16), (0.1).toFixed(20), (1e21).toString(), 1 / 0, -1 / 0, 0 / 0);
console.log(Number.MAX_SAFE_INTEGER, Number.EPSILON > 0, parseFloat("3.14abc"), Math.trunc(-4.7), Math.sign(-3));
console.log(BigInt("123456789012345678901234567890") * 2n, BigInt.asUintN(8, 257n), 5n / 2n, typeof 1n);
try { 1n + 1; } catch (e) { console.log(e.name, e.message); }
try { (1.5).toFixed(101); } catch (e) { console.log(e.name); }
try { null.foo; } catch (e) { console.log(e.message); }
try { undefined(); } catch (e) { console.log(e.message); }
try { ({}).x.y; } catch (e) { console.log(e.message); }
try { const [z] = null; } catch (e) { console.log(e.message); }
try { new Array(-1); } catch (e) { console.log(e.message); }
try { "x".repeat(-1); } catch (e) { console.log(e.message); }
try { (function f() { f(); })(); } catch (e) { console.log(e.name, e.message); }
try { let o = {}; o.f(); } catch (e) { console.log(e.message); }
try { for (const x of 5) {} } catch (e) { console.log(e.message); }
try { new (class { #p; static t(o) { return o.#p; } }).constructor.t({}); } catch (e) { console.log(e.name); }
