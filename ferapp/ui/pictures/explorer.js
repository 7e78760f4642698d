// A picture with its faces as buttons, words that filter them, and a card for each. What is chosen
// or filtered stays in the browser; only the faces that are blurred go to the server.

const CARDS_A_PAGE = 24;
const LEAST_CAPTION_PX = 60;
const SVG = 'http://www.w3.org/2000/svg';

class Explorer {
  constructor(parent) {
    this.root = parent.querySelector('.explorer');
    const layout = make(this.root, 'div', 'layout');
    this.frame = make(make(layout, 'div', 'picture'), 'div', 'frame');
    this.image = make(this.frame, 'img', '');
    this.dots = document.createElementNS(SVG, 'svg');
    this.dots.setAttribute('class', 'dots');
    this.dots.setAttribute('viewBox', '0 0 1 1');
    this.dots.setAttribute('preserveAspectRatio', 'none');
    this.dots.setAttribute('aria-hidden', 'true');
    this.frame.append(this.dots);
    this.boxes = make(this.frame, 'div', 'boxes');
    this.boxes.setAttribute('role', 'group');
    this.boxes.dataset.usesArrows = '';
    this.boxes.onkeydown = (event) => this.step(event);
    const side = make(layout, 'div', 'side');
    this.words = make(side, 'div', 'row-of-buttons words');
    this.words.setAttribute('role', 'group');
    this.tools = make(side, 'div', 'row-of-buttons tools');
    this.cards = make(side, 'ul', 'cards');
    this.pages = make(side, 'nav', 'row-of-buttons pages');
    new ResizeObserver(() => this.fitCaptions()).observe(this.frame);
  }

  update(data, send) {
    if (data.id !== this.data?.id) {
      this.chosen = null;
      this.filter = new Set();
      this.page = 0;
    }
    this.data = data;
    this.send = send;
    this.root.classList.toggle('few', data.faces.length <= 2);
    if (this.image.src !== data.image) this.image.src = data.image;
    this.image.alt = data.alt;
    this.boxes.setAttribute('aria-label', data.words.boxes);
    this.words.setAttribute('aria-label', data.words.filter);
    this.pages.setAttribute('aria-label', data.words.pages);
    this.draw();
  }

  shown() {
    return this.data.faces.filter((face) => !this.filter.size || this.filter.has(face.label));
  }

  draw() {
    const shown = this.shown();
    this.drawDots(shown);
    this.drawBoxes(shown);
    this.drawWords();
    this.drawTools();
    const pages = Math.ceil(shown.length / CARDS_A_PAGE);
    this.page = Math.min(this.page, Math.max(pages - 1, 0));
    const first = this.page * CARDS_A_PAGE;
    this.cards.replaceChildren();
    for (const face of shown.slice(first, first + CARDS_A_PAGE)) this.drawCard(face);
    this.drawPages(pages);
  }

  drawDots(shown) {
    // Lines without length, whose round ends are dots of the same size in every picture.
    const dots = shown.flatMap((face) => face.points).map(([x, y]) => `M${x} ${y}h0`).join('');
    this.dots.replaceChildren();
    for (const name of ['rim', 'spot']) {
      const path = document.createElementNS(SVG, 'path');
      path.setAttribute('class', name);
      path.setAttribute('d', dots);
      this.dots.append(path);
    }
  }

  drawBoxes(shown) {
    const focused = this.boxes.getRootNode().activeElement?.dataset.face;
    this.boxes.replaceChildren();
    const visible = shown.filter((face) => !face.is_hidden);
    const tabbable = visible.find((face) => face.number === this.chosen) || visible[0];
    for (const face of visible) {
      const box = makeButton(this.boxes, 'box', '', () => this.choose(face.number, true));
      const [left, top, width, height] = face.box.map((share) => `${100 * share}%`);
      Object.assign(box.style, { left, top, width, height });
      box.style.setProperty('--colour', face.colour);
      box.dataset.face = face.number;
      box.tabIndex = face === tabbable ? 0 : -1;
      box.setAttribute('aria-pressed', String(face.number === this.chosen));
      box.setAttribute('aria-label', `${face.name} ${face.percent}`.trim());
      box.classList.toggle('top', face.box[1] < 0.06);
      box.classList.toggle('right', face.box[0] > 0.75);
      const caption = make(box, 'span', 'caption', String(face.number));
      make(caption, 'span', 'label', ` ${face.label} ${face.percent}`.trimEnd());
      if (focused === box.dataset.face) box.focus();
    }
    this.fitCaptions();
  }

  fitCaptions() {
    for (const box of this.boxes.children) {
      box.classList.toggle('small', box.offsetWidth < LEAST_CAPTION_PX);
    }
  }

