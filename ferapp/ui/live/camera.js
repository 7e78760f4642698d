// The camera in the page: it opens the device, sends its picture to the server over WebRTC and shows
// what comes back. It stands in for the frontend of streamlit-webrtc (docs/decisions/0022) and speaks
// its protocol: the states sdpOffer, iceCandidates and playing, and the answer in data.

const REMEMBERED = 'ferapp-camera';
const GATHERING_MS = 1000;
const STOPPING_MS = 600;
const INTERRUPTED_MS = 6000;
const RESTARTS = 3;
const RESTARTS_WITHIN_MS = 120_000;
const NOTE_MS = 15_000;
const NOTED_AFTER_S = 5;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function clock(seconds) {
  const rest = String(Math.floor(seconds % 60)).padStart(2, '0');
  return `${Math.floor(seconds / 60)}:${rest}`;
}

class Camera {
  constructor(parent) {
    const find = (name) => parent.querySelector(name);
    this.root = find('.camera');
    this.video = find('video');
    this.power = find('.power');
    this.devices = find('.devices');
    this.select = find('select');
    this.status = 'idle';
    this.attempt = 0;
    this.stoppedAt = 0;
    this.restarts = [];
    this.sent = {};
    this.hiddenSince = null;
    this.video.muted = true;
    // A camera has its own shape, and a phone may be turned.
    this.video.onresize = () => {
      const { videoWidth, videoHeight } = this.video;
      if (videoWidth) find('.stage').style.aspectRatio = `${videoWidth} / ${videoHeight}`;
    };
    this.power.onclick = () => this.toggle();
    find('.full').onclick = () => this.toggleFullscreen();
    find('.help').onclick = () => this.dialog.showModal();
    this.select.onchange = () => this.choose(this.select.value);
    // Streamlit runs the script anew at "r" and offers to clear its caches at "c", wherever they
    // are pressed.
    this.root.onkeydown = (event) => event.stopPropagation();
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    this.dialog = useKeys(this.root, [
      [' ', 'Space', 'Start or stop the camera', () => this.toggle()],
      ['m', 'M', 'Mark this moment in the recording', () => this.mark()],
      ['f', 'F', 'Fullscreen, and back', () => this.toggleFullscreen()],
    ], signal);
    document.addEventListener('visibilitychange', () => this.onVisibility(), { signal });
    navigator.mediaDevices?.addEventListener('devicechange', () => this.listDevices(), { signal });
    this.listDevices();
  }

  update(data, setStateValue, setTriggerValue) {
    const isFirst = !this.data;
    Object.assign(this, { data, setStateValue, setTriggerValue });
    this.video.setAttribute('aria-label', data.words.video);
    this.root.querySelector('.hint').textContent = data.words.hint;
    if (isFirst) {
      // The page was left and opened again: what the server still holds belongs to the old one.
      if (data.sdp_answer_json) this.reset();
      if (this.needsDevice() && !this.isAllowed()) this.fail('InsecureContext');
      // Buttons and keys did nothing until here.
      this.root.classList.add('ready');
    }
    this.answer().catch((error) => this.giveUp(error));
  }

