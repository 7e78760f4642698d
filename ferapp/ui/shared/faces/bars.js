// Bars with numbers, one card a face, changed in place; and a line for screen readers that speaks
// only now and then.

const SAID_EVERY_MS = 4000;

function fit(parent, count, add) {
  while (parent.children.length > count) parent.lastElementChild.remove();
  while (parent.children.length < count) add();
  return [...parent.children];
}

function makeFace(list) {
  const face = make(list, 'li', 'face');
  const title = make(face, 'div', 'title');
  make(title, 'span', 'dot');
  make(title, 'span', 'text');
  make(title, 'span', 'remark');
  make(face, 'div', 'rows');
}

function makeRow(rows) {
  const row = make(rows, 'div', 'row');
  make(row, 'span', 'name');
  make(make(row, 'span', 'track'), 'div', 'fill');
  make(row, 'span', 'value');
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