  drawWords() {
    const { faces, words } = this.data;
    this.words.replaceChildren();
    make(this.words, 'span', 'count', words.count);
    const counts = new Map();
    for (const face of faces) {
      const seen = counts.get(face.label) || { count: 0, colour: face.colour };
      counts.set(face.label, { ...seen, count: seen.count + 1 });
    }
    if (faces.length < 2) return;
    for (const [label, { count, colour }] of [...counts].sort((a, b) => b[1].count - a[1].count)) {
      const word = makeButton(this.words, 'word', '', () => {
        if (!this.filter.delete(label)) this.filter.add(label);
        this.page = 0;
        this.draw();
        this.words.querySelector(`[data-label="${CSS.escape(label)}"]`)?.focus();
      });
      word.dataset.label = label;
      word.setAttribute('aria-pressed', String(this.filter.has(label)));
      make(word, 'span', 'dot').style.setProperty('--colour', colour);
      word.append(`${count} ${label}`);
    }
  }

  drawTools() {
    const { faces, words } = this.data;
    const hidden = faces.filter((face) => face.is_hidden).map((face) => face.number);
    this.tools.replaceChildren();
    this.tools.hidden = faces.length < 2;
    const everyone = faces.map((face) => face.number);
    if (hidden.length < faces.length) makeButton(this.tools, '', words.blur_all, () => this.hide(everyone));
    if (hidden.length) makeButton(this.tools, '', words.show_all, () => this.hide([]));
    if (this.chosen !== null) {
      const others = everyone.filter((number) => number !== this.chosen);
      makeButton(this.tools, '', `${words.blur_others} ${this.chosen}`, () => this.hide(others));
    }
  }

  drawCard(face) {
    const { faces, words } = this.data;
    const isOpen = face.number === this.chosen || faces.length <= 2;
    const card = make(this.cards, 'li', 'card');
    card.dataset.face = face.number;
    card.classList.toggle('chosen', face.number === this.chosen && faces.length > 2);
    const head = make(card, 'div', 'head');
    const open = makeButton(head, 'open', '', () => this.choose(face.number, false));
    open.setAttribute('aria-expanded', String(isOpen));
    const crop = make(open, 'img', '');
    crop.src = face.crop;
    crop.alt = '';
    const text = make(open, 'div', '');
    make(text, 'div', 'title', face.name);
    make(text, 'div', '', face.said);
    if (faces.length > 1 || face.is_hidden) {
      const eye = makeButton(head, 'eye', face.is_hidden ? words.show : words.blur, () => {
        const hidden = faces.filter((one) => one.is_hidden !== (one === face));
        this.hide(hidden.map((one) => one.number));
      });
      eye.setAttribute('aria-label', `${eye.textContent} ${face.number}`);
    }
    for (const remark of face.remarks) make(card, 'p', 'remark', remark);
    const rows = isOpen ? face.rows : face.rows.slice().sort((a, b) => b[2] - a[2]).slice(0, 3);
    for (const [name, colour, share, percent] of rows) {
      const bar = make(card, 'div', 'bar');
      make(bar, 'span', 'name', name).title = name;
      const fill = make(make(bar, 'span', 'track'), 'div', 'fill');
      fill.style.setProperty('--colour', colour);
      fill.style.width = `${100 * share}%`;
      make(bar, 'span', 'value', percent);
    }
    if (isOpen) this.drawMeasures(card, face.measures);
  }

  drawMeasures(card, measures) {
    if (!measures.length) return;
    const list = make(card, 'dl', 'measures');
    for (const [name, value, related] of measures) {
      make(list, 'dt', '', name).title = related;
      make(list, 'dd', '', value);
    }
  }

  drawPages(pages) {
    const { words } = this.data;
    this.pages.replaceChildren();
    this.pages.hidden = pages < 2;
    const go = (page) => {
      this.page = page;
      this.draw();
    };
    makeButton(this.pages, '', words.previous, () => go(this.page - 1)).disabled = this.page === 0;
    make(this.pages, 'span', '', `${this.page + 1} / ${pages}`);
    makeButton(this.pages, '', words.next, () => go(this.page + 1)).disabled = this.page === pages - 1;
  }

  choose(number, comesFromPicture) {
    this.chosen = this.chosen === number ? null : number;
    const place = this.shown().findIndex((face) => face.number === this.chosen);
    if (place >= 0) this.page = Math.floor(place / CARDS_A_PAGE);
    this.draw();
    const card = this.cards.querySelector(`[data-face="${number}"]`);
    if (comesFromPicture) card?.scrollIntoView({ block: 'nearest', behavior: SCROLLING });
    else card?.querySelector('.open').focus();
  }

  step(event) {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    const boxes = [...this.boxes.children];
    const place = boxes.indexOf(this.boxes.getRootNode().activeElement);
    if (!(event.key in steps) || place < 0) return;
    event.preventDefault();
    event.stopPropagation();
    boxes[(place + steps[event.key] + boxes.length) % boxes.length].focus();
  }

  hide(numbers) {
    this.send('hidden', numbers);
  }
}

const explorers = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  if (!explorers.has(parentElement)) explorers.set(parentElement, new Explorer(parentElement));
  explorers.get(parentElement).update(data, setTriggerValue);
}
