// Reads MP4 files with mp4box.js and prints what it finds as JSON: tracks with their
// codecs, and how many samples of each it delivers. What it complains of goes to
// standard error.
const fs = require('node:fs');
const {createFile} = require('mp4box');

const file = createFile();
const result = {brands: [], fragmented: false, tracks: [], samples: {}, unknown: []};

file.onError = (module, message) => console.error(`${module}: ${message}`);
file.onReady = (info) => {
  result.brands = info.brands;
  result.fragmented = info.isFragmented;
  for (const track of info.tracks) {
    const {id, codec, track_width: width, track_height: height} = track;
    result.tracks.push({id, codec, width, height});
    result.samples[id] = 0;
    file.setExtractionOptions(id, null, {nbSamples: 1 << 30});
  }
  file.start();
};
file.onSamples = (id, user, samples) => { result.samples[id] += samples.length; };

// Several files are one: an init section and its segments.
let start = 0;
for (const name of process.argv.slice(2)) {
  const bytes = fs.readFileSync(name);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  buffer.fileStart = start;
  start += bytes.length;
  file.appendBuffer(buffer);
}
file.flush();

// Boxes whose content is longer than the parser understands.
(function walk(boxes, path) {
  for (const box of boxes ?? []) {
    const at = `${path}/${box.type ?? box.box_name}`;
    if (box.has_unparsed_data) {
      result.unknown.push(at);
    }
    walk(box.boxes, at);
    walk(box.entries?.filter?.((e) => e?.boxes), at);
  }
})(file.boxes, '');

console.log(JSON.stringify(result));
