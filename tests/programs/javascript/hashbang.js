#!/usr/bin/env node
"use strict";
console.log((function () { return this; })());
try { unknown = 1; } catch (e) { console.log(e.message); }
try { Object.freeze([]).push(1); } catch (e) { console.log(e.message); }
