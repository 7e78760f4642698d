// Bars with numbers, one card a face, changed in place; and a line for screen readers that speaks
// only now and then.

const SAID_EVERY_MS = 4000;

function element(parent, kind, name) {
  const made = document.createElement(kind);
  made.className = name;
  parent.append(made);
  return made;
}

function fit(parent, count, make) {
  while (parent.children.length > count) parent.lastElementChild.remove();
  while (parent.children.length < count) make();
  return [...parent.children];
}

function makeFace(list) {
  const face = element(list, 'li', 'face');
  const title = element(face, 'div', 'title');
  element(title, 'span', 'dot');
  element(title, 'span', 'text');
  element(title, 'span', 'remark');
  element(face, 'div', 'rows');
}

function makeRow(rows) {
  const row = element(rows, 'div', 'row');
  element(row, 'span', 'name');
  element(element(row, 'span', 'track'), 'div', 'fill');
  element(row, 'span', 'value');
}

function say(line, text) {
  if (!text || line.dataset.next === text) return;
  line.dataset.next = text;
  if (line.dataset.waits) return;
  const speak = () => {
    line.textContent = line.dataset.next;
    line.dataset.waits = 'yes';
    setTimeout(() => {
      delete line.dataset.waits;
      if (line.isConnected && line.textContent !== line.dataset.next) speak();
    }, SAID_EVERY_MS);
  };
  speak();
}

export default function ({ data, parentElement }) {
  const list = parentElement.querySelector('.faces');
  list.hidden = !data.faces.length;
  parentElement.querySelector('.nobody').textContent = data.faces.length ? '' : data.nobody;
  fit(list, data.faces.length, () => makeFace(list)).forEach((card, i) => {
    const face = data.faces[i];
    card.querySelector('.dot').style.background = face.colour;
    card.querySelector('.text').textContent = face.title;
    card.querySelector('.remark').textContent = face.remark;
    const rows = card.querySelector('.rows');
    fit(rows, face.rows.length, () => makeRow(rows)).forEach((row, j) => {
      const [name, colour, share, text] = face.rows[j];
      row.querySelector('.name').textContent = name;
      row.querySelector('.name').title = name;
      row.querySelector('.fill').style.background = colour;
      row.querySelector('.fill').style.width = `${100 * share}%`;
      row.querySelector('.value').textContent = text;
    });
  });
  say(parentElement.querySelector('.said'), data.said);
}