  needsDevice() { return this.data.mode !== 'RECVONLY'; }
  isAllowed() { return window.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia); }

  // -- the connection

  toggle() { return this.status === 'idle' ? this.start() : this.stop(); }

  async start() {
    if (this.status !== 'idle') return;
    this.fail(null);
    this.show('starting');
    const attempt = ++this.attempt;
    try {
      const input = this.needsDevice() ? await this.open() : null;
      if (attempt !== this.attempt) return input?.getTracks().forEach((track) => track.stop());
      this.input = input;
      this.listDevices();
      await this.serverIsReady();
      if (attempt === this.attempt) await this.offer();
    } catch (error) {
      if (attempt === this.attempt) this.giveUp(error);
    }
  }

  async open() {
    if (!this.isAllowed()) throw new DOMException('', 'InsecureContext');
    const wanted = this.data.media_stream_constraints.video;
    const device = localStorage.getItem(REMEMBERED);
    const open = (video) => navigator.mediaDevices.getUserMedia({ video, audio: false });
    if (!device) return open(wanted);
    const chosen = { ...(wanted === true ? {} : wanted), deviceId: { exact: device } };
    try {
      return await open(chosen);
    } catch (error) {
      // The camera that was chosen is not there any more.
      if (!['OverconstrainedError', 'NotFoundError'].includes(error.name)) throw error;
      return open(wanted);
    }
  }

  // The server takes an offer only once it has ended the stream before.
  async serverIsReady() {
    await wait(this.stoppedAt + STOPPING_MS - Date.now());
    for (let i = 0; i < 50 && this.data.sdp_answer_json; i++) await wait(100);
  }

  async offer() {
    const connection = new RTCPeerConnection(this.data.rtc_configuration);
    this.connection = connection;
    connection.ontrack = ({ streams, track }) => {
      if (track.kind === 'video') this.video.srcObject = streams[0] ?? new MediaStream([track]);
    };
    connection.onconnectionstatechange = () => this.onConnection(connection);
    if (this.input) {
      for (const track of this.input.getTracks()) {
        connection.addTrack(track, this.input);
        track.onended = () => this.giveUp(new DOMException('', 'CameraEnded'));
      }
    } else {
      connection.addTransceiver('video', { direction: 'recvonly' });
    }
    await connection.setLocalDescription(await connection.createOffer());
    const late = {};
    const gathered = new Promise((resolve) => {
      connection.onicegatheringstatechange = () => {
        if (connection.iceGatheringState === 'complete') resolve();
      };
    });
    await Promise.race([gathered, wait(GATHERING_MS)]);
    connection.onicecandidate = ({ candidate }) => {
      if (!candidate || connection !== this.connection) return;
      late[Object.keys(late).length] = candidate.toJSON();
      this.send('iceCandidates', { ...late });
    };
    if (connection === this.connection) this.send('sdpOffer', connection.localDescription.toJSON());
  }

  async answer() {
    const { connection } = this;
    const answer = this.data.sdp_answer_json;
    if (!answer || !this.sent.sdpOffer || connection?.signalingState !== 'have-local-offer') return;
    await connection.setRemoteDescription(JSON.parse(answer));
  }

  onConnection(connection) {
    if (connection !== this.connection) return;
    clearTimeout(this.interrupted);
    const state = connection.connectionState;
    if (state === 'connected') {
      this.show('playing');
      this.note('');
      this.send('playing', true);
      this.video.play().catch(() => {});
    } else if (state === 'disconnected') {
      this.note(this.data.words.interrupted);
      this.interrupted = setTimeout(() => this.lose(), INTERRUPTED_MS);
    } else if (state === 'failed') {
      this.lose();
    }
  }

  // After sleep, or when the network or the server was away: go on by itself, but not for ever.
  async lose() {
    this.stop();
    const now = Date.now();
    this.restarts = this.restarts.filter((at) => now - at < RESTARTS_WITHIN_MS);
    if (this.restarts.length >= RESTARTS) return this.fail('ConnectionLost');
    this.restarts.push(now);
    const attempt = this.attempt;
    this.note(this.data.words.reconnecting);
    await wait(1000);
    if (attempt === this.attempt && this.status === 'idle') this.start();
  }

  stop() {
    this.attempt += 1;
    this.stoppedAt = Date.now();
    clearTimeout(this.interrupted);
    this.input?.getTracks().forEach((track) => { track.onended = null; track.stop(); });
    const { connection } = this;
    this.input = this.connection = null;
    connection?.close();
    this.video.srcObject = null;
    this.show('idle');
    this.note('');
    if (this.sent.sdpOffer) this.reset();
  }

  reset() {
    this.send('sdpOffer', '');
    this.send('iceCandidates', {});
    this.send('playing', false);
  }

  send(name, value) {
    const text = JSON.stringify(value);
    if (name !== 'sdpOffer' && JSON.stringify(this.sent[name] ?? null) === text) return;
    if (name === 'iceCandidates' && text === '{}' && !this.sent[name]) return;
    this.sent[name] = value;
    this.setStateValue(name, value);
  }

  // -- the devices

  async listDevices() {
    const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    // Without permission they have neither ids nor names.
    const cameras = all.filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId);
    const used = this.input?.getVideoTracks()[0]?.getSettings().deviceId;
    const chosen = used ?? localStorage.getItem(REMEMBERED);
    this.select.replaceChildren(...cameras.map(({ deviceId, label }, i) => {
      const option = new Option(label || `Camera ${i + 1}`, deviceId);
      option.selected = deviceId === chosen;
      return option;
    }));
    this.devices.hidden = cameras.length < 2 || !this.data || !this.needsDevice();
  }

  async choose(device) {
    localStorage.setItem(REMEMBERED, device);
    if (!this.input) return;
    this.stop();
    await this.start();
  }

  // -- what the visitor sees and presses

  show(status) {
    this.status = this.root.dataset.status = status;
    this.power.textContent = status === 'idle' ? 'START' : 'STOP';
  }

  note(text, ms) {
    clearTimeout(this.noted);
    this.root.querySelector('.note').textContent = text;
    if (ms) this.noted = setTimeout(() => this.note(''), ms);
  }

  fail(name) {
    const { errors, words } = this.data;
    const text = name && (errors[name] ?? words.unknown.replace('{name}', name));
    this.root.querySelector('.error').textContent = text ?? '';
  }

  giveUp(error) {
    console.warn('ferapp camera', error);
    this.stop();
    this.fail(error.name);
  }

  toggleFullscreen() {
    if (document.fullscreenElement) return document.exitFullscreen();
    if (this.root.requestFullscreen) return this.root.requestFullscreen().catch(() => {});
    this.video.webkitEnterFullscreen?.();  // iPhones
  }

  mark() {
    if (!this.data.can_mark) return this.note(this.data.words.no_recording, 5000);
    this.setTriggerValue('mark', Date.now());
    this.note(this.data.words.marked, 2000);
  }

  onVisibility() {
    if (this.status !== 'playing') return;
    if (document.hidden) {
      this.hiddenSince = Date.now();
      if (this.data.pauses_hidden) this.setStateValue('is_hidden', this.wasPaused = true);
      return;
    }
    const away = this.hiddenSince === null ? 0 : (Date.now() - this.hiddenSince) / 1000;
    this.hiddenSince = null;
    const text = this.wasPaused ? this.data.words.paused : this.data.words.hidden;
    if (this.wasPaused) this.setStateValue('is_hidden', this.wasPaused = false);
    if (away >= NOTED_AFTER_S) this.note(text.replace('{time}', clock(away)), NOTE_MS);
  }

  leave() {
    this.listeners.abort();
    this.setStateValue = () => {};
    this.stop();
  }
}

const cameras = new WeakMap();

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  if (!cameras.has(parentElement)) cameras.set(parentElement, new Camera(parentElement));
  const camera = cameras.get(parentElement);
  camera.update(data, setStateValue, setTriggerValue);
  return () => {
    cameras.delete(parentElement);
    camera.leave();
  };
}
