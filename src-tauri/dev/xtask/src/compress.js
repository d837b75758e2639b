// Compresses one file into another, for `cargo xtask vendor`: node src/compress.js FROM TO
//
// With node's own zlib, because every system that can fetch the packages has it. What is stored already is left alone:
// another machine's zlib gives other bytes for the same content.
"use strict";

const fs = require("node:fs");
const zlib = require("node:zlib");

const [from, to] = process.argv.slice(2);
const content = fs.readFileSync(from);
const stored = fs.existsSync(to) && zlib.gunzipSync(fs.readFileSync(to)).equals(content);
if (!stored) {
  const packed = zlib.gzipSync(content, { level: 9 });
  // The header holds no time, and the byte for the system it was made on always says "Unix".
  packed[9] = 3;
  fs.writeFileSync(to, packed);
}
console.error(`${to}: ${stored ? "unchanged" : "written"}`);
