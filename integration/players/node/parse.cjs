// Prints what m3u8-parser reads in a playlist, and its warnings, as JSON.
'use strict';
const { Parser } = require('m3u8-parser');
const warnings = [];
const parser = new Parser();
parser.on('warn', e => warnings.push(e.message));
parser.push(require('fs').readFileSync(process.argv[2], 'utf8'));
parser.end();
console.log(JSON.stringify({ ...parser.manifest, warnings }));
