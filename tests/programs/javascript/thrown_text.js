console.log("next, a text is thrown");
try { throw { code: 5 }; } catch ({ code }) { console.log(code); }
throw new EvalError("last");
