// A video, or an empty frame where there is none to play, above the curve of one face and a strip of
// labels for each. One cursor is in all of them: it follows the video, and moves it.

const ROWS_AT_FIRST = 8;
const TICKS_S = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
const TICK_PX = 80;
const LATE_S = 0.001; // a time with three digits may be that of the frame before
const WHOLE = 10_000;
const SVG = 'http://www.w3.org/2000/svg';
const ARROWS = { ArrowRight: 1, ArrowLeft: -1 };

function clock(s, digits = 0) {
  const [minutes, rest] = [Math.floor(s / 60), s % 60];
  const [hours, left] = [Math.floor(minutes / 60), minutes % 60];
  const factor = 10 ** digits;
  const seconds = (Math.floor(rest * factor + 1e-6) / factor).toFixed(digits).padStart(digits ? digits + 3 : 2, '0');
  return `${hours ? `${hours}:` : ''}${String(left).padStart(2, '0')}:${seconds}`;
}

// The place of the last value that is not above the wanted one; -1 if there is none.
function lastUpTo(values, wanted) {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function boxAt(track, at, { margin_s, pause_s }) {
  const before = lastUpTo(track.at, at);
  const after = before + 1;
  const box = (place) => track.boxes.slice(4 * place, 4 * place + 4);
  const since = before >= 0 ? at - track.at[before] : Infinity;
  const until = after < track.at.length ? track.at[after] - at : Infinity;
  const nearest = since <= until ? before : after;
  if (since + until <= pause_s + LATE_S) {
    const [first, second, share] = [box(before), box(after), since / (since + until)];
    return { box: first.map((v, i) => v + share * (second[i] - v)), caption: track.captions[nearest] };
  }
  return Math.min(since, until) > margin_s ? null : { box: box(nearest), caption: track.captions[nearest] };
}

class Player {
  constructor(parent) {
    this.root = parent.querySelector('.player');
    this.stage = make(this.root, 'div', 'stage');
    this.video = make(this.stage, 'video');
    Object.assign(this.video, { playsInline: true, preload: 'auto' });
    this.canvas = make(this.stage, 'canvas');
    this.note = make(this.root, 'p', 'note');
    this.buildButtons();
    const timeline = make(this.root, 'div', 'timeline');
    this.legend = make(timeline, 'dl', 'legend');
    this.plot = make(timeline, 'div', 'track plot');
    this.ticks = make(timeline, 'div', 'ticks');
    this.moments = make(this.root, 'div', 'moments');
    this.rows = make(this.root, 'ul', 'rows');
    this.more = makeButton(this.root, 'more', '', () => this.showAllRows());
    this.root.onkeydown = (event) => this.onKey(event);
    this.watchTrack(this.plot);
    this.listen();
    this.at = 0;
    this.isPlaying = false;
    new ResizeObserver(() => this.fit()).observe(this.root);
  }

  buildButtons() {
    const bar = make(this.root, 'div', 'bar');
    this.play = makeButton(bar, 'play', '', () => this.toggle());
    this.time = make(bar, 'span', 'time');
    make(bar, 'span', 'space');
    this.mute = makeButton(bar, '', '', () => {
      this.video.muted = !this.video.muted;
      this.draw();
    });
    this.boxes = makeButton(bar, 'switch', '', () => {
      this.hasBoxes = !this.hasBoxes;
      this.draw();
    });
    this.boxes.setAttribute('role', 'switch');
    this.full = makeButton(bar, '', '', () => this.toggleFullscreen());
    this.hasBoxes = true;
  }

  listen() {
    const { video } = this;
    video.onerror = () => video.getAttribute('src') && this.giveUp();
    video.onloadedmetadata = () => (video.videoWidth ? this.seek(this.at) : this.giveUp());
    video.onplay = () => this.setPlaying(true);
    video.onpause = () => this.setPlaying(false);
    video.onseeked = () => this.draw();
    video.onclick = this.canvas.onclick = () => this.toggle();
  }

  get canPlay() {
    return Boolean(this.data.video) && this.unplayable !== this.data.video.address;
  }

  giveUp() {
    this.unplayable = this.data.video?.address;
    this.video.removeAttribute('src');
    this.setPlaying(false);
    this.show();
  }

  update(data, send) {
    const isNew = data.id !== this.data?.id;
    this.data = data;
    this.send = send;
    if (isNew) {
      this.at = data.from_s;
      this.hasAllRows = false;
    }
    this.show();
  }

  show() {
    const { data, root } = this;
    const { words } = data;
    const address = this.canPlay ? data.video.address : null;
    this.video.setAttribute('aria-label', words.video);
    const [width, height] = data.size;
    this.stage.style.setProperty('--aspect', width / height);
    this.note.textContent = address ? '' : this.unplayable && data.video ? words.unplayable : data.note;
    this.note.hidden = !this.note.textContent;
    this.mute.hidden = !address || !data.video.has_sound;
    this.boxes.hidden = Boolean(address) && data.video.has_boxes;
    this.boxes.textContent = words.boxes;
    this.full.textContent = words.fullscreen;
    this.full.hidden = !this.stage.requestFullscreen;
    root.setAttribute('aria-label', words.player);
    this.showCurve();
    this.showMoments();
    this.showRows();
    this.load(address);
    this.fit();
  }

  load(address) {
    this.video.hidden = !address;
    if (this.video.getAttribute('src') !== address) {
      this.setPlaying(false);
      if (address) this.video.src = address;
      else this.video.removeAttribute('src');
      this.video.load();
    }
  }

  showCurve() {
    const { curve, labels, cuts, markers, from_s, to_s, words } = this.data;
    this.legend.replaceChildren();
    this.values = labels.map(([name, colour]) => {
      const item = make(this.legend, 'div', 'item');
      const term = make(item, 'dt', '');
      make(term, 'span', 'dot').style.setProperty('--colour', colour);
      term.append(name);
      return make(item, 'dd', '', '');
    });
    this.plot.replaceChildren();
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', '0 0 1000 100');
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    const draw = (name, points, colour) => {
      const path = document.createElementNS(SVG, 'path');
      path.setAttribute('class', name);
      path.setAttribute('d', points);
      if (colour) path.style.stroke = colour;
      svg.append(path);
    };
    const x = (at) => (1000 * this.share(at)).toFixed(1);
    for (const share of [0, 0.25, 0.5, 0.75, 1]) draw('grid', `M0 ${100 * share}H1000`);
    for (const at of cuts) draw('cut', `M${x(at)} 0V100`);
    for (const [at] of markers) draw('marker', `M${x(at)} 0V100`);
    labels.forEach(([, colour], k) => {
      let isOpen = false;
      const points = curve.at.map((at, i) => {
        const value = curve.shares[k][i];
        const step = value === null ? '' : `${isOpen ? 'L' : 'M'}${x(at)} ${(100 * (1 - value)).toFixed(1)}`;
        isOpen = value !== null;
        return step;
      });
      draw('line', points.join(''), colour);
    });
    this.plot.append(svg);
    make(this.plot, 'div', 'cursor');
    Object.entries({
      role: 'slider',
      tabindex: '0',
      'aria-label': curve.alt,
      'aria-valuemin': from_s,
      'aria-valuemax': to_s,
      title: words.plot,
    }).forEach(([name, value]) => this.plot.setAttribute(name, value));
  }

  showTicks() {
    const { from_s, to_s } = this.data;
    const most = Math.max(this.plot.clientWidth / TICK_PX, 2);
    const every = TICKS_S.find((step) => (to_s - from_s) / step <= most) || TICKS_S.at(-1);
    this.ticks.replaceChildren();
    for (let at = Math.ceil(from_s / every) * every; at <= to_s; at += every) {
      const tick = make(this.ticks, 'span', '', clock(at, every < 1 ? 1 : 0));
      tick.style.left = `${100 * this.share(at)}%`;
    }
  }

  showMoments() {
    const { cuts, markers, words } = this.data;
    this.moments.replaceChildren();
    const add = (text, at) => makeButton(this.moments, 'moment', `${text} ${clock(at, 1)}`, () => this.seek(at));
    cuts.slice(0, 30).forEach((at, i) => add(`${words.scene} ${i + 2}`, at));
    markers.forEach(([at, name]) => add(name, at));
    this.moments.hidden = !this.moments.children.length;
  }

  showRows() {
    const { faces, curve, words, from_s, to_s } = this.data;
    const focused = this.rows.getRootNode().activeElement?.dataset?.face;
    this.rows.replaceChildren();
    this.rows.setAttribute('aria-label', words.faces);
    faces.forEach((face, place) => {
      const row = make(this.rows, 'li', 'row');
      row.hidden = !this.hasAllRows && place >= ROWS_AT_FIRST && face.face !== curve.face;
      const head = makeButton(row, 'head', '', () => this.send('face', face.face));
      head.dataset.face = face.face;
      head.setAttribute('aria-pressed', String(face.face === curve.face));
      const picture = make(head, face.image ? 'img' : 'div', face.image ? '' : 'nobody');
      if (face.image) Object.assign(picture, { src: face.image, alt: '' });
      const text = make(head, 'span', 'text');
      make(text, 'span', 'title', face.title);
      for (const line of face.lines) make(text, 'span', '', line);
      const track = make(row, 'div', 'track strip');
      track.setAttribute('aria-hidden', 'true');
      for (const [start, end, colour] of face.strip) {
        const part = make(track, 'div', 'part');
        part.style.left = `${100 * this.share(start)}%`;
        part.style.width = `${(100 * (end - start)) / (to_s - from_s)}%`;
        part.style.setProperty('--colour', colour);
      }
      make(track, 'div', 'cursor');
      this.watchTrack(track);
      if (focused === head.dataset.face) head.focus();
    });
    this.more.textContent = words.all_faces;
    this.more.hidden = ![...this.rows.children].some((row) => row.hidden);
  }

  showAllRows() {
    this.hasAllRows = true;
    const first = [...this.rows.children].find((row) => row.hidden);
    this.showRows();
    this.rows.querySelector(`[data-face="${first?.querySelector('.head').dataset.face}"]`)?.focus();
  }

  share(at) {
    const { from_s, to_s } = this.data;
    return Math.min(Math.max((at - from_s) / (to_s - from_s), 0), 1);
  }

  watchTrack(track) {
    const move = (event) => {
      const { left, width } = track.getBoundingClientRect();
      const { from_s, to_s } = this.data;
      this.seek(from_s + Math.min(Math.max((event.clientX - left) / width, 0), 1) * (to_s - from_s));
    };
    track.onpointerdown = (event) => {
      if (event.button) return;
      track.setPointerCapture(event.pointerId);
      move(event);
    };
    track.onpointermove = (event) => track.hasPointerCapture(event.pointerId) && move(event);
  }

  seek(at) {
    const { from_s, to_s, video } = this.data;
    this.at = Math.min(Math.max(at, from_s), to_s);
    if (this.canPlay) this.video.currentTime = this.at - video.from_s + LATE_S;
    this.draw();
  }

  step(direction) {
    const { steps } = this.data;
    const before = lastUpTo(steps, this.at - LATE_S);
    const after = lastUpTo(steps, this.at + 2 * LATE_S) + 1;
    const place = direction > 0 ? after : before;
    this.pause();
    if (place >= 0 && place < steps.length) this.seek(steps[place]);
  }

  toggle() {
    if (this.isPlaying) return this.pause();
    if (this.at >= this.data.to_s - 0.05) this.seek(this.data.from_s);
    if (this.canPlay) return this.video.play().catch(() => {});
    return this.setPlaying(true);
  }

  pause() {
    this.video.pause();
    this.setPlaying(false);
  }

  setPlaying(isPlaying) {
    const starts = isPlaying && !this.isPlaying;
    this.isPlaying = isPlaying;
    if (starts) {
      this.drawnAt = performance.now();
      requestAnimationFrame(() => this.advance());
    }
    if (this.data) this.draw();
  }

  advance() {
    if (!this.isPlaying) return;
    if (!this.root.isConnected) return this.pause();
    const now = performance.now();
    const { to_s, video } = this.data;
    if (!this.canPlay) this.at += (now - this.drawnAt) / 1000;
    else if (!this.video.seeking) this.at = this.video.currentTime + video.from_s;
    this.drawnAt = now;
    if (this.at >= to_s) {
      this.at = to_s;
      this.pause();
    } else {
      this.draw();
      requestAnimationFrame(() => this.advance());
    }
  }

  fit() {
    if (!this.data) return;
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = this.stage.clientWidth * scale;
    this.canvas.height = this.stage.clientHeight * scale;
    this.showTicks();
    this.draw();
  }

  draw() {
    const { words, curve, labels, to_s } = this.data;
    this.root.style.setProperty('--at', this.share(this.at));
    this.play.textContent = this.isPlaying ? words.pause : words.play;
    this.time.textContent = `${clock(this.at, 1)} / ${clock(to_s, 1)}`;
    this.mute.textContent = this.video.muted ? words.sound_on : words.sound_off;
    this.boxes.setAttribute('aria-checked', String(this.hasBoxes));
    const place = lastUpTo(curve.at, this.at + LATE_S);
    const shares = labels.map((_, k) => curve.shares[k][place] ?? null);
    this.values.forEach((value, k) => {
      value.textContent = shares[k] === null ? '–' : `${Math.round(100 * shares[k])} %`;
    });
    if (!this.isPlaying) {
      const top = shares.indexOf(Math.max(...shares));
      const said = shares[top] === null || top < 0 ? words.unread : `${labels[top][0]} ${Math.round(100 * shares[top])} %`;
      this.plot.setAttribute('aria-valuenow', this.at.toFixed(2));
      this.plot.setAttribute('aria-valuetext', `${clock(this.at, 1)}, ${said}`);
    }
    this.drawBoxes();
  }

  drawBoxes() {
    const { boxes, size, curve, words } = this.data;
    const context = this.canvas.getContext('2d');
    const scale = window.devicePixelRatio || 1;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const [width, height] = [this.canvas.width / scale, this.canvas.height / scale];
    context.clearRect(0, 0, width, height);
    const hasOwn = this.canPlay && this.data.video.has_boxes;
    const drawn = [];
    if (!hasOwn && this.hasBoxes) {
      const isKnown = this.canPlay && this.video.videoWidth;
      const [w, h] = isKnown ? [this.video.videoWidth, this.video.videoHeight] : size;
      const fit = Math.min(width / w, height / h);
      const [left, top] = [(width - fit * w) / 2, (height - fit * h) / 2];
      context.font = '600 13px system-ui, sans-serif';
      for (const track of boxes.tracks) {
        const found = boxAt(track, this.at, boxes);
        if (!found) continue;
        const [x1, y1, x2, y2] = found.box.map((v, i) => (i % 2 ? top + (v / WHOLE) * fit * h : left + (v / WHOLE) * fit * w));
        const [text, colour] = [boxes.texts[found.caption], boxes.colours[found.caption]];
        drawn.push(text);
        context.lineWidth = track.face === curve.face ? 4 : 2;
        context.strokeStyle = colour;
        context.strokeRect(x1, y1, x2 - x1, y2 - y1);
        const textWidth = context.measureText(text).width + 12;
        const y = y1 < top + 22 ? y2 : y1 - 22;
        const x = Math.min(Math.max(x1, 0), Math.max(width - textWidth, 0));
        context.fillStyle = 'rgb(17 21 28 / 88%)';
        context.fillRect(x, y, textWidth, 22);
        context.fillStyle = colour;
        context.fillRect(x, y, 4, 22);
        context.fillStyle = '#fff';
        context.fillText(text, x + 8, y + 16);
      }
    }
    if (this.isPlaying) return;
    // Together: an image without a name is one that a screen reader can't tell.
    this.canvas.setAttribute('role', 'img');
    this.canvas.setAttribute('aria-label', drawn.length ? `${words.shown}: ${drawn.join(', ')}` : words.video);
  }

  toggleFullscreen() {
    if (document.fullscreenElement) return document.exitFullscreen();
    return this.stage.requestFullscreen().catch(() => {});
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isButton = event.target.tagName === 'BUTTON';
    if (event.key in ARROWS) this.step(ARROWS[event.key]);
    else if (event.key === 'Home') this.seek(this.data.from_s);
    else if (event.key === 'End') this.seek(this.data.to_s);
    else if (event.key === ' ' && !isButton) this.toggle();
    else if (event.key.toLowerCase() === 'f') this.toggleFullscreen();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

const players = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  if (!players.has(parentElement)) players.set(parentElement, new Player(parentElement));
  players.get(parentElement).update(data, setTriggerValue);
}
