// Publishes the camera by WHIP as the URL's hash asks for, and reports:
// {whip: address, codec: "video/H264", seconds}.
'use strict';

const job = JSON.parse(decodeURIComponent(location.hash.slice(1)));

function event(target, name, condition) {
  return new Promise(done => {
    const check = () => condition() && done();
    target.addEventListener(name, check);
    check();
  });
}

async function run() {
  const camera = await navigator.mediaDevices.getUserMedia({
    video: { width: 320, height: 240, frameRate: 15 }, audio: true,
  });
  const pc = new RTCPeerConnection();
  for (const track of camera.getTracks()) {
    const transceiver = pc.addTransceiver(track, { direction: 'sendonly' });
    if (track.kind === 'video') {
      const codecs = RTCRtpSender.getCapabilities('video').codecs.filter(c => c.mimeType === job.codec);
      transceiver.setCodecPreferences(codecs);
    }
  }
  await pc.setLocalDescription();
  await event(pc, 'icegatheringstatechange', () => pc.iceGatheringState === 'complete');
  const answer = await fetch(job.whip, {
    method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp,
  });
  if (answer.status !== 201) throw new Error(`${answer.status}: ${await answer.text()}`);
  await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
  await event(pc, 'connectionstatechange', () => pc.connectionState === 'connected');
  await new Promise(done => setTimeout(done, job.seconds * 1000));
  let sent = 0;
  for (const s of (await pc.getStats()).values()) {
    if (s.type === 'outbound-rtp' && s.kind === 'video') sent = s.framesSent;
  }
  pc.close();
  return { sent };
}

run().catch(e => ({ failure: e.message })).then(report =>
  fetch('/report', { method: 'POST', body: JSON.stringify(report) }));
