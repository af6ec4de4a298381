// Plays what the URL's hash asks for, step by step, and reports what was seen:
// {player: "hls" | "flv" | "file", src, steps: [{do, to, for, least, rate}]}.
'use strict';

const job = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const video = document.getElementById('video');
const report = { steps: [], fatal: [], errors: [], src: job.src };

const sleep = ms => new Promise(done => setTimeout(done, ms));

async function until(what, condition, seconds = 45) {
  for (const end = performance.now() + seconds * 1000; !condition(); await sleep(20)) {
    if (report.fatal.length) throw new Error('fatal error while waiting for ' + what);
    if (performance.now() > end) {
      throw new Error(`waited in vain for ${what}: time ${video.currentTime}, duration ${video.duration}, ` +
        `ready ${video.readyState}, paused ${video.paused}, buffered ${buffered()}`);
    }
  }
}

function buffered() {
  const b = [];
  for (let i = 0; i < video.buffered.length; i++) b.push([video.buffered.start(i), video.buffered.end(i)]);
  return JSON.stringify(b);
}

// The sources carry their number in 16 bars, one bit each: 14 bits of number,
// then a black and a white one.
const canvas = document.createElement('canvas');
canvas.width = 16;
canvas.height = 9;
const picture = canvas.getContext('2d', { willReadFrequently: true });
picture.imageSmoothingEnabled = false;

function number(frame) {
  picture.drawImage(frame, 0, 0, 16, 9);
  const row = picture.getImageData(0, 4, 16, 1).data;
  let n = 0;
  for (let i = 0; i < 16; i++) if (row[4 * i] > 127) n |= 1 << i;
  return n >> 14 === 2 ? n & 0x3fff : -1;
}

let seen = [];
function watch() {
  // A VideoFrame's time and picture belong together, however late this is called.
  const frame = new VideoFrame(video);
  seen.push([frame.timestamp / 1e6, number(frame)]);
  frame.close();
  video.requestVideoFrameCallback(watch);
}

function start() {
  if (job.player === 'hls') {
    const hls = new Hls({ enableWorker: true });
    hls.on(Hls.Events.ERROR, (_, e) => {
      (e.fatal ? report.fatal : report.errors).push(`${e.type} ${e.details} ${e.error || ''}`);
    });
    hls.loadSource(job.src);
    hls.attachMedia(video);
  } else if (job.player === 'flv') {
    mpegts.LoggingControl.enableAll = false;
    const player = mpegts.createPlayer({ type: 'flv', url: job.src, isLive: false },
      { enableStashBuffer: false, lazyLoad: true, lazyLoadMaxDuration: 4, lazyLoadRecoverDuration: 2, accurateSeek: true });
    player.on(mpegts.Events.ERROR, (type, detail, info) => report.fatal.push(`${type} ${detail} ${JSON.stringify(info)}`));
    player.attachMediaElement(video);
    player.load();
  } else {
    video.src = job.src;
  }
  video.addEventListener('error', () => report.fatal.push('media element: ' + video.error.message));
}

// A busy machine drops pictures: a step goes on until it has decoded `least` of
// them and shown one, or the media ends.
let before = 0;
const decoded = () => video.getVideoPlaybackQuality().totalVideoFrames - before;
const passed = (s, end) => video.ended ||
  video.currentTime >= end && decoded() >= (s.least || 0) && (seen.length > 0 || !s.least);

const steps = {
  // play until the media is `for` seconds further
  async play(s) {
    const end = video.currentTime + s.for;
    await video.play();
    await until('playing', () => passed(s, end));
  },
  // set the time and play on
  async seek(s) {
    seen = [];
    video.currentTime = s.to < 0 ? video.duration + s.to : s.to;
    await until('seeked', () => !video.seeking);
    await video.play();
    const end = video.currentTime + s.for;
    await until('playing after a seek', () => passed(s, end));
  },
  // play to the end
  async end() {
    await video.play();
    await until('the end', () => video.ended, 90);
  },
  // play until the duration has become longer by `for` seconds
  async grow(s) {
    const from = video.duration;
    await video.play();
    await until('a longer playlist', () => video.duration >= from + s.for);
  },
};

async function run() {
  start();
  await until('metadata', () => video.readyState >= 2);
  video.requestVideoFrameCallback(watch);
  for (const s of job.steps) {
    video.playbackRate = s.rate || 1;
    seen = [];
    const from = video.currentTime;
    before = video.getVideoPlaybackQuality().totalVideoFrames;
    await steps[s.do](s);
    report.steps.push({
      from, to: video.currentTime, duration: video.duration, ended: video.ended, seen,
      decoded: decoded(), corrupted: video.getVideoPlaybackQuality().corruptedVideoFrames,
      width: video.videoWidth,
    });
    await fetch('/step', { method: 'POST' });
  }
}

run().catch(e => { report.failure = e.message; }).finally(() =>
  fetch('/report', { method: 'POST', body: JSON.stringify(report) }));
