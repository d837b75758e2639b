// Compresses one file into another, for `cargo xtask vendor`: node src/compress.js FROM TO
//
// Uses node's zlib, since node is needed to fetch the packages anyway. Unchanged content is not compressed again, because
// another machine's zlib produces different bytes.
"use strict";

const fs = require("node:fs");
const zlib = require("node:zlib");

const [from, to] = process.argv.slice(2);
const content = fs.readFileSync(from);
const stored = fs.existsSync(to) && zlib.gunzipSync(fs.readFileSync(to)).equals(content);
if (!stored) {
  const packed = zlib.gzipSync(content, { level: 9 });
  // Sets the header's operating system to Unix everywhere; its time is zero already.
  packed[9] = 3;
  fs.writeFileSync(to, packed);
}
console.error(`${to}: ${stored ? "unchanged" : "written"}`);
